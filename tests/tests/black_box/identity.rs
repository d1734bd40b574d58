//! Keys and secrets: made at the first start, shown once, kept encrypted, and in no log.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use object_store::ObjectStoreExt;
use object_store::path::Path as Key;
use tempfile::TempDir;
use tests::{ServerProcess, TestServer, lakebed_binary, s3_client_of};

/// A folder of a server whose keys nobody presets.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Starts a server; each start has a log of its own.
    fn start(&self, log: &str, env: &[(&str, &str)]) -> Result<ServerProcess, String> {
        let home = [("HOME", self.path().to_str().unwrap())];
        let env: Vec<_> = home.into_iter().chain(env.iter().copied()).collect();
        ServerProcess::start(&["run", "--listen", "127.0.0.1:0"], &env, self.path(), log)
    }

    fn profile(&self) -> std::path::PathBuf {
        self.path().join(".config/lakebed/profile.toml")
    }

    fn lakebed(&self, endpoint: &str, env: &[(&str, &str)], args: &[&str]) -> Output {
        let mut command = Command::new(lakebed_binary());
        command.args(args).env_clear().env("HOME", self.path()).env("LAKEBED_ENDPOINT", endpoint);
        command.envs(env.iter().copied()).current_dir(self.path()).output().unwrap()
    }

    fn lakebed_ok(&self, server: &ServerProcess, args: &[&str]) -> String {
        let output = self.lakebed(server.endpoint(), &[], args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The word after a label.
fn behind<'a>(text: &'a str, label: &str) -> &'a str {
    let (_, rest) = text.split_once(label).unwrap_or_else(|| panic!("no {label:?} in {text}"));
    rest.split_whitespace().next().unwrap()
}

#[test]
fn the_first_start_tells_the_keys_once_and_writes_the_profile() {
    let home = Home::new();
    let mut server = home.start("first.log", &[]).unwrap();
    let told = server.log();
    let (id, secret) = (behind(&told, "access key id "), behind(&told, "secret access key "));
    assert!(secret.len() >= 40, "a secret is long");
    assert_eq!(told.matches(secret).count(), 1, "shown once: {told}");
    assert!(!server.ready().contains(id), "standard output has the ready line only");
    let profile = fs::read_to_string(home.profile()).unwrap();
    assert!(profile.contains(id) && profile.contains(secret) && profile.contains(server.endpoint()), "{profile}");
    assert_eq!(fs::metadata(home.profile()).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(home.path().join("data")).unwrap().permissions().mode() & 0o777, 0o700);
    home.lakebed_ok(&server, &["repo", "create", "lakebed://trips"]);

    server.kill();
    let server = home.start("second.log", &[]).unwrap();
    assert!(!server.log().contains(id) && !server.log().contains(secret), "{}", server.log());
    home.lakebed_ok(&server, &["repo", "show", "lakebed://trips"]);
    assert_eq!(fs::read_to_string(home.profile()).unwrap(), profile, "the profile is as it was");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_in_the_data_nor_in_a_log() {
    let home = Home::new();
    let (id, secret) = ("AKGREPPED", "a+secret/that.is.searched.for.everywhere");
    let preset = [("LAKEBED_INSTALLATION_ACCESS_KEY_ID", id), ("LAKEBED_INSTALLATION_SECRET_ACCESS_KEY", secret)];
    let debug: Vec<_> = preset.into_iter().chain([("LAKEBED_LOG", "debug")]).collect();
    let mut server = home.start("server.log", &debug).unwrap();
    home.lakebed_ok(&server, &["repo", "create", "lakebed://trips"]);
    let s3 = s3_client_of(server.endpoint(), (id, secret), "trips");
    s3.put(&Key::from("main/a"), "x".into()).await.unwrap();
    s3.get(&Key::from("main/a")).await.unwrap();
    s3_client_of(server.endpoint(), (id, "wrong"), "trips").get(&Key::from("main/a")).await.unwrap_err();
    let wrong = [("LAKEBED_ACCESS_KEY_ID", id), ("LAKEBED_SECRET_ACCESS_KEY", "a-wrong-secret-of-the-caller")];
    assert!(!home.lakebed(server.endpoint(), &wrong, &["repo", "list"]).status.success());
    home.lakebed_ok(&server, &["commit", "lakebed://trips/main", "-m", "x"]);
    server.kill();
    // A second start reads all of it again.
    let mut server = home.start("server.log", &debug).unwrap();
    home.lakebed_ok(&server, &["repo", "list"]);
    server.kill();

    let key = fs::read_to_string(home.path().join("data/encryption.key")).unwrap().trim().to_owned();
    let log = server.log();
    assert!(log.contains("DEBUG"), "the log is a long one");
    // As it is, as it goes over the wire (`id:secret` in base64), and the caller's wrong one.
    let basic = "QUtHUkVQUEVEOmErc2VjcmV0";
    for text in [secret, basic, "a-wrong-secret-of-the-caller", &key] {
        assert!(!log.contains(text), "{text} is logged");
    }
    let mut files = 0;
    walk(&home.path().join("data"), &mut |path, bytes| {
        files += 1;
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} is open to other users: {mode:o}", path.display());
        for text in [secret, basic, &key] {
            let is_key = text == key && path.ends_with("encryption.key");
            assert!(is_key || !contains(bytes, text.as_bytes()), "{text} is in {}", path.display());
        }
    });
    assert!(files > 10, "the data was searched");
}

#[test]
fn two_servers_at_one_address_keep_their_keys() {
    let home = Home::new();
    let mut first = home.start("first.log", &[]).unwrap();
    home.lakebed_ok(&first, &["repo", "create", "lakebed://of-the-first"]);
    let address = first.endpoint().trim_start_matches("http://").to_owned();
    first.kill();
    let at_the_same = |data: &str| {
        let env = [("HOME", home.path().to_str().unwrap())];
        let args = ["run", "--listen", &address, "--data-dir", data];
        ServerProcess::start(&args, &env, home.path(), &format!("{data}.log")).unwrap()
    };
    let mut second = at_the_same("other");
    assert!(second.log().contains("profile server-"), "{}", second.log());
    assert_eq!(home.lakebed_ok(&second, &["repo", "list"]), "");
    second.kill();
    let again = at_the_same("data");
    assert!(home.lakebed_ok(&again, &["repo", "list"]).contains("of-the-first"));
}

#[test]
fn presets_are_taken_and_kept() {
    let home = Home::new();
    let preset = |secret| {
        [("LAKEBED_INSTALLATION_ACCESS_KEY_ID", "AKPRESET"), ("LAKEBED_INSTALLATION_SECRET_ACCESS_KEY", secret)]
    };
    let keys = |secret| [("LAKEBED_ACCESS_KEY_ID", "AKPRESET"), ("LAKEBED_SECRET_ACCESS_KEY", secret)];
    let short = home.start("log", &preset("short")).err().expect("too short a secret");
    assert!(short.contains("preset access key can't be used") && !short.contains("short:"), "{short}");
    let half = home.start("log", &preset("")).err().expect("half a key");
    assert!(half.contains("set both"), "{half}");

    let first = "the-first-secret-of-this-installation";
    let mut server = home.start("preset.log", &preset(first)).unwrap();
    assert!(!server.log().contains(first), "what the operator knows isn't told: {}", server.log());
    assert!(home.lakebed(server.endpoint(), &keys(first), &["repo", "list"]).status.success());
    server.kill();
    let other = home.start("log", &preset("another-secret-of-this-installation")).err().expect("another secret");
    assert!(other.contains("exists already with another secret"), "{other}");

    // A key that is preset later is one more: so gets in who lost all.
    let later = [
        ("LAKEBED_INSTALLATION_ACCESS_KEY_ID", "AKLATER"),
        ("LAKEBED_INSTALLATION_SECRET_ACCESS_KEY", "a-secret-that-was-preset-later"),
    ];
    let server = home.start("later.log", &later).unwrap();
    assert!(home.lakebed(server.endpoint(), &keys(first), &["repo", "list"]).status.success());
    let keys = [("LAKEBED_ACCESS_KEY_ID", later[0].1), ("LAKEBED_SECRET_ACCESS_KEY", later[1].1)];
    assert!(home.lakebed(server.endpoint(), &keys, &["repo", "list"]).status.success());
}

#[test]
fn only_the_encryption_key_of_the_data_will_do() {
    let home = Home::new();
    home.start("first.log", &[]).unwrap().kill();
    let other = "0123456789abcdef".repeat(4);
    let refused = home.start("log", &[("LAKEBED_ENCRYPTION_KEY", &other)]).err().expect("another key");
    assert!(refused.contains("isn't the encryption key"), "{refused}");
    let refused = home.start("log", &[("LAKEBED_ENCRYPTION_KEY", "no key")]).err().expect("no key");
    assert!(refused.contains("must be 32 bytes") && !refused.contains("no key"), "{refused}");

    let (key, copy) = (home.path().join("data/encryption.key"), home.path().join("copy.key"));
    fs::rename(&key, &copy).unwrap();
    let refused = home.start("lost.log", &[]).err().expect("a lost key");
    assert!(refused.contains("is gone"), "{refused}");
    assert!(!key.exists(), "no other is made in its place");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o644)).unwrap();
    let file = [("LAKEBED_ENCRYPTION_KEY_FILE", copy.to_str().unwrap())];
    let refused = home.start("open.log", &file).err().expect("a key that others may read");
    assert!(refused.contains("chmod 600"), "{refused}");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o600)).unwrap();
    let server = home.start("second.log", &file).unwrap();
    home.lakebed_ok(&server, &["repo", "list"]);
}

#[test]
fn one_process_has_the_data_and_one_the_port() {
    let server = TestServer::start();
    let port = server.endpoint().strip_prefix("http://").unwrap();
    let data = server.data_dir();
    let start = |args: &[&str]| {
        ServerProcess::start(&[&["run"], args].concat(), &[], server.folder(), "other.log").err().expect("refused")
    };
    let refused = start(&["--listen", "127.0.0.1:0", "--data-dir", data.to_str().unwrap()]);
    assert!(refused.contains("in use by another process"), "{refused}");
    let refused = start(&["--listen", port, "--data-dir", "other"]);
    assert!(refused.contains("--listen"), "{refused}");
}

#[test]
fn settings_come_from_flags_then_environment_then_the_file() {
    let home = Home::new();
    let config = |text: &str| fs::write(home.path().join("lakebed.toml"), text).unwrap();
    let env = [("LAKEBED_CONFIG", "lakebed.toml")];
    let start = |args: &[&str], env: &[(&str, &str)]| {
        let env: Vec<_> = env.iter().copied().chain([("HOME", home.path().to_str().unwrap())]).collect();
        ServerProcess::start(&[&["run"], args].concat(), &env, home.path(), "log")
    };
    config("lisen = '127.0.0.1:0'");
    let refused = start(&[], &env).err().expect("a typing error");
    assert!(refused.contains("unknown field `lisen`"), "{refused}");
    config("listen = '127.0.0.1'");
    assert!(start(&[], &env).err().expect("no port").contains("line 1"));

    config(
        "data_dir = 'of-file'\nlisten = '127.0.0.1:0'\nobject_store = 'memory:///'\ncache_mib = 16\n\
         object_store_options = {}\ns3_domains = ['s3.example.com']\n",
    );
    let server = start(&[], &env).unwrap();
    assert!(server.ready().contains("memory:///") && server.ready().contains("/of-file"), "{}", server.ready());
    drop(server);
    let more = [env[0], ("LAKEBED_DATA_DIR", "of-environment")];
    assert!(start(&[], &more).unwrap().ready().contains("/of-environment"));
    assert!(start(&["--data-dir", "of-flag"], &more).unwrap().ready().contains("/of-flag"));
}

fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|window| window == text)
}

fn walk(folder: &Path, visit: &mut impl FnMut(&Path, &[u8])) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, visit);
        } else {
            visit(&path, &fs::read(&path).unwrap());
        }
    }
}
