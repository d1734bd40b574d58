//! Writes objects: bytes first, then a staged entry. Owns what a condition needs to know of the head commit, and
//! looking again when the branch moved. Invariant: no outcome is told before the change is durable.

use futures::stream::{self, StreamExt, TryStreamExt};
use model::{
    Address, Branch, BranchName, Command, Condition, Entry, ObjectPath, Once, Repository, RepositoryName, Require,
    StageOutcome, StagedChange, StagedValue,
};
use storage::BodyStream;

use crate::batcher::Place;
use crate::boxed;
use crate::{Error, Graveler};

/// Paths of one write that are looked up in the commit at a time.
const LOOKUPS_MAX: usize = 16;

/// Bytes that are in the object store, and in no ref yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Where they lie.
    pub address: Address,
    /// How many.
    pub size: u64,
    /// Their MD5.
    pub md5: [u8; 16],
}

/// One change that a writer asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub path: ObjectPath,
    /// What.
    pub value: StagedValue,
    /// On what condition, if any.
    pub require: Option<Require>,
}

impl Graveler {
    /// Streams bytes to a new address of a repository. They are durable when this returns, or nothing of them remains.
    ///
    /// Fails with [`Error::Body`] when the body does, with the body's own error.
    #[boxed]
    pub async fn upload(
        &self,
        repository: &Repository,
        body: BodyStream,
        size_hint: Option<u64>,
    ) -> Result<Uploaded, Error> {
        let files = self.files(repository)?;
        let address = files.storage().new_address();
        let stored = files.storage().put_data(&address, body, size_hint).await?;
        Ok(Uploaded { address, size: stored.size, md5: stored.md5 })
    }

    /// Stages changes on a branch, each judged by itself; one outcome a change, in their order, never `HeadMoved`.
    ///
    /// Writes to one branch that come while another is under way travel together.
    #[boxed]
    pub async fn stage(
        &self,
        repository: &RepositoryName,
        branch: &BranchName,
        changes: Vec<Change>,
    ) -> Result<Vec<StageOutcome>, Error> {
        let (repository, branch) = (repository.clone(), branch.clone());
        self.stage_at(&Place { repository, uid: None, branch }, changes, None).await
    }

    /// As [`Self::stage`], in this very repository: another that was made with its name meanwhile hasn't the bytes that
    /// were uploaded, and refuses with `RepositoryNotFound`.
    #[boxed]
    pub async fn stage_in(
        &self,
        repository: &Repository,
        branch: &BranchName,
        changes: Vec<Change>,
    ) -> Result<Vec<StageOutcome>, Error> {
        let (name, uid, branch) = (repository.name.clone(), Some(repository.uid), branch.clone());
        self.stage_at(&Place { repository: name, uid, branch }, changes, None).await
    }

    /// As [`Self::stage_in`], of one change that is taken at most once. With [`StageOutcome::Spent`] another change was taken.
    #[boxed]
    pub async fn stage_once(
        &self,
        repository: &Repository,
        branch: &BranchName,
        change: Change,
        once: Once,
    ) -> Result<StageOutcome, Error> {
        let place = Place { repository: repository.name.clone(), uid: Some(repository.uid), branch: branch.clone() };
        let outcomes = self.stage_at(&place, vec![change], Some(once)).await?;
        outcomes.first().copied().ok_or_else(|| Error::Internal("a change had no outcome".to_owned()))
    }

    async fn stage_at(
        &self,
        place: &Place,
        changes: Vec<Change>,
        once: Option<Once>,
    ) -> Result<Vec<StageOutcome>, Error> {
        if changes.iter().all(|change| change.require.is_none()) {
            let changes = changes.into_iter();
            let changes = changes.map(|c| StagedChange { path: c.path, value: c.value, condition: None, once });
            return self.stage_batches(place, changes.collect()).await;
        }
        let mut outcomes = vec![StageOutcome::HeadMoved; changes.len()];
        for _ in 0..=self.inner.options.stage_retries_max {
            let open: Vec<usize> = (0..changes.len()).filter(|at| outcomes[*at] == StageOutcome::HeadMoved).collect();
            if open.is_empty() {
                return Ok(outcomes);
            }
            let mut conditioned = self.with_conditions(place, &changes, &open).await?;
            conditioned.iter_mut().for_each(|change| change.once = once);
            let judged = self.stage_batches(place, conditioned).await?;
            open.into_iter().zip(judged).for_each(|(at, outcome)| outcomes[at] = outcome);
        }
        if outcomes.contains(&StageOutcome::HeadMoved) {
            Err(Error::Contended(place.branch.clone()))
        } else {
            Ok(outcomes)
        }
    }

    async fn stage_batches(&self, place: &Place, mut changes: Vec<StagedChange>) -> Result<Vec<StageOutcome>, Error> {
        let mut outcomes = Vec::with_capacity(changes.len());
        while !changes.is_empty() {
            let rest = changes.split_off(changes.len().min(Command::STAGED_CHANGES_MAX));
            let some = std::mem::replace(&mut changes, rest);
            outcomes.extend(self.inner.batcher.stage(place, some).await?);
        }
        Ok(outcomes)
    }

    /// Gives the open ones among some changes what their conditions need to know of the branch's head.
    async fn with_conditions(
        &self,
        Place { repository, branch, .. }: &Place,
        changes: &[Change],
        open: &[usize],
    ) -> Result<Vec<StagedChange>, Error> {
        let found = self.meta().lookup(repository, &branch.into(), None).await?;
        let head = found.target.into_branch(branch)?;
        // Collected: a stream over a closure that borrows isn't `Send` for any lifetime, and servers need it to be.
        let conditions: Vec<_> =
            open.iter().map(|at| self.with_condition(&found.repository, &head, &changes[*at])).collect();
        stream::iter(conditions).buffered(LOOKUPS_MAX).try_collect().await
    }

    async fn with_condition(
        &self,
        repository: &Repository,
        head: &Branch,
        change: &Change,
    ) -> Result<StagedChange, Error> {
        let condition = match &change.require {
            None => None,
            Some(require) => {
                let committed = self.committed_entry(repository, &head.commit, &change.path).await?;
                let counts = |entry: &Entry| !matches!(require, Require::Same(wanted) if **wanted != *entry);
                Some(Condition {
                    require: require.clone(),
                    commit: head.commit,
                    committed_e_tag: committed.filter(counts).map(|entry| entry.e_tag),
                })
            }
        };
        Ok(StagedChange { path: change.path.clone(), value: change.value.clone(), condition, once: None })
    }
}
