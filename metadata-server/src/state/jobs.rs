//! The records of jobs, and the lists by which they are found. Owns how many are kept, and for how long; leaves to the
//! commands who may change one. Invariant: a job is in exactly one of the lists of open and of ended ones, and the
//! counts say how many each has.

use model::{Job, JobState, OPEN_JOBS_MAX, Refusal, RequestId, RunnerId, Timestamp};

use super::expiry::{self, KEPT_MILLIS};
use super::keyspace::{Keyspace, Table, Transaction};
use super::{Halt, StateError, key, records};

/// How many that ended are remembered, in all repositories together; the first are forgotten first.
const KEPT_MAX: u64 = 100_000;
/// How many one command forgets at most; more than it may add, but for a publication of very many.
const FORGOTTEN_MAX: usize = 4;

/// Finds a job that isn't forgotten.
pub(crate) fn find(keys: &dyn Keyspace, id: RequestId, now: Timestamp) -> Result<Option<Job>, StateError> {
    let job: Option<Job> = records::find(keys, Table::Jobs, &key::job(id))?;
    Ok(job.filter(|job| !is_expired(job, now)))
}

/// Finds a job that must be there.
pub(crate) fn get(keys: &dyn Keyspace, id: RequestId, now: Timestamp) -> Result<Job, Halt> {
    find(keys, id, now)?.ok_or_else(|| Refusal::JobNotFound(id).into())
}

/// Adds a job, open or ended.
pub(crate) fn add(tx: &mut Transaction<'_>, job: &Job) -> Result<(), StateError> {
    if let Some(forgotten) = records::find::<Job>(tx, Table::Jobs, &key::job(job.id))? {
        remove(tx, &forgotten)?;
    }
    tx.put(Table::Jobs, key::job_of_repository(job.repository_uid, job.created_at, job.id), vec![]);
    let mut counts = Counts::read(tx)?;
    match job.ended_at {
        None => {
            tx.put(Table::Jobs, key::open_job(job.id), vec![]);
            counts.open += 1;
        }
        Some(ended) => {
            tx.put(Table::Jobs, key::ended_job(ended, job.id), vec![]);
            counts.ended += 1;
        }
    }
    counts.write(tx);
    put(tx, job);
    Ok(())
}

/// Writes the record of a job that stays in its lists.
pub(crate) fn put(tx: &mut Transaction<'_>, job: &Job) {
    records::put(tx, Table::Jobs, key::job(job.id), job);
}

/// Ends an open job.
pub(crate) fn end(tx: &mut Transaction<'_>, now: Timestamp, job: &mut Job, state: JobState) -> Result<(), StateError> {
    job.state = state;
    job.lease = None;
    job.caller = None;
    job.checkpoint = Vec::new();
    job.ended_at = Some(now);
    tx.delete(Table::Jobs, key::open_job(job.id));
    tx.put(Table::Jobs, key::ended_job(now, job.id), vec![]);
    let counts = Counts::read(tx)?;
    Counts { open: counts.open.saturating_sub(1), ended: counts.ended + 1 }.write(tx);
    put(tx, job);
    Ok(())
}

/// Whether one more may be begun.
pub(crate) fn has_room(keys: &dyn Keyspace) -> Result<bool, StateError> {
    Ok(Counts::read(keys)?.open < OPEN_JOBS_MAX)
}

/// Forgets a few jobs that ended long ago, or that are too many.
pub(crate) fn expire(tx: &mut Transaction<'_>, now: Timestamp) -> Result<(), StateError> {
    let ended = Counts::read(tx)?.ended;
    if ended == 0 {
        return Ok(());
    }
    let oldest: Vec<_> = tx.scan(Table::Jobs, key::ended_jobs()).take(FORGOTTEN_MAX).collect::<Result<_, _>>()?;
    for (left, (key, _)) in (0..=ended).rev().zip(oldest) {
        let listed = key::due_time(&key).ok_or_else(cut_short)?;
        if left <= KEPT_MAX && listed.plus_millis(KEPT_MILLIS) > now {
            break;
        }
        tx.delete(Table::Jobs, key.clone());
        // Its id may have been used again since, if it was put off.
        let Some(job) = records::find::<Job>(tx, Table::Jobs, &listed_job(&key)?)? else { continue };
        let Some(ended_at) = job.ended_at else { continue };
        if left > KEPT_MAX || expiry::is_over(ended_at.plus_millis(KEPT_MILLIS), now, KEPT_MILLIS) {
            remove(tx, &job)?;
        } else {
            tx.put(Table::Jobs, key::ended_job(ended_at, job.id), vec![]);
        }
    }
    put_off(tx, now)
}

/// Lists a few jobs that ended in the future as ending now; see [`expiry`].
fn put_off(tx: &mut Transaction<'_>, now: Timestamp) -> Result<(), StateError> {
    let far = key::jobs_ended_after(expiry::far(now, 0));
    let far: Vec<_> = tx.scan(Table::Jobs, far).take(FORGOTTEN_MAX).collect::<Result<_, _>>()?;
    for (far, _) in far {
        let id = key::job_id(&far).ok_or_else(cut_short)?;
        tx.delete(Table::Jobs, far);
        tx.put(Table::Jobs, key::ended_job(now, id), vec![]);
    }
    Ok(())
}

fn listed_job(listed: &[u8]) -> Result<Vec<u8>, StateError> {
    key::job_id(listed).map(key::job).ok_or_else(cut_short)
}

fn cut_short() -> StateError {
    StateError::Corrupt("a job's end is cut short".into())
}

/// Whether somebody else's turn it is.
pub(crate) fn is_taken(job: &Job, by: RunnerId, now: Timestamp) -> bool {
    job.lease.is_some_and(|lease| lease.runner != by && lease.lasts(now))
}

fn remove(tx: &mut Transaction<'_>, job: &Job) -> Result<(), StateError> {
    tx.delete(Table::Jobs, key::job(job.id));
    tx.delete(Table::Jobs, key::job_of_repository(job.repository_uid, job.created_at, job.id));
    let mut counts = Counts::read(tx)?;
    match job.ended_at {
        None => {
            tx.delete(Table::Jobs, key::open_job(job.id));
            counts.open = counts.open.saturating_sub(1);
        }
        Some(ended) => {
            tx.delete(Table::Jobs, key::ended_job(ended, job.id));
            counts.ended = counts.ended.saturating_sub(1);
        }
    }
    counts.write(tx);
    Ok(())
}

fn is_expired(job: &Job, now: Timestamp) -> bool {
    job.ended_at.is_some_and(|ended| ended.plus_millis(KEPT_MILLIS) <= now)
}

/// How many jobs there are.
struct Counts {
    open: u64,
    ended: u64,
}

impl Counts {
    fn read(keys: &dyn Keyspace) -> Result<Self, StateError> {
        let Some(bytes) = keys.get(Table::Jobs, key::JOB_COUNTS)? else { return Ok(Self { open: 0, ended: 0 }) };
        let corrupt = || StateError::Corrupt("the counts of jobs haven't 16 bytes".into());
        let (open, ended) = bytes.split_first_chunk().ok_or_else(corrupt)?;
        let ended = ended.try_into().map_err(|_| corrupt())?;
        Ok(Self { open: u64::from_be_bytes(*open), ended: u64::from_be_bytes(ended) })
    }

    fn write(&self, tx: &mut Transaction<'_>) {
        let mut bytes = self.open.to_be_bytes().to_vec();
        bytes.extend(self.ended.to_be_bytes());
        tx.put(Table::Jobs, key::JOB_COUNTS.to_vec(), bytes);
    }
}
