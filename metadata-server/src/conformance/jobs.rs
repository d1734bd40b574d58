//! Jobs and requests that are carried out once. Leases of no time have lapsed; those of an hour last.

use std::sync::Arc;

use model::{
    BeginJob, CancelJob, ClaimJob, Command, CompletedRequest, EndRequest, GetJob, Job, JobCaller, JobDigest,
    JobFailure, JobKind, JobProgress, JobSpec, JobState, ListJobs, ListOpenJobs, MetaStore, OPEN_JOBS_MAX, Outcome,
    Publish, Refusal, ReportJob, RequestId, RunnerId, SessionId, Timestamp, UserId,
};

use super::lake::{Lake, commit, granted, name, refusal, request};

const HOUR: u32 = 3_600_000;
const LAPSED: u32 = 0;
const ANN: RunnerId = RunnerId(1);
const BOB: RunnerId = RunnerId(2);

fn begin(lake: &Lake, request: RequestId, runner: Option<(RunnerId, u32)>) -> Command {
    Command::BeginJob(BeginJob {
        request,
        repository: lake.repository.name.clone(),
        kind: JobKind::Merge,
        user: UserId(1),
        caller: Some(caller()),
        spec: spec("merge"),
        runner,
    })
}

/// A request whose digest is its text's.
fn spec(asks: &str) -> JobSpec {
    let mut digest = [0; 32];
    digest[..asks.len()].copy_from_slice(asks.as_bytes());
    JobSpec { version: 1, message: asks.as_bytes().to_vec(), digest: Some(JobDigest::from_bytes(digest)) }
}

fn caller() -> JobCaller {
    JobCaller {
        access_key_id: "AKANN".into(),
        session: Some(SessionId(7)),
        groups: vec![name("crew")],
        narrowed: Some("a policy".into()),
        address: Some([10, 0, 0, 7].into()),
        at: Timestamp::from_millis(9),
    }
}

fn ended(id: RequestId, state: JobState) -> CompletedRequest {
    CompletedRequest { id, kind: JobKind::Merge, user: UserId(1), spec: spec("merge"), state }
}

async fn job(lake: &Lake, command: Command) -> Job {
    *granted(lake.write(command).await.job())
}

async fn find(lake: &Lake, id: RequestId) -> Job {
    *granted(lake.ask(GetJob { id }).await)
}

async fn end(lake: &Lake, runner: RunnerId, ended: CompletedRequest) -> Outcome {
    lake.write(Command::EndRequest(EndRequest { repository: lake.repository.name.clone(), runner, ended })).await
}

async fn is_open(lake: &Lake, id: RequestId) -> bool {
    let after = Some(RequestId(id.0 - 1));
    let page = granted(lake.ask(ListOpenJobs { after, amount: 1 }).await);
    page.items.iter().any(|job| job.id == id)
}

pub(super) async fn begin_run_and_end(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "jobs").await;
    let id = request();
    let begun = job(&lake, begin(&lake, id, None)).await;
    assert_eq!((begun.state.clone(), begun.attempts, begun.lease), (JobState::Waiting, 0, None));
    assert_eq!((begun.repository_uid, &begun.spec), (lake.repository.uid, &spec("merge")));
    assert_eq!(find(&lake, id).await, begun);
    assert_eq!(begun.caller, Some(caller()));
    assert!(is_open(&lake, id).await);

    let claimed = job(&lake, Command::ClaimJob(ClaimJob { job: id, runner: ANN, lease_ms: HOUR })).await;
    assert_eq!((claimed.state, claimed.attempts, claimed.caller), (JobState::Running, 1, Some(caller())));
    let progress = JobProgress { stage: "merging".into(), objects: 7, bytes: 9 };
    let report = |runner, checkpoint| {
        Command::ReportJob(ReportJob { job: id, runner, lease_ms: HOUR, progress: progress.clone(), checkpoint })
    };
    assert_eq!(job(&lake, report(ANN, Some(b"here".to_vec()))).await.progress, progress);
    assert_eq!(job(&lake, report(ANN, None)).await.checkpoint, b"here", "what was left stays");
    assert_eq!(refusal(lake.write(report(BOB, None)).await), Refusal::JobTaken(id));

    let done = JobState::Done(b"answer".to_vec());
    assert_eq!(refusal(end(&lake, BOB, ended(id, JobState::Cancelled)).await), Refusal::JobTaken(id));
    let over = *granted(end(&lake, ANN, ended(id, done.clone())).await.job());
    assert_eq!((over.state.clone(), over.lease, over.ended_at.is_some()), (done, None, true));
    assert_eq!(over.caller, None, "nobody takes it up any more");
    assert_eq!(*granted(end(&lake, BOB, ended(id, JobState::Cancelled)).await.job()), over, "the first end stays");
    assert_eq!(job(&lake, report(ANN, None)).await, over);
    assert_eq!(find(&lake, id).await, over);
    assert!(!is_open(&lake, id).await);
    assert_eq!(refusal_of(&lake, RequestId(7)).await, Refusal::JobNotFound(RequestId(7)));
}

async fn refusal_of(lake: &Lake, id: RequestId) -> Refusal {
    match lake.ask(GetJob { id }).await {
        Err(refusal) => refusal,
        Ok(job) => panic!("{job:?}"),
    }
}

pub(super) async fn one_id_is_one_job(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "once").await;
    let id = request();
    let begun = job(&lake, begin(&lake, id, Some((ANN, HOUR)))).await;
    assert_eq!(job(&lake, begin(&lake, id, Some((BOB, HOUR)))).await, begun, "another's");
    let mut other = begin(&lake, id, None);
    let Command::BeginJob(new) = &mut other else { panic!("a job") };
    new.spec = spec("another");
    assert_eq!(refusal(lake.write(other).await), Refusal::RequestReused(id));
    let mut later = begin(&lake, id, None);
    let Command::BeginJob(new) = &mut later else { panic!("a job") };
    new.spec = JobSpec { version: 2, message: b"encoded anew".to_vec(), ..spec("merge") };
    assert_eq!(job(&lake, later).await, begun, "a later version's encoding of the same");
    let over = *granted(end(&lake, ANN, ended(id, JobState::Done(vec![1]))).await.job());
    assert_eq!(job(&lake, begin(&lake, id, None)).await, over, "with its answer");
    let nowhere = Command::BeginJob(BeginJob {
        request: request(),
        repository: name("no-such-lake"),
        kind: JobKind::Commit,
        user: UserId(1),
        caller: None,
        spec: JobSpec::default(),
        runner: None,
    });
    assert!(matches!(refusal(lake.write(nowhere).await), Refusal::RepositoryNotFound(_)));
}

pub(super) async fn one_that_failed_for_a_reason_that_may_pass_is_begun_anew(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "anew").await;
    let failed = |code| JobState::Failed(JobFailure { code, reason: "R".into(), message: "m".into() });
    let (unavailable, not_found) = (failed(14), failed(5));

    let (id, final_id) = (request(), request());
    job(&lake, begin(&lake, id, Some((ANN, HOUR)))).await;
    assert_eq!(granted(end(&lake, ANN, ended(id, unavailable.clone())).await.job()).state, unavailable);
    assert!(!is_open(&lake, id).await, "it has ended, for who asks after it");
    let mut other = begin(&lake, id, None);
    let Command::BeginJob(new) = &mut other else { panic!("a job") };
    new.spec = spec("another");
    assert_eq!(refusal(lake.write(other).await), Refusal::RequestReused(id));
    let again = job(&lake, begin(&lake, id, Some((BOB, HOUR)))).await;
    assert_eq!((&again.state, again.attempts, again.ended_at), (&JobState::Running, 1, None));
    assert!(is_open(&lake, id).await);
    let done = JobState::Done(vec![1]);
    assert_eq!(granted(end(&lake, BOB, ended(id, done.clone())).await.job()).state, done);
    assert_eq!(job(&lake, begin(&lake, id, None)).await.state, done, "and that is its end");

    job(&lake, begin(&lake, final_id, Some((ANN, HOUR)))).await;
    granted(end(&lake, ANN, ended(final_id, not_found.clone())).await.job());
    assert_eq!(job(&lake, begin(&lake, final_id, None)).await.state, not_found);
    assert_eq!(granted(end(&lake, BOB, ended(final_id, done)).await.job()).state, not_found, "the first end stays");
}

pub(super) async fn are_taken_up_when_their_lease_lapses(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "lapse").await;
    let id = request();
    job(&lake, begin(&lake, id, Some((ANN, HOUR)))).await;
    let claim = |runner, lease_ms| Command::ClaimJob(ClaimJob { job: id, runner, lease_ms });
    assert_eq!(refusal(lake.write(claim(BOB, HOUR)).await), Refusal::JobTaken(id));
    job(&lake, claim(ANN, LAPSED)).await;
    let taken = job(&lake, claim(BOB, HOUR)).await;
    assert_eq!(taken.lease.map(|lease| lease.runner), Some(BOB));
    assert_eq!(taken.attempts, 3);
    assert_eq!(refusal(lake.write(claim(ANN, HOUR)).await), Refusal::JobTaken(id), "it is another's now");
}

pub(super) async fn are_cancelled(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "cancel").await;
    let (waiting, running, orphaned, over) = (request(), request(), request(), request());
    job(&lake, begin(&lake, waiting, None)).await;
    assert_eq!(job(&lake, Command::CancelJob(CancelJob { job: waiting })).await.state, JobState::Cancelled);
    job(&lake, begin(&lake, running, Some((ANN, HOUR)))).await;
    assert_eq!(job(&lake, Command::CancelJob(CancelJob { job: running })).await.state, JobState::Cancelling);
    let report = Command::ReportJob(ReportJob {
        job: running,
        runner: ANN,
        lease_ms: LAPSED,
        progress: JobProgress::default(),
        checkpoint: None,
    });
    assert_eq!(job(&lake, report).await.state, JobState::Cancelling, "its runner is told");
    let claimed = job(&lake, Command::ClaimJob(ClaimJob { job: running, runner: BOB, lease_ms: HOUR })).await;
    assert_eq!(claimed.state, JobState::Cancelled, "its runner is gone");
    job(&lake, begin(&lake, orphaned, Some((ANN, LAPSED)))).await;
    assert_eq!(job(&lake, Command::CancelJob(CancelJob { job: orphaned })).await.state, JobState::Cancelled);
    granted(end(&lake, ANN, ended(over, JobState::Done(vec![]))).await.job());
    assert_eq!(
        job(&lake, Command::CancelJob(CancelJob { job: over })).await.state,
        JobState::Done(vec![]),
        "it was done before"
    );
}

pub(super) async fn end_with_what_they_publish(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "publishing").await;
    let (first, second) = (request(), request());
    job(&lake, begin(&lake, first, Some((ANN, HOUR)))).await;
    let publish = |from, to, requests: &[RequestId]| {
        let mut publish = lake.publish_command(commit(from), commit(to), &[], false);
        let Command::Publish(Publish { ended: ends, .. }) = &mut publish else { panic!("a publication") };
        *ends = requests.iter().map(|id| ended(*id, JobState::Done(vec![to]))).collect();
        lake.write(publish)
    };
    assert!(matches!(refusal(publish(9, 2, &[first]).await), Refusal::HeadMoved { .. }));
    assert_eq!(find(&lake, first).await.state, JobState::Running, "refused, nothing changed");
    granted(publish(1, 2, &[first, second]).await.branch());
    for id in [first, second] {
        assert_eq!(find(&lake, id).await.state, JobState::Done(vec![2]));
        assert!(!is_open(&lake, id).await);
        assert_eq!(refusal(publish(2, 3, &[request(), id]).await), Refusal::RequestAnswered(id));
        assert_eq!(
            refusal(publish(1, 2, &[id]).await),
            Refusal::RequestAnswered(id),
            "told before that the head moved"
        );
    }
    assert_eq!(lake.branch("main").await.commit, commit(2));
}

pub(super) async fn requests_that_were_no_jobs_are_remembered_too(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "remembered").await;
    let id = request();
    let failed = JobState::Failed(JobFailure { code: 9, reason: "NO_CHANGES".into(), message: "none".into() });
    let over = *granted(end(&lake, ANN, ended(id, failed.clone())).await.job());
    assert_eq!((over.state.clone(), over.ended_at), (failed, Some(over.created_at)));
    assert_eq!(job(&lake, begin(&lake, id, None)).await, over);
    let mut other = ended(id, JobState::Cancelled);
    other.kind = JobKind::Commit;
    assert_eq!(refusal(end(&lake, ANN, other).await), Refusal::RequestReused(id));
}

pub(super) async fn are_listed_newest_first(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "listed").await;
    let other = Lake::new(Arc::clone(&lake.store), "apart").await;
    job(&other, begin(&other, request(), None)).await;
    let ids: Vec<_> = (0..5).map(|_| request()).collect();
    for id in &ids {
        job(&lake, begin(&lake, *id, None)).await;
    }
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let query = ListJobs { repository: lake.repository.name.clone(), after, amount: 2 };
        let page = granted(lake.ask(query).await);
        after = page.items.last().map(|job| job.id);
        found.extend(page.items);
        if !page.more {
            break;
        }
    }
    assert!(found.is_sorted_by(|a, b| a.created_at >= b.created_at));
    let mut found: Vec<_> = found.into_iter().map(|job| job.id).collect();
    found.sort_unstable();
    assert_eq!(found, ids);
}

pub(super) async fn are_bounded(store: Arc<dyn MetaStore>) {
    let lake = Lake::new(store, "many").await;
    let mut begun = Vec::new();
    let full = loop {
        let id = request();
        match lake.write(begin(&lake, id, None)).await.job() {
            Ok(job) => begun.push(job.id),
            Err(refusal) => break refusal,
        }
        assert!(begun.len() as u64 <= OPEN_JOBS_MAX);
    };
    assert_eq!(full, Refusal::TooManyJobs);
    job(&lake, Command::CancelJob(CancelJob { job: begun[0] })).await;
    job(&lake, begin(&lake, request(), None)).await;
    for id in &begun {
        job(&lake, Command::CancelJob(CancelJob { job: *id })).await;
    }
}
