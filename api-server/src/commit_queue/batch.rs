//! What one publication carries: requests that are built one upon another over a branch as it was read once. Owns which
//! request commits which tokens. Invariant: no request is answered before all are published, for the outcome of each rests on
//! those before it.

use std::collections::HashMap;

use graveler::{CommitChain, CommitInfo, Merged, Replay, SealedTokens};
use model::{
    Branch, BranchName, CommitId, CompletedRequest, FindCommitOfToken, Note, Refusal, Repository, StagingToken,
};

use super::{CommitQueues, Operation, Outcome, PendingRequest, RequestContext};
use crate::publish::{Publication, publish};
use crate::{Error, error_table};

pub(super) struct Batch {
    queues: CommitQueues,
    repository: Repository,
    branch: Branch,
    head: CommitId,
    built: Vec<(PendingRequest, Result<Outcome, Error>)>,
    /// What is stored of those requests.
    completed: Vec<CompletedRequest>,
    /// Tokens that are committed, and the commit that holds each.
    consumed: HashMap<StagingToken, CommitId>,
}

/// A request of a batch, and what it needed of the publication.
pub(super) struct BatchedRequest {
    pub(super) request: PendingRequest,
    /// Whether it makes a commit.
    pub(super) is_commit: bool,
    /// Whether it needs a branch without uncommitted changes.
    pub(super) needs_clean: bool,
}

/// What came of a publication.
pub(super) enum Published {
    /// The branch has moved to the batch's last commit.
    Yes,
    /// The branch had moved elsewhere since it was read.
    HeadMoved,
    /// A request that is built into it was cancelled.
    Cancelled,
}

impl Batch {
    /// Reads the branch, and goes on with the chain if its tip is the branch's head.
    pub(super) async fn begin(
        queues: &CommitQueues,
        repository: &Repository,
        branch: &BranchName,
        chain: Option<CommitChain>,
    ) -> Result<(CommitChain, Self), Error> {
        let graveler = queues.graveler();
        let branch = graveler.meta().branch(&repository.name, branch).await?;
        let mut chain = match chain {
            Some(chain) => chain,
            None => graveler.chain(repository, branch.commit)?,
        };
        chain.restart(branch.commit);
        let (built, completed, consumed, head) = (Vec::new(), Vec::new(), HashMap::new(), branch.commit);
        let (queues, repository) = (queues.clone(), repository.clone());
        Ok((chain, Self { queues, repository, branch, head, built, completed, consumed }))
    }

    /// Builds a request's commit on top of the chain; a request that is cancelled meanwhile is left out. Gives the request back
    /// if the branch has moved since it was read: then nothing of this batch can be published.
    pub(super) async fn build(
        &mut self,
        chain: &mut CommitChain,
        mut request: PendingRequest,
    ) -> Result<(), Box<PendingRequest>> {
        let work =
            async |operation: &Operation, context: &RequestContext| self.carry_out(chain, operation, context).await;
        match request.until_cancelled(work).await {
            None => Ok(()),
            Some(Err(error)) if matches!(error_table::refusal(&error), Some(Refusal::HeadMoved { .. })) => {
                Err(Box::new(request))
            }
            Some(outcome) => {
                self.head = chain.tip();
                self.completed.extend(request.completed(&outcome));
                self.built.push((request, outcome));
                Ok(())
            }
        }
    }

    /// Waits until all that was built is durable, then moves the branch to the last commit.
    pub(super) async fn publish(&self, chain: &CommitChain) -> Result<Published, Error> {
        if self.head == self.branch.commit && self.consumed.is_empty() {
            return Ok(Published::Yes);
        }
        chain.settle().await?;
        if self.built.iter().any(|(request, outcome)| is_commit(outcome) && request.is_cancelled()) {
            return Ok(Published::Cancelled);
        }
        let (consumed, held_by) = self.consumed.iter().map(|(token, commit)| (*token, Some(*commit))).unzip();
        let mut passed: Vec<_> =
            self.built.iter().filter_map(|(request, outcome)| self.note(request, outcome)).collect();
        let note = passed.pop().map(|(_, note)| note).unwrap_or_default();
        let publication = Publication {
            passed,
            note,
            consumed,
            held_by,
            read_at: (!self.consumed.is_empty()).then_some(self.branch.reset),
            require_clean: self.built.iter().any(|(request, outcome)| needs_clean(request, outcome)),
            ended: self.completed.clone(),
        };
        let name = &self.repository.name;
        let moved = publish(self.queues.graveler(), name, &self.branch, self.head, publication).await?;
        Ok(if moved.is_some() { Published::Yes } else { Published::HeadMoved })
    }

    /// What the reflog says of a commit.
    fn note(&self, request: &PendingRequest, outcome: &Result<Outcome, Error>) -> Option<(CommitId, Note)> {
        let Ok(Outcome::Committed(built)) = outcome else { return None };
        let verb = match request.operation {
            Operation::Commit { .. } => "commit",
            Operation::Merge { .. } => "merge",
            Operation::Replay { replay: Replay::Revert, .. } => "revert",
            Operation::Replay { replay: Replay::CherryPick, .. } => "cherry-pick",
            Operation::Append { .. } => "import",
        };
        let why = format!("{verb}: {}", built.commit.message);
        Some((built.id, self.queues.graveler().note(&built.commit.committer, &why)))
    }

    /// What the last request failed with, if the object store was silent.
    pub(super) fn silence(&self) -> Option<Error> {
        let (_, outcome) = self.built.last()?;
        outcome.as_ref().err().filter(|error| error_table::is_of_silence(error)).map(Error::duplicate)
    }

    /// How many requests it answers.
    pub(super) fn len(&self) -> usize {
        self.built.len()
    }

    /// How many of them make commits.
    pub(super) fn commits(&self) -> usize {
        self.built.iter().filter(|(_, outcome)| is_commit(outcome)).count()
    }

    /// Bytes that are to be stored of the requests.
    pub(super) fn bytes(&self) -> usize {
        self.completed.iter().map(CompletedRequest::bytes).sum()
    }

    /// Answers all requests.
    pub(super) fn reply(self) {
        for (request, outcome) in self.built {
            request.reply(outcome);
        }
    }

    pub(super) fn into_requests(self) -> impl Iterator<Item = PendingRequest> {
        self.built.into_iter().map(|(request, _)| request)
    }

    pub(super) fn into_batched(self) -> impl Iterator<Item = BatchedRequest> {
        self.built.into_iter().map(|(request, outcome)| {
            let (is_commit, needs_clean) = (is_commit(&outcome), needs_clean(&request, &outcome));
            BatchedRequest { request, is_commit, needs_clean }
        })
    }

    async fn carry_out(
        &mut self,
        chain: &mut CommitChain,
        operation: &Operation,
        context: &RequestContext,
    ) -> Result<Outcome, Error> {
        let now = self.queues.graveler().clock().now();
        let merged = match operation {
            Operation::Commit { sealed, info, created_at } => {
                let info = CommitInfo { created_at: created_at.unwrap_or(now), ..info.clone() };
                return self.commit(chain, sealed, &info, context).await;
            }
            Operation::Append { built, base } => {
                return Ok(Outcome::Committed(chain.append(built.clone(), *base).await?));
            }
            Operation::Merge { source, options, info } => {
                context.progress.set_stage("merging");
                let info = CommitInfo { created_at: now, ..info.clone() };
                chain.merge(*source, options, &info, &context.progress).await?
            }
            Operation::Replay { replay, change, options, info } => {
                context.progress.set_stage("replaying");
                let info = CommitInfo { created_at: now, ..info.clone() };
                chain.replay(*replay, *change, options, &info).await?
            }
        };
        Ok(match merged {
            Merged::Clean(built) => Outcome::Committed(built),
            Merged::Conflicts(conflicts) => Outcome::Conflicts(conflicts),
            Merged::UpToDate | Merged::WouldMerge(_) => Outcome::UpToDate(chain.tip()),
        })
    }

    /// Commits the tokens that a request sealed, or finds the commit that holds them.
    async fn commit(
        &mut self,
        chain: &mut CommitChain,
        sealed: &Branch,
        info: &CommitInfo,
        context: &RequestContext,
    ) -> Result<Outcome, Error> {
        let branch = &self.branch;
        if branch.created_at != sealed.created_at {
            // Deleted with what was staged on it, and made anew: no commit holds that.
            return Err(Refusal::BranchNotFound(branch.name.clone()).into());
        }
        let is_left = |token: &&StagingToken| branch.sealed.contains(token) && !self.consumed.contains_key(token);
        let tokens: Vec<StagingToken> = sealed.sealed.iter().filter(is_left).copied().collect();
        if tokens.is_empty()
            && let Some(newest) = sealed.sealed.first()
        {
            return self.included_in(*newest).await;
        }
        context.progress.set_stage("committing");
        let sealed = SealedTokens { branch: branch.name.clone(), tokens, read_at: Some(branch.reset) };
        let built = chain.commit(&sealed, info, &context.progress).await;
        let is_empty = matches!(built, Err(graveler::Error::NoChanges));
        if built.is_ok() || is_empty {
            // Tokens that change nothing are dropped too, since readers look through them.
            self.consumed.extend(sealed.tokens.into_iter().map(|token| (token, chain.tip())));
        }
        Ok(Outcome::Committed(built?))
    }

    /// Finds the commit that holds a token's changes; there is none if they were discarded.
    async fn included_in(&self, token: StagingToken) -> Result<Outcome, Error> {
        if let Some(commit) = self.consumed.get(&token) {
            return Ok(Outcome::IncludedIn(*commit));
        }
        let (repository, branch) = (self.repository.name.clone(), self.branch.name.clone());
        let holder = FindCommitOfToken { repository, branch, token };
        let holder = self.queues.graveler().meta().ask(holder).await?;
        holder.map(Outcome::IncludedIn).ok_or_else(|| graveler::Error::NoChanges.into())
    }
}

fn is_commit(outcome: &Result<Outcome, Error>) -> bool {
    matches!(outcome, Ok(Outcome::Committed(_)))
}

fn needs_clean(request: &PendingRequest, outcome: &Result<Outcome, Error>) -> bool {
    is_commit(outcome) && matches!(request.operation, Operation::Merge { .. } | Operation::Replay { .. })
}
