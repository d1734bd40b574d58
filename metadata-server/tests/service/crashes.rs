//! `kill -9` in the middle of parallel writers, again and again: what a process acknowledged is there afterwards.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use crate::support::{create_branch, create_repository, has_branch, start};

/// Tells a child of this test binary what it is, and where its data folder lies.
const CHILD: &str = "LAKEBED_TEST_CRASH_FOLDER";
const ROUNDS: usize = 6;
const WRITERS: usize = 32;
/// How many acknowledgements are waited for before the kill.
const ACKNOWLEDGED_MIN: usize = 150;

#[expect(clippy::disallowed_methods, reason = "how this binary tells its children what to be")]
fn child_folder() -> Option<String> {
    std::env::var(CHILD).ok()
}

/// The child: writes for ever, and tells each acknowledgement in a line. Not a test when run without its folder.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_writes_until_killed() {
    let Some(folder) = child_folder() else { return };
    let server = start(folder.as_ref()).await;
    let store = server.store();
    if !has_branch(&*store, "main").await {
        create_repository(&*store).await;
    }
    let writers = (0..WRITERS).map(|writer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for write in 0.. {
                let name = format!("b-{}-{writer}-{write}", std::process::id());
                create_branch(&*store, &name).await.unwrap();
                let mut out = std::io::stdout().lock();
                writeln!(out, "acknowledged {name}").unwrap();
                out.flush().unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

/// Ends a child whatever happens to the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Runs a child, kills it in mid-work, and tells what it acknowledged.
fn run_and_kill(folder: &std::path::Path) -> Vec<String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "crashes::child_writes_until_killed", "--nocapture"]).env(CHILD, folder);
    let mut child = Killed(command.stdout(Stdio::piped()).spawn().unwrap());
    let lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    // After the kill, what is still in the pipe was acknowledged, too; a last half line wasn't told.
    for line in lines.map_while(Result::ok) {
        let Some(at) = line.find("acknowledged b-") else { continue };
        acknowledged.push(line[at + "acknowledged ".len()..].to_owned());
        if acknowledged.len() == ACKNOWLEDGED_MIN {
            child.0.kill().unwrap();
        }
    }
    assert!(acknowledged.len() >= ACKNOWLEDGED_MIN, "the child ended by itself");
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_to_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for round in 0..ROUNDS {
        let path = folder.path().to_owned();
        acknowledged.extend(tokio::task::spawn_blocking(move || run_and_kill(&path)).await.unwrap());
        if round % 2 == 1 {
            // Every other time the next child itself has to cope with what the last one left.
            continue;
        }
        let server = start(folder.path()).await;
        for name in &acknowledged {
            assert!(has_branch(&*server.store(), name).await, "{name} was acknowledged in round {round} or before");
        }
        server.shutdown().await;
    }
    let server = start(folder.path()).await;
    for name in &acknowledged {
        assert!(has_branch(&*server.store(), name).await, "{name} was acknowledged");
    }
    server.shutdown().await;
}
