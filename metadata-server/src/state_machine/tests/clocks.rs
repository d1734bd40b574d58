//! Clocks that ran ahead or behind for a while: what they wrote holds nothing up, and is forgotten in time.

use model::{
    BeginJob, CancelJob, ClaimJob, CreateBranch, CreateTag, DeleteBranch, Job, JobKind, JobState, ListDeletedBranches,
    PageRequest, Publish, ReadReflog, Refusal, RunnerId, Stage, Uncommitted, UndeleteBranch, UserId,
};

use super::*;

const DAY: i64 = 24 * HOUR;
const YEARS: i64 = 3650 * DAY;
const ANN: RunnerId = RunnerId(1);
const BOB: RunnerId = RunnerId(2);

/// A state whose commands are stamped as the test says.
struct Stamped {
    state: StateMachine,
    now: i64,
    _dir: TempDir,
}

impl Stamped {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut stamped = Self { state: open(&dir), now: 0, _dir: dir };
        stamped.apply(create(1)).repository().unwrap();
        stamped
    }

    fn apply(&mut self, command: Command) -> Outcome {
        let index = self.state.applied_index().unwrap() + 1;
        let command = Some((time(self.now), command));
        self.state.apply(&[Applied { index, raft: Bytes::new(), command }]).unwrap().remove(0)
    }

    fn job(&mut self, command: Command) -> Result<Job, Refusal> {
        Ok(*self.apply(command).job()?)
    }

    /// Moves the default branch to and fro, so that whatever is due is looked at.
    fn pass(&mut self) {
        for _ in 0..8 {
            for (from, to) in [(1, 2), (2, 1)] {
                self.apply(publish(from, to)).branch().unwrap();
            }
        }
    }

    fn count(&self, of: Table) -> usize {
        table(&self.state, of).len()
    }
}

fn publish(from: u8, to: u8) -> Command {
    Command::Publish(Publish {
        request: None,
        repository: trips(),
        branch: main_branch(),
        expected: commit(from),
        head: commit(to),
        consumed: vec![],
        held_by: vec![],
        read_at: None,
        require_clean: false,
        ended: vec![],
        passed: vec![],
        // Forgotten at once, so that only what the test makes is there.
        note: Note::new("", "", 0),
    })
}

fn begin(id: u128, runner: Option<(RunnerId, u32)>) -> Command {
    Command::BeginJob(BeginJob {
        request: RequestId(id),
        repository: trips(),
        kind: JobKind::Merge,
        user: UserId(1),
        caller: None,
        spec: Default::default(),
        runner,
    })
}

fn claim(id: u128, runner: RunnerId) -> Command {
    Command::ClaimJob(ClaimJob { job: RequestId(id), runner, lease_ms: 10_000 })
}

fn cancel(id: u128) -> Command {
    Command::CancelJob(CancelJob { job: RequestId(id) })
}

fn tag(request: u128, name: &str) -> Command {
    Command::CreateTag(CreateTag {
        request: RequestId(request),
        repository: trips(),
        tag: name.parse().unwrap(),
        commit: commit(1),
    })
}

fn branch(name: &str) -> BranchName {
    name.parse().unwrap()
}

#[test]
fn a_lease_of_a_clock_that_ran_ahead_keeps_nobody_from_a_job() {
    let mut state = Stamped::new();
    state.now = YEARS;
    state.job(begin(7, Some((ANN, 10_000)))).unwrap();
    state.job(begin(8, Some((ANN, 10_000)))).unwrap();
    assert_eq!(state.job(claim(7, BOB)), Err(Refusal::JobTaken(RequestId(7))));
    state.now = HOUR;
    assert_eq!(state.job(claim(7, BOB)).unwrap().lease.map(|lease| lease.runner), Some(BOB));
    assert_eq!(state.job(claim(7, ANN)), Err(Refusal::JobTaken(RequestId(7))), "the right clock's lease counts");
    assert_eq!(state.job(cancel(8)).unwrap().state, JobState::Cancelled, "nobody carries it out");
}

#[test]
fn answers_of_a_clock_that_ran_ahead_are_given_again_and_forgotten_in_time() {
    let mut state = Stamped::new();
    state.now = YEARS;
    let first = state.apply(tag(9, "v1"));
    state.now = HOUR;
    assert_eq!(state.apply(tag(9, "v1")), first, "a retry is a retry, whatever the clock says");
    state.apply(tag(10, "v2")).tag().unwrap();
    assert_eq!(state.apply(tag(9, "v1")), first);
    state.now = 2 * DAY;
    for request in 20..24 {
        state.apply(tag(request, &format!("w{request}"))).tag().unwrap();
    }
    assert_eq!(state.apply(tag(9, "v1")), Outcome::Refused(Refusal::RefExists("v1".into())), "it was a day long");
}

#[test]
fn a_clock_that_was_behind_makes_no_answer_forgotten() {
    let mut state = Stamped::new();
    state.now = HOUR;
    let first = state.apply(tag(9, "v1"));
    state.now = -YEARS;
    state.apply(tag(10, "v2")).tag().unwrap();
    state.now = 2 * HOUR;
    for request in 20..24 {
        state.apply(tag(request, &format!("w{request}"))).tag().unwrap();
    }
    assert_eq!(state.apply(tag(9, "v1")), first);
    state.now = 2 * DAY;
    for request in 30..34 {
        state.apply(tag(request, &format!("x{request}"))).tag().unwrap();
    }
    assert_ne!(state.apply(tag(9, "v1")), first, "a day is over");
}

/// Deletes a branch `dev` with something uncommitted.
fn delete_dev(state: &mut Stamped, note: &Note) {
    let (request, repository, dev) = (RequestId(5), trips(), branch("dev"));
    let (commit, hidden, note) = (commit(1), false, note.clone());
    let make =
        Command::CreateBranch(CreateBranch { request, repository, branch: dev, commit, hidden, note: note.clone() });
    state.apply(make).branch().unwrap();
    let change = StagedChange { path: path("a"), value: object("1"), condition: None, once: None };
    let stage = Command::Stage(Stage { repository: trips(), uid: None, branch: branch("dev"), changes: vec![change] });
    state.apply(stage).staged().unwrap();
    let delete = Command::DeleteBranch(DeleteBranch { repository: trips(), branch: branch("dev"), note });
    state.apply(delete).done().unwrap();
}

#[test]
fn what_a_clock_that_ran_ahead_kept_of_branches_is_forgotten_in_time() {
    for kept_days in [3_i64, 30] {
        let mut state = Stamped::new();
        state.now = YEARS;
        delete_dev(&mut state, &Note::new("ann", "x", (kept_days * DAY).unsigned_abs()));
        state.now = HOUR;
        state.pass();
        assert_eq!(state.count(Table::Staged), 1, "it may come back yet");
        state.now = kept_days.min(7) * DAY + 2 * HOUR;
        state.pass();
        state.state.reclaim(100).unwrap();
        assert_eq!(state.count(Table::Staged), 0, "{kept_days} days");
        state.now = kept_days * DAY + 2 * HOUR;
        state.pass();
        let (repository, branch) = (trips(), branch("dev"));
        let left = ReadReflog { repository, branch, before: None, amount: 9 };
        assert_eq!(ask(&state.state, left).unwrap().items, [], "{kept_days} days");
        let (prefix, after) = (String::new(), String::new());
        let left = ListDeletedBranches { repository: trips(), page: PageRequest { prefix, after, amount: 9 } };
        assert_eq!(ask(&state.state, left).unwrap().items, []);
        state.apply(tag(60, "v1")).tag().unwrap();
        let far = table(&state.state, Table::Dedup).into_iter().filter_map(|(key, _)| key::due_time(&key));
        // Answers themselves have no time in their keys, but a request's id.
        let far = far.filter(|due| *due > time(state.now + 31 * DAY) && *due < time(2 * YEARS));
        assert_eq!(far.count(), 0, "nothing waits for the clock that was wrong");
    }
}

#[test]
fn a_deleted_branch_comes_back_though_a_clock_was_behind_for_a_while() {
    let mut state = Stamped::new();
    state.now = HOUR;
    delete_dev(&mut state, &Note::default());
    state.now = -YEARS;
    state.pass();
    state.now = 2 * HOUR;
    state.pass();
    let (request, repository, branch) = (RequestId(6), trips(), branch("dev"));
    let undelete = Command::UndeleteBranch(UndeleteBranch { request, repository, branch, note: Note::default() });
    let back = state.apply(undelete).undeleted().unwrap();
    assert!(matches!(back.uncommitted, Uncommitted::Kept { .. }), "{:?}", back.uncommitted);
}

#[test]
fn ended_jobs_of_a_clock_that_ran_ahead_are_forgotten_in_time() {
    let mut state = Stamped::new();
    let before = state.count(Table::Jobs);
    state.now = YEARS;
    for id in 1..4 {
        state.job(begin(id, None)).unwrap();
        state.job(cancel(id)).unwrap();
    }
    state.now = HOUR;
    state.job(begin(9, None)).unwrap();
    assert_eq!(state.job(begin(1, None)).unwrap().state, JobState::Cancelled, "it is remembered still");
    state.job(cancel(9)).unwrap();
    state.now = 2 * DAY;
    for id in 20..22 {
        state.job(begin(id, None)).unwrap();
    }
    let left = state.count(Table::Jobs);
    // Of each open job there are three records, and the counts.
    assert_eq!(left, before + 2 * 3 + 1);
}
