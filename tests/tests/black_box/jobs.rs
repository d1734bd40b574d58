//! Jobs of a real server: begun by the command line, killed in the midst, and found done.

use serde_json::Value;
use tests::TestServer;

fn json(server: &TestServer, args: &[&str]) -> Vec<Value> {
    let text = server.lakebed_ok(&[args, &["--json"]].concat());
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{args:?}: {e}: {line}"))).collect()
}

/// The messages of `main`, but the first.
fn messages(server: &TestServer) -> Vec<String> {
    let log = json(server, &["log", "lakebed://jobs/main"]);
    let all = log.iter().map(|commit| commit["message"].as_str().expect("a message").to_owned());
    all.filter(|message| message.starts_with("load ")).collect()
}

#[test]
fn jobs_survive_kill_9_and_run_once() {
    let mut server = TestServer::start();
    server.lakebed_ok(&["repo", "create", "lakebed://jobs"]);
    let folder = tempfile::tempdir().expect("a folder");
    let mut ids = Vec::new();
    for round in 0..3 {
        let source = folder.path().join(format!("{round}.txt"));
        std::fs::write(&source, format!("{round}")).expect("a file");
        let target = format!("lakebed://jobs/main/{round}.txt");
        server.lakebed_ok(&["fs", "upload", source.to_str().expect("a path of text"), &target]);
        let (message, id) = (format!("load {round}"), format!("{round:032x}"));
        let begun = ["commit", "lakebed://jobs/main", "-m", &message, "--detach", "--request-id", &id];
        assert_eq!(json(&server, &begun)[0]["job"], id.as_str());
        // Wherever it is now: not begun, half built, or published and not told.
        server.kill();
        server.start_again();
        let done = json(&server, &["job", "wait", "lakebed://jobs", &id]);
        assert_eq!((&done[0]["state"], &done[0]["kind"]), (&"done".into(), &"commit".into()), "{done:?}");
        assert_eq!(done[0]["commit"]["message"], message.as_str());
        let again = ["commit", "lakebed://jobs/main", "-m", &message, "--request-id", &id];
        assert_eq!(json(&server, &again)[0]["id"], done[0]["commit"]["id"], "the first answer");
        ids.push(id);
    }
    assert_eq!(messages(&server), ["load 2", "load 1", "load 0"], "each once");
    let listed: Vec<_> =
        json(&server, &["job", "list", "lakebed://jobs"]).iter().map(|job| job["id"].clone()).collect();
    ids.reverse();
    assert_eq!(listed, ids);
    assert!(server.stop());
}

#[test]
fn a_request_id_of_another_request_is_refused() {
    let server = TestServer::start();
    server.lakebed_ok(&["repo", "create", "lakebed://jobs"]);
    let id = "00000000000000000000000000000007";
    let commit = |message| ["commit", "lakebed://jobs/main", "--allow-empty", "-m", message, "--request-id", id];
    server.lakebed_ok(&commit("load one"));
    server.lakebed_ok(&commit("load one"));
    assert_eq!(messages(&server), ["load one"]);
    let refused = server.lakebed(&commit("load another"));
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("was used for another request"), "{refused:?}");
}

#[test]
fn a_detached_command_prints_the_job_s_id_alone() {
    let server = TestServer::start();
    server.lakebed_ok(&["repo", "create", "lakebed://jobs"]);
    let begun = server.lakebed(&["commit", "lakebed://jobs/main", "--allow-empty", "-m", "load it", "--detach"]);
    let (id, told) = (String::from_utf8(begun.stdout).expect("text"), String::from_utf8_lossy(&begun.stderr));
    let id = id.strip_suffix('\n').expect("a line");
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id:?}");
    assert!(told.contains(&format!("lakebed job wait lakebed://jobs {id}")), "{told}");
    assert!(server.lakebed_ok(&["job", "wait", "lakebed://jobs", id]).starts_with("committed "));
}
