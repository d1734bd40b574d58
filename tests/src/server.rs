//! A `lakebed run` process under test. Owns its folder, its keys and its end.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use tempfile::TempDir;

use crate::TestAuthority;

/// How long a server may take to be ready, or to end, before the test is given up: a bound for a hung process on a
/// slow machine, nothing that is measured.
const PATIENCE: Duration = Duration::from_secs(120);

/// What differs from `lakebed run` with its defaults.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Whether the port speaks TLS.
    pub tls: bool,
    /// More arguments.
    pub args: Vec<String>,
    /// More environment.
    pub env: Vec<(String, String)>,
    /// Where the data folder lies; a folder in the test's own if none is named.
    pub data_dir: Option<PathBuf>,
}

/// A running server with an administrator whose keys are known.
pub struct TestServer {
    settings: Settings,
    folder: TempDir,
    authority: TestAuthority,
    child: Option<Child>,
    endpoint: String,
}

impl TestServer {
    /// The administrator's access key id.
    pub const ACCESS_KEY_ID: &str = "AKLAKEBEDTESTADMIN00";
    /// Its secret.
    pub const SECRET_ACCESS_KEY: &str = "lakebed/test/secret+access/key0123456789";

    /// Starts a server over HTTP with its data in a temporary folder.
    pub fn start() -> Self {
        Self::with(Settings::default())
    }

    /// Starts a server over HTTPS.
    pub fn start_with_tls() -> Self {
        Self::with(Settings { tls: true, ..Settings::default() })
    }

    /// Starts a server with other settings.
    pub fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let authority = TestAuthority::new(folder.path());
        let mut server = Self { settings, folder, authority, child: None, endpoint: String::new() };
        server.start_again();
        server
    }

    /// Starts the server again over the same folder, after [`Self::kill`] or [`Self::stop`].
    ///
    /// # Panics
    /// When it doesn't get ready; shows what it logged.
    pub fn start_again(&mut self) {
        if let Err(log) = self.try_start() {
            panic!("the server didn't get ready:\n{log}");
        }
    }

    /// Starts the server again, or tells what it logged when it refused to.
    pub fn try_start(&mut self) -> Result<(), String> {
        assert!(self.child.is_none(), "the server runs already");
        let log = std::fs::File::options().create(true).append(true).open(self.log_path()).expect("a log file");
        let mut command = Command::new(lakebed_binary());
        command.args(["run", "--listen", "127.0.0.1:0", "--data-dir"]).arg(self.data_dir());
        if self.settings.tls {
            command.arg("--tls-cert").arg(&self.authority.cert).arg("--tls-key").arg(&self.authority.key);
        }
        command.args(&self.settings.args).env_clear().envs(self.environment()).current_dir(self.folder.path());
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("the lakebed binary starts");
        let stdout = child.stdout.take().expect("standard output is piped");
        self.child = Some(child);
        let (send, ready) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(stdout).read_line(&mut line);
            let _ = send.send(line);
        });
        let line = ready.recv_timeout(PATIENCE).unwrap_or_default();
        let url =
            line.split_whitespace().find(|word| word.starts_with("http")).map(|url| url.trim_end_matches([',', '.']));
        match url {
            Some(url) => {
                url.clone_into(&mut self.endpoint);
                Ok(())
            }
            None => {
                self.kill();
                Err(self.log())
            }
        }
    }

    /// Ends the server at once, as `kill -9` does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Ends the server as an operator does, with SIGTERM; true if it ended well.
    pub fn stop(&mut self) -> bool {
        let Some(mut child) = self.child.take() else { return true };
        let pid = child.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let (send, ended) = mpsc::channel();
        let waiter = std::thread::spawn(move || {
            let _ = send.send(child.wait());
        });
        if let Ok(status) = ended.recv_timeout(PATIENCE) {
            waiter.join().expect("the waiter ends");
            return status.is_ok_and(|status| status.success());
        }
        let _ = Command::new("kill").args(["-KILL", &pid]).status();
        false
    }

    /// The server's URL.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the server runs").id()
    }

    /// The authority to trust over HTTPS; `None` over HTTP.
    pub fn ca(&self) -> Option<&Path> {
        self.settings.tls.then_some(self.authority.ca.as_path())
    }

    /// The folder of this test: `home` and the log beside the data.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The server's data folder.
    pub fn data_dir(&self) -> PathBuf {
        self.settings.data_dir.clone().unwrap_or_else(|| self.folder.path().join("data"))
    }

    /// Everything that the server logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Where that is.
    pub fn log_path(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// The environment of server and clients: nothing of the machine's but the PATH.
    pub fn environment(&self) -> Vec<(String, String)> {
        let text = |path: &Path| path.to_str().expect("test paths are UTF-8").to_owned();
        let mut environment = vec![
            ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default()),
            ("HOME".to_owned(), text(self.folder.path())),
            ("RUST_BACKTRACE".to_owned(), "1".to_owned()),
            ("LAKEBED_PROFILE_FILE".to_owned(), text(&self.folder.path().join("profile.toml"))),
            ("LAKEBED_INSTALLATION_ACCESS_KEY_ID".to_owned(), Self::ACCESS_KEY_ID.to_owned()),
            ("LAKEBED_INSTALLATION_SECRET_ACCESS_KEY".to_owned(), Self::SECRET_ACCESS_KEY.to_owned()),
        ];
        environment.extend(self.settings.env.iter().cloned());
        environment
    }

    /// The variables by which clients find the server and its keys.
    pub fn client_environment(&self) -> Vec<(String, String)> {
        let mut environment = self.environment();
        let mut set = |name: &str, value: &str| environment.push((name.to_owned(), value.to_owned()));
        set("LAKEBED_ENDPOINT", self.endpoint());
        set("LAKEBED_TEST_ENDPOINT", self.endpoint());
        // `lakebed env` didn't set these.
        set("LAKEBED_AWS_KEYS", "1");
        set("AWS_ACCESS_KEY_ID", Self::ACCESS_KEY_ID);
        set("AWS_SECRET_ACCESS_KEY", Self::SECRET_ACCESS_KEY);
        set("AWS_REGION", "us-east-1");
        set("AWS_DEFAULT_REGION", "us-east-1");
        set("AWS_EC2_METADATA_DISABLED", "true");
        if let Some(ca) = self.ca() {
            for name in
                ["AWS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "LAKEBED_CA_CERT", "REQUESTS_CA_BUNDLE"]
            {
                set(name, ca.to_str().expect("test paths are UTF-8"));
            }
        }
        environment
    }

    /// Runs a `lakebed` command against the server.
    pub fn lakebed(&self, args: &[&str]) -> Output {
        let mut command = Command::new(lakebed_binary());
        command.args(args).env_clear().envs(self.client_environment()).current_dir(self.folder.path());
        command.output().expect("the lakebed binary starts")
    }

    /// Runs a `lakebed` command that must succeed, and gives what it printed.
    ///
    /// # Panics
    /// When it fails; shows why.
    pub fn lakebed_ok(&self, args: &[&str]) -> String {
        let output = self.lakebed(args);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "lakebed {args:?} failed ({}):\n{}{}\nserver:\n{}",
            output.status,
            text(&output.stdout),
            text(&output.stderr),
            self.log()
        );
        text(&output.stdout)
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The binary under test, which `cargo test --workspace` builds beside the tests.
///
/// # Panics
/// When it isn't there.
pub fn lakebed_binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its path");
    let folder = test.parent().and_then(Path::parent).expect("tests lie in target/<profile>/deps");
    let binary = folder.join("lakebed");
    assert!(binary.exists(), "{} isn't built: run the tests with `make test`", binary.display());
    binary
}
