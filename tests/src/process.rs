//! A `lakebed` server process of any role, with settings and environment that the test gives. Owns its log and its end.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::lakebed_binary;

/// How long a server may take to be ready before the test is given up.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server process; it is killed when this is dropped.
pub struct ServerProcess {
    child: Child,
    ready: String,
    endpoint: String,
    log: PathBuf,
}

impl ServerProcess {
    /// Starts `lakebed` with these arguments and nothing in its environment but the PATH and what is given. Its standard
    /// error goes to the end of `log`.
    ///
    /// # Errors
    /// What it logged, when it ended instead of getting ready.
    pub fn start(args: &[&str], env: &[(&str, &str)], folder: &Path, log: &str) -> Result<Self, String> {
        let mut command = Command::new(lakebed_binary());
        command.args(args);
        Self::run(command, env, folder, log)
    }

    /// The same with so many file descriptors at most, of which it is given a few at first.
    ///
    /// # Errors
    /// What it logged, when it ended instead of getting ready.
    pub fn start_with_few_descriptors(
        most: u32,
        args: &[&str],
        env: &[(&str, &str)],
        folder: &Path,
        log: &str,
    ) -> Result<Self, String> {
        let limits = format!("ulimit -Hn {most}; ulimit -Sn {}; exec \"$@\"", most / 2);
        let mut command = Command::new("sh");
        command.args(["-c", &limits, "sh"]).arg(lakebed_binary()).args(args);
        Self::run(command, env, folder, log)
    }

    fn run(mut command: Command, env: &[(&str, &str)], folder: &Path, log: &str) -> Result<Self, String> {
        let log = folder.join(log);
        let errors = File::options().create(true).append(true).open(&log).expect("a log file");
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.envs(env.iter().copied()).current_dir(folder).stdout(Stdio::piped()).stderr(errors);
        let mut child = command.spawn().expect("the lakebed binary starts");
        let stdout = child.stdout.take().expect("standard output is piped");
        let mut server = Self { child, ready: String::new(), endpoint: String::new(), log };
        let (send, line) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let _ = BufReader::new(stdout).read_line(&mut line);
            let _ = send.send(line);
        });
        server.ready = line.recv_timeout(PATIENCE).unwrap_or_default();
        match server.ready.split_whitespace().find(|word| word.starts_with("http")) {
            Some(url) => {
                server.endpoint = url.to_owned();
                Ok(server)
            }
            None => {
                server.kill();
                Err(server.log())
            }
        }
    }

    /// The line that it printed when it was ready.
    pub fn ready(&self) -> &str {
        &self.ready
    }

    /// Its URL.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Everything that it, and others with the same log before it, wrote to standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Ends it at once, as `kill -9` does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        self.kill();
    }
}
