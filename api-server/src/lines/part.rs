//! What one publication carries: requests built one upon another over a branch as it was read once. Owns which tokens
//! are committed by whom. Invariant: nobody is answered before all of it is published, for the outcome of each rests on
//! those before it.

use std::collections::HashMap;

use graveler::{Chain, Merged, Replay, SealedTokens};
use model::{Branch, BranchName, CommitId, EndedRequest, JobState, Note, Query, Refusal, Repository, StagingToken};

use super::{Lines, Placed, Step, Waiting};
use crate::publish::{Publication, publish};
use crate::{Error, error_table};

pub(super) struct Part {
    lines: Lines,
    repository: Repository,
    branch: Branch,
    head: CommitId,
    built: Vec<(Waiting, Result<Placed, Error>)>,
    /// What is remembered of those requests.
    ended: Vec<EndedRequest>,
    /// Tokens that it commits, and the commit that holds each.
    consumed: HashMap<StagingToken, CommitId>,
}

/// One request's share of a publication.
pub(super) struct Share {
    pub(super) waiting: Waiting,
    /// Whether it makes a commit.
    pub(super) is_commit: bool,
    /// Whether it needs a branch without uncommitted changes.
    pub(super) needs_clean: bool,
}

/// What a publication came to.
pub(super) enum Published {
    Yes,
    /// The branch isn't as it was read any more.
    Beaten,
    /// Somebody whose commit is in it doesn't want it any more.
    TakenBack,
}

impl Part {
    /// Reads the branch, and goes on with the chain if it ends there.
    pub(super) async fn begin(
        lines: &Lines,
        repository: &Repository,
        branch: &BranchName,
        chain: Option<Chain>,
    ) -> Result<(Chain, Self), Error> {
        let graveler = lines.graveler();
        let branch = graveler.meta().branch(&repository.name, branch).await?;
        let mut chain = match chain {
            Some(chain) => chain,
            None => graveler.chain(repository, branch.commit)?,
        };
        chain.restart(branch.commit);
        let (built, ended, consumed, head) = (Vec::new(), Vec::new(), HashMap::new(), branch.commit);
        let (lines, repository) = (lines.clone(), repository.clone());
        Ok((chain, Self { lines, repository, branch, head, built, ended, consumed }))
    }

    /// Builds a request's commit over the chain; gives the request back if the branch was changed meanwhile, so that
    /// nothing here will be published.
    pub(super) async fn build(&mut self, chain: &mut Chain, mut waiting: Waiting) -> Result<(), Box<Waiting>> {
        let Waiting { step, errand, reply, .. } = &mut waiting;
        let placed = tokio::select! {
            placed = place(self, chain, step, errand) => placed,
            // Nobody waits any more.
            () = reply.closed() => return Ok(()),
        };
        match placed {
            Err(error) if matches!(error_table::refusal(&error), Some(Refusal::HeadMoved { .. })) => {
                Err(Box::new(waiting))
            }
            placed => {
                self.head = chain.tip();
                self.ended.extend(ended(&waiting, &placed));
                self.built.push((waiting, placed));
                Ok(())
            }
        }
    }

    /// Moves the branch over all that was built, once it is stored.
    pub(super) async fn publish(&self, chain: &Chain) -> Result<Published, Error> {
        if self.head == self.branch.commit && self.consumed.is_empty() {
            return Ok(Published::Yes);
        }
        chain.settle().await?;
        if self.built.iter().any(|(waiting, placed)| is_commit(placed) && waiting.reply.is_closed()) {
            return Ok(Published::TakenBack);
        }
        let (consumed, held_by) = self.consumed.iter().map(|(token, commit)| (*token, Some(*commit))).unzip();
        let mut passed: Vec<_> = self.built.iter().filter_map(|(waiting, placed)| self.note(waiting, placed)).collect();
        let note = passed.pop().map(|(_, note)| note).unwrap_or_default();
        let publication = Publication {
            passed,
            note,
            consumed,
            held_by,
            read_at: (!self.consumed.is_empty()).then_some(self.branch.reset),
            require_clean: self.built.iter().any(|(waiting, placed)| needs_clean(waiting, placed)),
            ended: self.ended.clone(),
        };
        let name = &self.repository.name;
        let moved = publish(self.lines.graveler(), name, &self.branch, self.head, publication).await?;
        Ok(if moved.is_some() { Published::Yes } else { Published::Beaten })
    }

    /// What the reflog says of a commit.
    fn note(&self, waiting: &Waiting, placed: &Result<Placed, Error>) -> Option<(CommitId, Note)> {
        let Ok(Placed::Built(built)) = placed else { return None };
        let verb = match waiting.step {
            Step::Commit { .. } => "commit",
            Step::Merge { .. } => "merge",
            Step::Replay { replay: Replay::Revert, .. } => "revert",
            Step::Replay { replay: Replay::CherryPick, .. } => "cherry-pick",
            Step::Graft { .. } => "import",
        };
        let why = format!("{verb}: {}", built.commit.message);
        Some((built.id, self.lines.graveler().note(&built.commit.committer, &why)))
    }

    /// How many requests it answers.
    pub(super) fn len(&self) -> usize {
        self.built.len()
    }

    /// How many of them make commits.
    pub(super) fn commits(&self) -> usize {
        self.built.iter().filter(|(_, placed)| is_commit(placed)).count()
    }

    /// How much is to be remembered of the requests.
    pub(super) fn bytes(&self) -> usize {
        self.ended.iter().map(EndedRequest::bytes).sum()
    }

    /// Tells everybody.
    pub(super) fn answer(self) {
        for (waiting, placed) in self.built {
            let _ = waiting.reply.send(placed);
        }
    }

    pub(super) fn into_waiting(self) -> impl Iterator<Item = Waiting> {
        self.built.into_iter().map(|(waiting, _)| waiting)
    }

    /// The requests, and what each needed of the publication.
    pub(super) fn into_built(self) -> impl Iterator<Item = Share> {
        self.built.into_iter().map(|(waiting, placed)| {
            let (is_commit, needs_clean) = (is_commit(&placed), needs_clean(&waiting, &placed));
            Share { waiting, is_commit, needs_clean }
        })
    }
}

async fn place(part: &mut Part, chain: &mut Chain, step: &Step, errand: &super::Errand) -> Result<Placed, Error> {
    let now = part.lines.graveler().clock().now();
    let merged = match step {
        Step::Commit { sealed, info, made_at } => {
            let info = graveler::CommitInfo { created_at: made_at.unwrap_or(now), ..info.clone() };
            return commit(part, chain, sealed, &info, errand).await;
        }
        Step::Graft { built, over } => return Ok(Placed::Built(chain.graft(built.clone(), *over).await?)),
        Step::Merge { source, options, info } => {
            errand.progress.set_stage("merging");
            let info = graveler::CommitInfo { created_at: now, ..info.clone() };
            chain.merge(*source, options, &info, &errand.progress).await?
        }
        Step::Replay { replay, change, options, info } => {
            errand.progress.set_stage("replaying");
            let info = graveler::CommitInfo { created_at: now, ..info.clone() };
            chain.replay(*replay, *change, options, &info).await?
        }
    };
    Ok(match merged {
        Merged::Clean(built) => Placed::Built(built),
        Merged::Conflicts(conflicts) => Placed::Conflicts(conflicts),
        Merged::UpToDate | Merged::WouldMerge(_) => Placed::UpToDate(chain.tip()),
    })
}

/// Commits the tokens that a request sealed, or finds who did.
async fn commit(
    part: &mut Part,
    chain: &mut Chain,
    sealed: &Branch,
    info: &graveler::CommitInfo,
    errand: &super::Errand,
) -> Result<Placed, Error> {
    let branch = &part.branch;
    if branch.created_at != sealed.created_at {
        // Deleted with what was staged on it, and made anew: nobody took that along.
        return Err(Refusal::BranchNotFound(branch.name.clone()).into());
    }
    let is_left = |token: &&StagingToken| branch.sealed.contains(token) && !part.consumed.contains_key(token);
    let tokens: Vec<StagingToken> = sealed.sealed.iter().filter(is_left).copied().collect();
    if tokens.is_empty()
        && let Some(newest) = sealed.sealed.first()
    {
        return taken_along(part, *newest).await;
    }
    errand.progress.set_stage("committing");
    let sealed = SealedTokens { branch: branch.name.clone(), tokens, read_at: Some(branch.reset) };
    let built = chain.commit(&sealed, info, &errand.progress).await;
    let nothing = matches!(built, Err(graveler::Error::NoChanges));
    if built.is_ok() || nothing {
        // Tokens that change nothing are dropped too, since readers look through them.
        part.consumed.extend(sealed.tokens.into_iter().map(|token| (token, chain.tip())));
    }
    Ok(Placed::Built(built?))
}

/// Another commit holds these changes, unless they were thrown away.
async fn taken_along(part: &Part, token: StagingToken) -> Result<Placed, Error> {
    if let Some(commit) = part.consumed.get(&token) {
        return Ok(Placed::TakenAlong(*commit));
    }
    let (repository, branch) = (part.repository.name.clone(), part.branch.name.clone());
    let holder = Query::Holder { repository, branch, token };
    let holder = part.lines.graveler().meta().read(holder).await?.holder()?;
    holder.map(Placed::TakenAlong).ok_or_else(|| graveler::Error::NoChanges.into())
}

fn is_commit(placed: &Result<Placed, Error>) -> bool {
    matches!(placed, Ok(Placed::Built(_)))
}

fn needs_clean(waiting: &Waiting, placed: &Result<Placed, Error>) -> bool {
    is_commit(placed) && matches!(waiting.step, Step::Merge { .. } | Step::Replay { .. })
}

/// What is remembered of a request with the publication.
fn ended(waiting: &Waiting, placed: &Result<Placed, Error>) -> Option<EndedRequest> {
    let (Some(ticket), Ok(Placed::Built(built))) = (&waiting.errand.ticket, placed) else { return None };
    let state = JobState::Done((ticket.answer)(built));
    Some(EndedRequest { id: ticket.id, kind: ticket.kind, user: ticket.user, spec: ticket.spec.clone(), state })
}
