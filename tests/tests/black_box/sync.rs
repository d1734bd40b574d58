//! Uploads and downloads of folders: what is sent, what is left, and what Ctrl-C leaves.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tests::{TestServer, lakebed_binary};

use super::cli::{bytes_under, json, run, wait_for};

#[test]
fn folders_are_kept_alike() {
    run("sync.txt");
}

#[test]
fn recursion_takes_folders() {
    run("folders.txt");
}

const MIB: u64 = 1 << 20;
const UP: [&str; 6] = ["fs", "upload", "-r", "lake", "lakebed://trips/main/lake", "--jobs=1"];
const DOWN: [&str; 6] = ["fs", "download", "-r", "lakebed://trips/main/lake/", "down", "--jobs=1"];

/// A server, and a folder with three small files and a last one, of zeros, that is large.
fn with_folder(large: u64) -> TestServer {
    let server = TestServer::start();
    server.lakebed_ok(&["repo", "create", "lakebed://trips"]);
    let lake = server.folder().join("lake");
    std::fs::create_dir(&lake).unwrap();
    for name in ["a", "b", "c"] {
        std::fs::write(lake.join(name), name).unwrap();
    }
    File::create(lake.join("large")).unwrap().set_len(large).unwrap();
    server
}

/// Runs a command and sends it a signal once something holds.
fn ended_by(name: &str, server: &TestServer, args: &[&str], holds: impl FnMut() -> bool) -> Output {
    let child = spawn(server, args);
    wait_for("the large file is under way", holds);
    signal(&child, name);
    child.wait_with_output().unwrap()
}

/// Runs a command, and does something else while it stands still once something holds.
fn meanwhile(server: &TestServer, args: &[&str], holds: impl FnMut() -> bool, other: impl FnOnce()) -> (Value, String) {
    let child = spawn(server, &[args, &["--json"]].concat());
    wait_for("the large file is under way", holds);
    signal(&child, "-STOP");
    other();
    signal(&child, "-CONT");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    (serde_json::from_slice(&output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn spawn(server: &TestServer, args: &[&str]) -> Child {
    // Who runs these tests may ignore SIGHUP, as nohup has it.
    let mut command = Command::new("/usr/bin/env");
    command.arg("--default-signal=HUP").arg(lakebed_binary());
    command.args(args).env_clear().envs(server.client_environment()).current_dir(server.folder());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

fn told(output: &Output, code: i32, words: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    assert!(errors.contains(words) && errors.contains("the same command again"), "{errors}");
}

fn counts(done: &[Value], sent: &str) -> [u64; 2] {
    [sent, "skipped"].map(|name| done[0][name].as_u64().unwrap())
}

#[test]
fn an_upload_goes_on_after_ctrl_c() {
    let server = with_folder(1024 * MIB);
    let under_way = server.data_dir().join("objects/.lakebed");
    let output = ended_by("-INT", &server, &UP, || bytes_under(&under_way) >= MIB);
    told(&output, 130, "Uploaded 3 files, 3 bytes");
    let large = server.lakebed(&["fs", "stat", "lakebed://trips/main/lake/large"]);
    assert_eq!(large.status.code(), Some(4), "nothing of it is there");
    File::options().write(true).open(server.folder().join("lake/large")).unwrap().set_len(MIB).unwrap();
    assert_eq!(counts(&json(&server, &UP), "uploaded"), [1, 3]);
    assert_eq!(counts(&json(&server, &UP), "uploaded"), [0, 4]);
}

#[test]
fn a_download_goes_on_after_each_signal() {
    let server = with_folder(192 * MIB);
    server.lakebed_ok(&UP);
    let down = server.folder().join("down");
    let left = || {
        let names = std::fs::read_dir(&down).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let (unfinished, whole): (Vec<_>, Vec<_>) = names.partition(|name| name.starts_with(".lakebed-download-"));
        (unfinished.len(), whole.len())
    };
    for (signal, code, done) in [
        ("-INT", 130, "Downloaded 3 files, 3 bytes"),
        ("-TERM", 143, "Downloaded 0 files, 0 bytes; 3 unchanged"),
        ("-HUP", 129, "Downloaded 0 files, 0 bytes; 3 unchanged"),
    ] {
        let output = ended_by(signal, &server, &DOWN, || unfinished(&down) >= MIB);
        told(&output, code, done);
        assert_eq!(left(), (0, 3), "no part of the large file is left, under any name: {signal}");
    }
    let killed = ended_by("-KILL", &server, &DOWN, || unfinished(&down) >= MIB);
    assert!(killed.status.code().is_none() && left() == (1, 3), "that can't be caught: {killed:?}");
    let dry_run = json(&server, &[&DOWN[..], &["--dry-run"]].concat());
    assert_eq!(counts(&dry_run[1..], "downloaded"), [1, 3]);
    assert_eq!(left(), (1, 3), "a dry run removes nothing");
    assert_eq!(counts(&json(&server, &DOWN), "downloaded"), [1, 3]);
    assert_eq!(left(), (0, 4), "what was killed left nothing for ever");
    assert_eq!(down.join("large").metadata().unwrap().len(), 192 * MIB);
    assert_eq!(counts(&json(&server, &DOWN), "downloaded"), [0, 4]);
}

#[test]
fn what_others_write_during_an_upload_is_not_deleted() {
    let server = with_folder(192 * MIB);
    let put = |name: &str| {
        let to = format!("lakebed://trips/main/lake/{name}");
        server.lakebed_ok(&["fs", "upload", "lake/a", &to, "--force"]);
    };
    put("old");
    put("theirs");
    server.lakebed_ok(&["commit", "lakebed://trips/main", "-m", "some"]);
    let under_way = server.data_dir().join("objects/.lakebed");
    let up = [&UP[..], &["--delete"]].concat();
    // The same bytes, so that it isn't told by its ETag.
    let (done, notes) = meanwhile(&server, &up, || bytes_under(&under_way) >= MIB, || put("theirs"));
    assert_eq!([&done["deleted"], &done["kept"]], [1, 1], "{done}");
    assert!(notes.contains("lake/theirs was kept: changed since it was listed"), "{notes}");
    let listed = json(&server, &["fs", "ls", "lakebed://trips/main/lake/"]);
    let paths: Vec<_> = listed.iter().map(|object| object["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["lake/a", "lake/b", "lake/c", "lake/large", "lake/theirs"]);
}

#[test]
fn what_others_write_during_a_download_is_not_deleted() {
    let server = with_folder(192 * MIB);
    server.lakebed_ok(&UP);
    let down = server.folder().join("down");
    std::fs::create_dir(&down).unwrap();
    for name in ["old", "notes"] {
        std::fs::write(down.join(name), "old").unwrap();
    }
    let (args, notes) = ([&DOWN[..], &["--delete"]].concat(), down.join("notes"));
    let write = || std::fs::write(&notes, "typed meanwhile").unwrap();
    let (done, told) = meanwhile(&server, &args, || unfinished(&down) >= MIB, write);
    assert_eq!([&done["deleted"], &done["kept"]], [1, 1], "{done}");
    assert!(told.contains("notes was kept: changed since it was listed"), "{told}");
    assert_eq!(std::fs::read_to_string(&notes).unwrap(), "typed meanwhile");
    assert!(!down.join("old").exists());
}

/// What a transfer has to send is sent over whatever is there by then: the last to write wins.
#[test]
fn what_others_write_to_the_same_path_meanwhile_is_written_over() {
    let server = with_folder(192 * MIB);
    std::fs::write(server.folder().join("lake/last"), "mine").unwrap();
    std::fs::rename(server.folder().join("lake/large"), server.folder().join("lake/d")).unwrap();
    std::fs::write(server.folder().join("theirs"), "their").unwrap();
    let under_way = server.data_dir().join("objects/.lakebed");
    let put = || drop(server.lakebed_ok(&["fs", "upload", "theirs", "lakebed://trips/main/lake/last"]));
    meanwhile(&server, &UP, || bytes_under(&under_way) >= MIB, put);
    let down = server.folder().join("down");
    let write = || std::fs::write(down.join("last"), "typed meanwhile").unwrap();
    meanwhile(&server, &DOWN, || unfinished(&down) >= MIB, write);
    assert_eq!(std::fs::read_to_string(down.join("last")).unwrap(), "mine");
}

fn unfinished(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let parts = entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(".lakebed-download-"));
    parts.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
}

#[test]
fn what_is_there_is_not_stored_once_more() {
    let server = with_folder(MIB);
    let up = ["fs", "upload", "-r", "lake", "lakebed://trips/main/lake"];
    let stored = || bytes_under(&server.data_dir().join("objects"));
    assert_eq!(counts(&json(&server, &up), "uploaded"), [4, 0]);
    let once = stored();
    for again in [&up[..], &[&up[..], &["--checksum"]].concat()] {
        assert_eq!(counts(&json(&server, again), "uploaded"), [0, 4]);
    }
    let large = ["fs", "upload", "lake/large", "lakebed://trips/main/lake/"];
    assert_eq!(counts(&json(&server, &large), "uploaded"), [0, 1]);
    assert_eq!(stored(), once);
    json(&server, &[&large[..], &["--force"]].concat());
    assert_eq!(stored(), once + MIB, "force sends");
}

/// More files than are asked for one by one, beside more objects than are files.
#[test]
fn many_files_are_compared_by_a_listing() {
    let server = with_folder(1);
    let lake = server.folder().join("lake");
    for n in 0..70 {
        std::fs::write(lake.join(format!("{n}")), "text").unwrap();
    }
    let up = ["fs", "upload", "-r", "lake", "lakebed://trips/main/lake"];
    assert_eq!(counts(&json(&server, &up), "uploaded"), [74, 0]);
    std::fs::write(lake.join("69"), "other").unwrap();
    std::fs::write(lake.join("new"), "text").unwrap();
    std::fs::remove_file(lake.join("1")).unwrap();
    assert_eq!(counts(&json(&server, &up), "uploaded"), [2, 72]);
    let deleted = json(&server, &[&up[..], &["--delete"]].concat());
    assert_eq!((counts(&deleted, "uploaded"), &deleted[0]["deleted"]), ([0, 74], &1.into()));
}

/// A listing hides what a policy says, which is no reason to delete somebody's copy of it.
#[test]
fn a_file_whose_object_is_hidden_is_kept() {
    let server = with_folder(1);
    std::fs::create_dir(server.folder().join("lake/secret")).unwrap();
    std::fs::write(server.folder().join("lake/secret/s"), "s").unwrap();
    json(&server, &UP);
    json(&server, &DOWN);
    std::fs::write(server.folder().join("down/mine"), "mine").unwrap();
    let policy = r#"{"statement": [
        {"effect": "allow", "action": ["fs:*"], "resource": "*"},
        {"effect": "deny", "action": ["fs:ListObjects"], "resource": "*", "condition": {"StringLike": {"Prefix": ["lake/secret/*"]}}}]}"#;
    std::fs::write(server.folder().join("policy.json"), policy).unwrap();
    server.lakebed_ok(&["auth", "users", "create", "ann"]);
    server.lakebed_ok(&["auth", "policies", "create", "NoSecrets", "--document", "policy.json"]);
    server.lakebed_ok(&["auth", "policies", "attach", "NoSecrets", "--user", "ann"]);
    let key = json(&server, &["auth", "credentials", "create", "--user", "ann"]).remove(0);
    let mut command = Command::new(lakebed_binary());
    command.args(DOWN).args(["--delete", "--json"]).env_clear().envs(server.client_environment());
    for (name, field) in
        [("LAKEBED_ACCESS_KEY_ID", "access_key_id"), ("LAKEBED_SECRET_ACCESS_KEY", "secret_access_key")]
    {
        command.env(name, key[field].as_str().unwrap());
    }
    let output = command.current_dir(server.folder()).output().unwrap();
    let (done, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && done.contains(r#""deleted":1"#), "{done}{errors}");
    assert!(errors.contains("secret/s was kept"), "{errors}");
    assert!(server.folder().join("down/secret/s").exists() && !server.folder().join("down/mine").exists());
}

/// What a link in the target leads to is changed in nothing, its time included.
#[test]
fn a_download_changes_nothing_behind_a_link() {
    let server = with_folder(1);
    json(&server, &UP);
    let outside = server.folder().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("f"), "hi").unwrap();
    std::fs::create_dir(server.folder().join("lake/real")).unwrap();
    std::fs::write(server.folder().join("lake/real/f"), "hi").unwrap();
    json(&server, &UP);
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    File::options().write(true).open(outside.join("f")).unwrap().set_modified(long_ago).unwrap();
    std::fs::create_dir(server.folder().join("down")).unwrap();
    std::os::unix::fs::symlink("../outside", server.folder().join("down/real")).unwrap();
    let output = server.lakebed(&DOWN);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("is a link"), "{output:?}");
    assert_eq!(outside.join("f").metadata().unwrap().modified().unwrap(), long_ago);
}
