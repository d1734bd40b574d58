//! Snapshots and purges, as a running node makes them, and what is left of it without its state.

use std::fs;
use std::path::Path;

use futures::TryStreamExt;
use model::{Command, CommitId, CreateBranch, CreateRepository, Note, Question, RequestId, ResolveRef, Timestamp};

use super::*;

/// Small enough to be quick, large enough for several batches.
const BRANCHES: u128 = 300;

fn options(folder: &Path) -> NodeOptions {
    NodeOptions {
        folder: folder.to_owned(),
        identity: b"node 1".to_vec(),
        cluster: "test".into(),
        in_use: folder.join("log").exists(),
        state: StateOptions::default(),
        faults: Faults::none(),
    }
}

fn create_branch(number: u128) -> Command {
    Command::CreateBranch(CreateBranch {
        request: RequestId(number),
        repository: "trips".parse().unwrap(),
        branch: format!("b-{number}").parse().unwrap(),
        commit: CommitId::from_bytes([2; 32]),
        hidden: false,
        note: Note::default(),
    })
}

fn create_repository() -> Command {
    Command::CreateRepository(CreateRepository {
        request: RequestId(u128::MAX),
        name: "trips".parse().unwrap(),
        namespace: "mem://trips".parse().unwrap(),
        default_branch: "main".parse().unwrap(),
        commit: Some(CommitId::from_bytes([1; 32])),
        claim: None,
        note: Note::default(),
    })
}

async fn write(node: &Arc<Node>, commands: Vec<Command>) {
    let proposals = commands.into_iter().map(|command| Proposal::new(Timestamp::from_millis(1), command)).collect();
    let outcomes: Vec<Outcome> = node.propose(proposals).await.unwrap().try_collect().await.unwrap();
    assert!(outcomes.iter().all(|outcome| !matches!(outcome, Outcome::Refused(_))), "{outcomes:?}");
}

async fn assert_branches(node: &Arc<Node>, numbers: impl IntoIterator<Item = u128>) {
    for number in numbers {
        let (repository, reference) = ("trips".parse().unwrap(), format!("b-{number}").parse().unwrap());
        let found = <ResolveRef as Question>::take(
            node.read(ResolveRef { repository, reference, path: None }.into()).await.unwrap(),
        )
        .unwrap();
        assert!(matches!(found.target, model::RefTarget::Branch(_)), "b-{number}");
    }
}

/// Closes a node and waits until its files are free.
async fn close(node: Arc<Node>) {
    node.close().await;
    let remains = node.open_files();
    drop(node);
    while !remains.are_gone() {
        tokio::task::yield_now().await;
    }
}

/// A closed node with a snapshot, a purged log up to it, and entries after it.
async fn purged_node(folder: &Path) {
    let node = Arc::new(Node::open(options(folder)).await.unwrap());
    write(&node, [create_repository()].into_iter().chain((0..BRANCHES).map(create_branch)).collect()).await;
    let last = node.log.last().unwrap();
    node.raft.trigger().snapshot().await.unwrap();
    node.raft.wait(Some(ELECTION_TIMEOUT)).snapshot(last, "a snapshot is made").await.unwrap();
    node.raft.trigger().purge_log(last.index).await.unwrap();
    node.raft.wait(Some(ELECTION_TIMEOUT)).purged(Some(last), "the log is purged").await.unwrap();
    write(&node, (BRANCHES..BRANCHES + 10).map(create_branch).collect()).await;
    close(node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purged_node_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    purged_node(folder.path()).await;
    let node = Arc::new(Node::open(options(folder.path())).await.unwrap());
    assert!(node.log.facts().unwrap().purged.is_some());
    assert_branches(&node, 0..BRANCHES + 10).await;
    write(&node, vec![create_branch(9999)]).await;
    close(node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_state_comes_back_from_snapshot_and_log() {
    let folder = tempfile::tempdir().unwrap();
    purged_node(folder.path()).await;
    fs::remove_dir_all(folder.path().join("state")).unwrap();
    let node = Arc::new(Node::open(options(folder.path())).await.unwrap());
    assert_branches(&node, 0..BRANCHES + 10).await;
    close(node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_snapshot_isnt_installed() {
    let folder = tempfile::tempdir().unwrap();
    purged_node(folder.path()).await;
    fs::remove_dir_all(folder.path().join("state")).unwrap();
    let snapshot = fs::read_dir(folder.path().join("snapshots")).unwrap().next().unwrap().unwrap().path();
    let mut files = fs::read_dir(snapshot.join("state")).unwrap().map(|entry| entry.unwrap().path());
    let table = files.find(|path| path.extension().is_some_and(|ext| ext == "sst")).unwrap();
    let mut bytes = fs::read(&table).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&table, bytes).unwrap();
    let error = Node::open(options(folder.path())).await.err().expect("it must not start");
    assert!(error.to_string().contains("missing or damaged"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_that_cant_be_brought_up_to_date_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    purged_node(folder.path()).await;
    fs::remove_dir_all(folder.path().join("state")).unwrap();
    fs::remove_dir_all(folder.path().join("snapshots")).unwrap();
    let error = Node::open(options(folder.path())).await.err().expect("it must not start");
    assert!(matches!(error, OpenError::StateTooOld { .. }), "{error}");
}
