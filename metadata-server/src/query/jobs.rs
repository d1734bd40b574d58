//! Answers about jobs.

use model::{GetJob, Job, ListJobs, ListOpenJobs, Page, Refusal, RequestId};

use super::Find;
use crate::state::keyspace::{Keyspace, Pair, Table};
use crate::state::page::{page, referred};
use crate::state::{Halt, StateError, key, records};

impl Find for GetJob {
    const IS_POINT: bool = true;

    fn find(&self, keys: &dyn Keyspace) -> Result<Box<Job>, Halt> {
        Ok(Box::new(job(keys, self.id)?))
    }
}

impl Find for ListJobs {
    fn find(&self, keys: &dyn Keyspace) -> Result<Page<Job>, Halt> {
        let uid = records::repository(keys, &self.repository)?.uid;
        let after = self.after.map(|id| Ok::<_, Halt>((job(keys, id)?.created_at, id))).transpose()?;
        let scan = keys.scan(Table::Jobs, key::jobs_of_repository(uid, after));
        Ok(page(scan, self.amount, |pair| listed(keys, &pair))?)
    }
}

impl Find for ListOpenJobs {
    fn find(&self, keys: &dyn Keyspace) -> Result<Page<Job>, Halt> {
        let scan = keys.scan(Table::Jobs, key::open_jobs(self.after));
        Ok(page(scan, self.amount, |pair| listed(keys, &pair))?)
    }
}

fn job(keys: &dyn Keyspace, id: RequestId) -> Result<Job, Halt> {
    records::find(keys, Table::Jobs, &key::job(id))?.ok_or_else(|| Refusal::JobNotFound(id).into())
}

/// The job that a list's key names.
fn listed(keys: &dyn Keyspace, (key, _): &Pair) -> Result<Job, StateError> {
    let id = key::job_id(key).ok_or_else(|| StateError::Corrupt("a job without an id".into()))?;
    referred(keys, Table::Jobs, &key::job(id))
}
