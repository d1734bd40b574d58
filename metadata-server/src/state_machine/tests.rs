//! The state machine on its disk: batches, restarts, crashes, copies; and against the in-memory store.

mod against_memory;
mod clocks;
mod on_disk;

use bytes::Bytes;
use model::{
    Address, BranchName, Command, CommitId, CompleteUpload, CreateBranch, CreateRepository, CreateUpload, CreateUser,
    DeleteRepository, Entry, GetCompletedUpload, ListStaged, MetaError, NewUpload, Note, ObjectPath, Outcome, Question,
    Refusal, RepositoryName, RequestId, Seal, Stage, StageOutcome, StagedChange, StagedValue, StagingToken, Timestamp,
    Unstage, UnstageScope,
};
use tempfile::TempDir;

use super::*;
use crate::state::keyspace::{KeyRange, Pair};

fn ask<Q: Question>(state: &StateMachine, question: Q) -> Result<Q::Answer, MetaError> {
    Q::take(state.read(&question.into()).unwrap())
}

const HOUR: i64 = 60 * 60 * 1000;

fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + millis)
}

fn trips() -> RepositoryName {
    "trips".parse().unwrap()
}

fn main_branch() -> BranchName {
    "main".parse().unwrap()
}

fn path(text: &str) -> ObjectPath {
    text.parse().unwrap()
}

fn commit(number: u8) -> CommitId {
    CommitId::from_bytes([number; 32])
}

fn object(e_tag: &str) -> StagedValue {
    StagedValue::Entry(Entry {
        address: Address::Relative(format!("data/{e_tag}")),
        last_modified: time(0),
        size: 1,
        e_tag: e_tag.into(),
        content_type: String::new(),
        metadata: Default::default(),
        headers: Default::default(),
        checksum: None,
        parts: None,
    })
}

fn create(request: u128) -> Command {
    Command::CreateRepository(CreateRepository {
        request: RequestId(request),
        name: trips(),
        namespace: "mem://trips".parse().unwrap(),
        default_branch: main_branch(),
        commit: Some(commit(1)),
        claim: None,
        note: Note::default(),
    })
}

fn stage(at: &str, e_tag: &str) -> Command {
    let change = StagedChange { path: path(at), value: object(e_tag), condition: None, once: None };
    Command::Stage(Stage { repository: trips(), uid: None, branch: main_branch(), changes: vec![change] })
}

fn seal() -> Command {
    Command::Seal(Seal { repository: trips(), branch: main_branch() })
}

fn unstage(scope: UnstageScope) -> Command {
    Command::Unstage(Unstage { repository: trips(), branch: main_branch(), scope })
}

fn open(dir: &TempDir) -> StateMachine {
    StateMachine::open(&dir.path().join("state"), StateOptions::default()).unwrap()
}

fn applied(index: u64, command: Command) -> Applied {
    Applied { index, raft: Bytes::from(format!("raft {index}")), command: Some((time(index.cast_signed()), command)) }
}

/// Applies one command as the next entry.
fn apply(state: &StateMachine, command: Command) -> Outcome {
    let index = state.applied_index().unwrap() + 1;
    state.apply(&[applied(index, command)]).unwrap().remove(0)
}

/// All that a table holds.
fn table(state: &StateMachine, table: Table) -> Vec<Pair> {
    let generation = state.generation();
    let view = generation.rocks().view();
    view.scan(table, KeyRange { from: vec![], to: vec![u8::MAX; 4] }).map(Result::unwrap).collect()
}

/// All that all tables hold.
fn dump(state: &StateMachine) -> Vec<(Table, Vec<Pair>)> {
    Table::ALL.into_iter().map(|name| (name, table(state, name))).collect()
}

fn staged_paths(state: &StateMachine) -> Vec<String> {
    let query = ListStaged {
        repository: trips(),
        branch: main_branch(),
        tokens: None,
        prefix: String::new(),
        from: String::new(),
        amount: 1000,
    };
    let page = ask(state, query).unwrap().page;
    page.items.into_iter().map(|(path, _)| path.into()).collect()
}

#[test]
fn later_entries_of_a_batch_see_earlier_ones() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(&dir);
    let absent = model::Condition { require: model::Require::Absent, commit: commit(1), committed_e_tag: None };
    let create_object = |e_tag| {
        Command::Stage(Stage {
            repository: trips(),
            uid: None,
            branch: main_branch(),
            changes: vec![StagedChange {
                path: path("a"),
                value: object(e_tag),
                condition: Some(absent.clone()),
                once: None,
            }],
        })
    };
    let commands =
        [create(1), create_object("1"), create_object("2"), seal(), create_object("3"), create(2), create(1)];
    let batch: Vec<_> = (1..).zip(commands).map(|(index, command)| applied(index, command)).collect();
    let outcomes = state.apply(&batch).unwrap();
    let Outcome::Branch(sealed) = &outcomes[3] else { panic!("{outcomes:?}") };
    assert_eq!(sealed.sealed, [StagingToken(1)]);
    assert_eq!(outcomes[1], Outcome::Staged(vec![StageOutcome::Staged]));
    assert_eq!(outcomes[2], Outcome::Staged(vec![StageOutcome::ConditionFailed]));
    assert_eq!(outcomes[4], Outcome::Staged(vec![StageOutcome::ConditionFailed]), "sealed in the same batch");
    assert_eq!(outcomes[5], Outcome::Refused(Refusal::RepositoryExists(trips())));
    assert_eq!(outcomes[6], outcomes[0], "a retry in the same batch");
}

#[test]
fn a_range_dropped_in_a_batch_is_dropped_for_the_rest_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(&dir);
    let changes = (0..150).map(|n| StagedChange {
        path: path(&format!("in/{n}")),
        value: object("1"),
        condition: None,
        once: None,
    });
    let many =
        Command::Stage(Stage { repository: trips(), uid: None, branch: main_branch(), changes: changes.collect() });
    let commands = [
        create(1),
        many,
        stage("out", "1"),
        unstage(UnstageScope::Prefix("in/".into())),
        stage("in/7", "2"),
        unstage(UnstageScope::Path(path("out"))),
        seal(),
    ];
    let batch: Vec<_> = (1..).zip(commands).map(|(index, command)| applied(index, command)).collect();
    state.apply(&batch).unwrap();
    assert_eq!(staged_paths(&state), ["in/7"]);
}

#[test]
fn entries_of_raft_itself_count_without_a_command() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(&dir);
    assert_eq!((state.applied_index().unwrap(), state.raft_state().unwrap()), (0, None));
    let blank = Applied { index: 5, raft: Bytes::from_static(b"membership"), command: None };
    assert_eq!(state.apply(&[blank]).unwrap(), [Outcome::Done]);
    assert_eq!(state.applied_index().unwrap(), 5);
    assert_eq!(state.raft_state().unwrap(), Some(Bytes::from_static(b"membership")));
    assert_eq!(state.apply(&[]).unwrap(), []);
    assert_eq!(state.applied_index().unwrap(), 5);
}

#[test]
fn an_entry_is_applied_once() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(&dir);
    apply(&state, create(1));
    let before = dump(&state);
    let twice = state.apply(&[applied(2, stage("a", "1")), applied(2, stage("b", "1"))]);
    assert!(matches!(twice, Err(StateError::OutOfOrder { index: 2, last: 2 })), "{twice:?}");
    let again = state.apply(&[applied(1, create(2))]);
    assert!(matches!(again, Err(StateError::OutOfOrder { index: 1, last: 1 })), "{again:?}");
    assert_eq!(dump(&state), before, "all or none");
}

#[test]
fn completed_uploads_are_forgotten_after_a_day() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(&dir);
    apply(&state, create(1));
    let at = |millis: i64, command: Command| {
        let index = state.applied_index().unwrap() + 1;
        let entry = Applied { index, raft: Bytes::new(), command: Some((time(millis), command)) };
        state.apply(&[entry]).unwrap().remove(0)
    };
    let complete = |millis: i64, number: u128| {
        let upload = NewUpload {
            branch: main_branch(),
            path: path("a"),
            address: Address::Relative("data/a".into()),
            store_upload_id: String::new(),
            content_type: String::new(),
            metadata: Default::default(),
            headers: Default::default(),
            checksum: None,
        };
        let create = Command::CreateUpload(CreateUpload { request: RequestId(number), repository: trips(), upload });
        let upload = at(millis, create).upload().unwrap().id;
        let StagedValue::Entry(entry) = object("a") else { panic!("an object") };
        let complete = Command::CompleteUpload(CompleteUpload {
            repository: trips(),
            upload,
            entry,
            condition: None,
            request: None,
        });
        assert_eq!(at(millis, complete), Outcome::Staged(vec![StageOutcome::Staged]));
        upload
    };
    let is_remembered = |upload| {
        let query = GetCompletedUpload { repository: trips(), upload };
        ask(&state, query).is_ok()
    };
    let first: Vec<_> = (0..10_u32).map(|n| complete(i64::from(n), 100 + u128::from(n))).collect();
    assert!(first.iter().copied().all(is_remembered));
    complete(24 * HOUR - 1, 200);
    assert!(first.iter().copied().all(is_remembered), "none goes before its time");
    let later: Vec<_> = (0..3).map(|n| complete(25 * HOUR, 300 + n)).collect();
    assert!(!first.iter().copied().any(is_remembered) && later.iter().copied().all(is_remembered));
}

#[test]
fn answers_expire_after_a_day_and_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(&dir);
    let at = |index, millis, command| {
        let entry = Applied { index, raft: Bytes::new(), command: Some((time(millis), command)) };
        state.apply(&[entry]).unwrap().remove(0)
    };
    let user = |request, name: &str| {
        Command::CreateUser(CreateUser {
            request: RequestId(request),
            name: name.parse().unwrap(),
            first_key: None,
            groups: vec![],
            only_first: false,
        })
    };
    let first = at(1, 0, user(1, "ann"));
    assert_eq!(at(2, 23 * HOUR, user(1, "ann")), first);
    assert_eq!(table(&state, Table::Dedup).len(), 2);
    let exists = Outcome::Refused(Refusal::UserExists("ann".parse().unwrap()));
    assert_eq!(at(3, 24 * HOUR, user(1, "ann")), exists, "a day later it is a new request");
    assert_eq!(table(&state, Table::Dedup).len(), 2, "the old answer went, the new one came");
    assert_eq!(at(4, 25 * HOUR, user(1, "ann")), exists);

    for number in 10..30 {
        at(u64::from(number as u8), 30 * HOUR, user(number, &format!("user {number}")));
    }
    // Each request removes a few of the expired, so they are gone soon; none is removed before its time.
    assert_eq!(table(&state, Table::Dedup).len(), 2 * 21);
    for number in 40..47 {
        at(u64::from(number as u8), 60 * HOUR, user(number, &format!("user {number}")));
    }
    assert_eq!(table(&state, Table::Dedup).len(), 2 * 7);
}

#[test]
fn reclaim_removes_all_that_nothing_leads_to() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(&dir);
    apply(&state, create(1));
    for round in 0..3 {
        let changes = (0..60 * (round + 1)).map(|n| StagedChange {
            path: path(&format!("{n}")),
            value: object("1"),
            condition: None,
            once: None,
        });
        apply(
            &state,
            Command::Stage(Stage { repository: trips(), uid: None, branch: main_branch(), changes: changes.collect() }),
        );
        apply(&state, seal());
    }
    apply(&state, unstage(UnstageScope::All));
    apply(&state, stage("kept", "1"));
    assert_eq!(table(&state, Table::Staged).len(), 60 + 120 + 180 + 1, "dropped, but still there");
    assert_eq!(staged_paths(&state), ["kept"]);

    assert!(state.reclaim(1).unwrap(), "more is left");
    assert!(state.reclaim(0).unwrap());
    assert!(!state.reclaim(100).unwrap());
    assert_eq!(table(&state, Table::Staged).len(), 1);
    assert_eq!(staged_paths(&state), ["kept"]);
    assert!(table(&state, Table::Tasks).is_empty());

    apply(&state, Command::DeleteRepository(DeleteRepository { name: trips() }));
    while state.reclaim(1).unwrap() {}
    for gone in [Table::Repos, Table::Refs, Table::Staged, Table::Uploads, Table::Tasks] {
        assert_eq!(table(&state, gone), [], "{gone:?}");
    }
}

#[test]
fn a_deleted_repository_with_many_refs_goes_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let state = open(&dir);
    apply(&state, create(1));
    for number in 0..200 {
        let branch = format!("b{number}").parse().unwrap();
        let request = RequestId(1000 + number);
        apply(
            &state,
            Command::CreateBranch(CreateBranch {
                request,
                repository: trips(),
                branch,
                commit: commit(1),
                hidden: false,
                note: Note::default(),
            }),
        );
    }
    let refs = table(&state, Table::Refs).len();
    apply(&state, Command::DeleteRepository(DeleteRepository { name: trips() }));
    assert_eq!(table(&state, Table::Refs).len(), refs, "the command touched none of them");
    while state.reclaim(8).unwrap() {}
    assert_eq!(table(&state, Table::Refs), []);
}
