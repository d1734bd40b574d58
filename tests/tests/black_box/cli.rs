//! The command line against a real server: transcripts of what a user types and sees, and JSON as scripts read it.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tests::{TestServer, lakebed_binary, transcript};

pub(super) fn run(name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/black_box/transcripts").join(name);
    transcript(&TestServer::start(), &path);
}

#[test]
fn a_first_day() {
    run("a_first_day.txt");
}

#[test]
fn settings() {
    run("settings.txt");
}

#[test]
fn access() {
    run("access.txt");
}

/// Whatever proves something is in no log, no audit, and nowhere on disk but in its owner's profile.
#[test]
fn no_secret_is_in_any_log() {
    let mut server = TestServer::start();
    let key = &json(&server, &["auth", "credentials", "create"])[0];
    let session = &json(&server, &["auth", "session"])[0];
    json(&server, &["repo", "create", "lakebed://trips"]);
    let secret = |of: &Value, name: &str| of[name].as_str().unwrap().to_owned();
    let secrets = [
        secret(key, "secret_access_key"),
        secret(session, "secret_access_key"),
        secret(session, "session_token"),
        secret(session, "bearer_token"),
    ];
    assert!(server.stop());
    let mut files = vec![server.data_dir()];
    let (mut seen, mut audited) = (0, false);
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        seen += 1;
        audited |= path.ends_with("audit.log") && String::from_utf8_lossy(&bytes).contains("fs:CreateRepository");
        for secret in &secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds a secret", path.display());
        }
    }
    assert!(seen > 5 && audited, "{seen} files");
    assert!(!secrets.iter().any(|secret| server.log().contains(secret)), "the log holds a secret");
}

#[test]
fn conflicts() {
    run("conflicts.txt");
}

#[test]
fn resets() {
    run("resets.txt");
}

#[test]
fn log_of_paths() {
    run("log_of_paths.txt");
}

#[test]
fn reflog() {
    run("reflog.txt");
}

#[test]
fn sources() {
    run("sources.txt");
}

#[test]
fn mistakes() {
    run("mistakes.txt");
}

#[test]
fn presign() {
    run("presign.txt");
}

#[test]
fn odd_names() {
    run("odd_names.txt");
}

/// Runs a command with `--json` and reads its lines.
pub(super) fn json(server: &TestServer, args: &[&str]) -> Vec<Value> {
    let output = server.lakebed(&[args, &["--json"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{args:?}: {e}: {line}"))).collect()
}

#[test]
fn all_that_prints_prints_json_too() {
    let server = TestServer::start();
    let json = |args: &[&str]| json(&server, args);
    assert_eq!(json(&["repo", "create", "lakebed://trips"])[0]["name"], "trips");
    assert_eq!(json(&["repo", "list"])[0]["default_branch"], "main");
    assert_eq!(json(&["repo", "show", "lakebed://trips"])[0]["storage_namespace"], "local://trips");
    std::fs::write(server.folder().join("a"), "hello").unwrap();
    assert_eq!(json(&["fs", "upload", "a", "lakebed://trips/main/x/a"])[0]["bytes"], 5);
    assert_eq!(json(&["fs", "ls", "lakebed://trips/main/"])[0]["common_prefix"], "x/");
    assert_eq!(json(&["fs", "ls", "lakebed://trips/main/x/"])[0]["path"], "x/a");
    assert_eq!(json(&["fs", "stat", "lakebed://trips/main/x/a"])[0]["size"], 5);
    assert_eq!(json(&["fs", "download", "lakebed://trips/main/x/a", "b"])[0]["downloaded"], 1);
    let changed = &json(&["diff", "lakebed://trips/main"])[0];
    assert_eq!((&changed["change"], &changed["path"]), (&"added".into(), &"x/a".into()));
    assert_eq!(json(&["commit", "lakebed://trips/main", "-m", "one", "--meta", "job=7"])[0]["changes"], 1);
    let commit = &json(&["log", "lakebed://trips/main", "-n", "1"])[0];
    assert_eq!((&commit["message"], &commit["metadata"]["job"]), (&"one".into(), &"7".into()));
    assert_eq!(json(&["log", "lakebed://trips/main", "--graph"]).len(), 2);
    let shown = json(&["show", "lakebed://trips/main"]);
    assert_eq!((&shown[0]["id"], &shown[1]["path"]), (&commit["id"], &"x/a".into()));
    assert_eq!(json(&["branch", "create", "lakebed://trips/fix", "--source", "main"])[0]["commit"], commit["id"]);
    assert_eq!(json(&["branch", "list", "lakebed://trips"]).len(), 2);
    assert_eq!(json(&["branch", "show", "lakebed://trips/fix"])[0]["name"], "fix");
    assert_eq!(json(&["tag", "create", "lakebed://trips/v1", "--source", "main"])[0]["name"], "v1");
    assert_eq!(json(&["tag", "list", "lakebed://trips"])[0]["commit"], commit["id"]);
    assert_eq!(json(&["tag", "show", "lakebed://trips/v1"])[0]["name"], "v1");
    assert!(json(&["merge", "lakebed://trips/main", "lakebed://trips/fix"])[0]["up_to_date"].is_string());

    std::fs::write(server.folder().join("a"), "fix").unwrap();
    json(&["fs", "upload", "a", "lakebed://trips/fix/x/a"]);
    json(&["commit", "lakebed://trips/fix", "-m", "fix"]);
    let preview = &json(&["merge", "lakebed://trips/fix", "lakebed://trips/main", "--dry-run"])[0]["preview"];
    assert_eq!(*preview, serde_json::json!({ "added": 0, "changed": 1, "removed": 0 }));
    assert_eq!(json(&["fs", "rm", "lakebed://trips/main/x/a"])[0]["deleted"], 1);
    json(&["commit", "lakebed://trips/main", "-m", "main"]);
    let conflict = &json(&["merge", "lakebed://trips/fix", "lakebed://trips/main"])[0];
    assert_eq!((&conflict["conflict"], &conflict["destination"]), (&"x/a".into(), &Value::Null));
    assert_eq!(conflict["source"]["size"], 3);
    let merged = &json(&["merge", "lakebed://trips/fix", "lakebed://trips/main", "--strategy", "source-wins"])[0];
    assert_eq!(merged["merged"]["parents"].as_array().unwrap().len(), 2);

    assert_eq!(json(&["branch", "reset", "lakebed://trips/fix", "--yes"])[0]["name"], "fix");
    assert_eq!(json(&["tag", "delete", "lakebed://trips/v1", "--yes"])[0]["deleted"], "lakebed://trips/v1");
    assert_eq!(json(&["branch", "delete", "lakebed://trips/fix", "--yes"])[0]["deleted"], "lakebed://trips/fix");
    assert_eq!(json(&["branch", "list", "lakebed://trips", "--deleted"])[0]["uncommitted"]["state"], "absent");
    assert_eq!(json(&["branch", "undelete", "lakebed://trips/fix"])[0]["branch"]["name"], "fix");
    assert_eq!(json(&["reflog", "lakebed://trips/fix", "-n", "1"])[0]["why"], "undelete");
    assert_eq!(json(&["repo", "delete", "lakebed://trips", "--yes"])[0]["deleted"], "lakebed://trips");
    assert_eq!(json(&["env"])[0]["AWS_ENDPOINT_URL"], server.endpoint());
    assert!(json(&["doctor"]).iter().all(|check| check["ok"] == true));
}

#[test]
fn scripts_of_shells_are_complete() {
    let server = TestServer::start();
    for (shell, check) in [("bash", Some("bash")), ("zsh", None), ("fish", None)] {
        let script = server.lakebed_ok(&["completion", shell]);
        assert!(script.contains("three-dot"), "{shell} knows the options");
        if let Some(check) = check {
            let path = server.folder().join("completion");
            std::fs::write(&path, script).unwrap();
            assert!(Command::new(check).arg("-n").arg(&path).status().unwrap().success(), "{shell} can read it");
        }
    }
}

#[test]
fn over_tls_the_authority_must_be_known() {
    let server = TestServer::start_with_tls();
    server.lakebed_ok(&["repo", "create", "lakebed://trips"]);
    assert!(server.lakebed_ok(&["env"]).contains("AWS_CA_BUNDLE"));
    let ca = server.ca().unwrap().to_str().unwrap().to_owned();
    let without = |args: &[&str]| {
        let mut command = Command::new(lakebed_binary());
        command.args(args).env_clear().envs(server.environment()).env("LAKEBED_ENDPOINT", server.endpoint());
        command.env("SSL_CERT_FILE", "/dev/null").output().unwrap()
    };
    let refused = without(&["doctor"]);
    assert_eq!(refused.status.code(), Some(5));
    assert!(String::from_utf8_lossy(&refused.stdout).contains("--ca-cert"), "{refused:?}");
    assert!(without(&["--ca-cert", &ca, "doctor"]).status.success());
    // Another file is refused before anything is sent, and said to be no authority's certificate.
    for (wrong, says) in [("nosuch.pem", "No such file"), (server.log_path().to_str().unwrap(), "PEM")] {
        for (command, code) in [("doctor", 1), ("whoami", 2)] {
            let refused = without(&["--ca-cert", wrong, command]);
            let told = [refused.stdout, refused.stderr].concat();
            let told = String::from_utf8_lossy(&told);
            assert_eq!(refused.status.code(), Some(code), "{told}");
            assert!(told.contains("--ca-cert") && told.contains(says), "{told}");
        }
    }
}

/// Who takes one of http and https for the other is told.
#[test]
fn the_other_of_http_and_https_is_named() {
    let (plain, tls) = (TestServer::start(), TestServer::start_with_tls());
    for (server, wrong) in [(&plain, "https"), (&tls, "http")] {
        let (right, address) = server.endpoint().split_once("://").unwrap();
        let endpoint = format!("{wrong}://{address}");
        for command in [&["doctor"][..], &["repo", "list"]] {
            let typed = [&["--endpoint", &*endpoint], command].concat();
            let told = server.lakebed(&typed);
            let text = [told.stdout.as_slice(), &told.stderr].concat();
            let text = String::from_utf8_lossy(&text);
            assert!(!told.status.success() && text.contains(&format!("say {right}://{address}")), "{text}");
            assert!(command != ["doctor"] || told.status.code() == Some(5), "{text}");
        }
    }
}

/// An upload that goes on for as long as its standard input is open.
fn slow_upload(server: &TestServer) -> Child {
    let mut upload = Command::new(lakebed_binary())
        .args(["fs", "upload", "-", "lakebed://trips/main/slow"])
        .env_clear()
        .envs(server.client_environment())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    upload.stdin.as_mut().unwrap().write_all(&vec![b'x'; SLOW_BYTES]).unwrap();
    let temporary = server.data_dir().join("objects/.lakebed");
    wait_for("the upload is under way", || bytes_under(&temporary) >= 1 << 20);
    upload
}

/// How much of a slow upload is sent before its end.
const SLOW_BYTES: usize = 4 << 20;

#[test]
fn a_server_that_is_asked_to_end_finishes_what_is_under_way() {
    let mut server = TestServer::start();
    server.lakebed_ok(&["repo", "create", "lakebed://trips"]);
    let mut upload = slow_upload(&server);
    let address = server.endpoint().strip_prefix("http://").unwrap().to_owned();
    let ended = std::thread::scope(|scope| {
        let server = &mut server;
        let ended = scope.spawn(|| server.stop());
        wait_for("the port is closed", || TcpStream::connect(&address).is_err());
        upload.stdin.take().unwrap().write_all(b"the end").unwrap();
        assert!(upload.wait().unwrap().success(), "the upload ends well");
        ended.join().unwrap()
    });
    assert!(ended, "and so does the server: {}", server.log());
    server.start_again();
    let size = &json(&server, &["fs", "stat", "lakebed://trips/main/slow"])[0]["size"];
    assert_eq!(*size, SLOW_BYTES + "the end".len());
}

#[test]
fn a_server_that_is_asked_twice_ends_at_once() {
    let mut server = TestServer::start();
    server.lakebed_ok(&["repo", "create", "lakebed://trips"]);
    let mut upload = slow_upload(&server);
    let address = server.endpoint().strip_prefix("http://").unwrap().to_owned();
    assert!(Command::new("kill").args(["-TERM", &server.pid().to_string()]).status().unwrap().success());
    wait_for("the port is closed", || TcpStream::connect(&address).is_err());
    assert!(!server.stop(), "it says that it didn't end well");
    assert!(!upload.wait().unwrap().success(), "the upload was cut off");
    server.start_again();
    assert_eq!(server.lakebed(&["fs", "stat", "lakebed://trips/main/slow"]).status.code(), Some(4), "it isn't there");
}

pub(super) fn wait_for(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(super) fn bytes_under(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let size = |path: &Path| match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_under(path),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.flatten().map(|entry| size(&entry.path())).sum()
}
