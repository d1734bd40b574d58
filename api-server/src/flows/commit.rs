//! Commits what is staged on a branch: seal, build, judge, publish. Invariant: a commit that others beat to the head is
//! rebased here, and never bounced to the client for it.

use std::collections::BTreeMap;

use auth::{Action, Caller, Resource, authorize};
use graveler::{Built, CommitInfo, Graveler};
use model::{
    Branch, BranchName, Command, Commit, CommitId, MetaError, Refusal, Repository, RepositoryName, StagingToken,
    Timestamp,
};

use super::backoff;
use super::publish::{Publication, publish};
use crate::Error;

/// How often a seal waits for other commits to make room.
const SEAL_ATTEMPTS_MAX: u32 = 8;
/// How often a commit is built anew over a head that moved.
const PUBLISH_ATTEMPTS_MAX: u32 = 32;

/// What to commit.
#[derive(Debug, Clone)]
pub struct CommitRequest {
    /// Where.
    pub repository: RepositoryName,
    /// Which branch.
    pub branch: BranchName,
    /// Why.
    pub message: String,
    /// What else.
    pub metadata: BTreeMap<String, String>,
    /// Whether a commit that changes nothing is one.
    pub allow_empty: bool,
    /// When it was made, if not now.
    pub created_at: Option<Timestamp>,
}

/// What a commit came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// The commit that holds the changes.
    pub id: CommitId,
    /// What it says.
    pub commit: Commit,
    /// How many paths it changes; `None` if another caller's commit took these changes along.
    pub changes: Option<u64>,
}

/// Commits what is staged on a branch.
///
/// Writers go on meanwhile into a new staging token. Commits under way on the same branch see each other's sealed tokens
/// and publish them all, newest over oldest; who comes second finds its changes published, or builds again over the new
/// head. A crash at any point loses nothing: sealed tokens stay readable and go into the next commit.
pub async fn commit(graveler: &Graveler, caller: &Caller, request: &CommitRequest) -> Result<Committed, Error> {
    authorize(caller, Action::CreateCommit, &Resource::branch(&request.repository, &request.branch))?;
    let repository = graveler.meta().repository(&request.repository).await?;
    let flow = Flow { graveler, caller, request, repository };

    let sealed = match flow.seal().await? {
        Sealed::Yes(branch) => branch,
        Sealed::NoRoom(full) => flow.make_room(full).await?,
    };
    flow.publish(sealed).await
}

/// One commit under way.
struct Flow<'a> {
    graveler: &'a Graveler,
    caller: &'a Caller,
    request: &'a CommitRequest,
    repository: Repository,
}

enum Sealed {
    Yes(Branch),
    /// Others have sealed all that readers should look through.
    NoRoom(Branch),
}

enum Attempt {
    Published(Built),
    NoChanges,
    /// Somebody else published first.
    Beaten,
}

impl Flow<'_> {
    /// Gives writers a new token, so that what is staged so far stays as it is.
    async fn seal(&self) -> Result<Sealed, Error> {
        let CommitRequest { repository, branch, .. } = self.request;
        for attempt in 0..SEAL_ATTEMPTS_MAX {
            let command = Command::Seal { repository: repository.clone(), branch: branch.clone() };
            match self.graveler.meta().write(command).await?.branch() {
                Ok(branch) => return Ok(Sealed::Yes(branch)),
                Err(Refusal::TooManySealed(_)) => backoff::wait(attempt).await,
                Err(refusal) => return Err(refusal.into()),
            }
        }
        Ok(Sealed::NoRoom(self.branch().await?))
    }

    /// Publishes what others sealed and, it seems, won't publish any more since their server died; then seals.
    async fn make_room(&self, full: Branch) -> Result<Branch, Error> {
        match self.publish(full).await {
            Ok(_) | Err(Error::Graveler(graveler::Error::NoChanges)) => {}
            Err(error) => return Err(error),
        }
        match self.seal().await? {
            Sealed::Yes(branch) => Ok(branch),
            Sealed::NoRoom(_) => Err(Error::Contended(self.request.branch.clone())),
        }
    }

    /// Builds a commit of all sealed tokens and moves the branch to it, as often as others come first.
    async fn publish(&self, mut branch: Branch) -> Result<Committed, Error> {
        let (ours, made_at) = (branch.sealed.clone(), branch.created_at);
        for attempt in 0..PUBLISH_ATTEMPTS_MAX {
            match self.try_publish(&branch).await? {
                Attempt::Published(built) => return Ok(self.done(built)),
                Attempt::NoChanges => return Err(graveler::Error::NoChanges.into()),
                Attempt::Beaten => {}
            }
            let before = branch.commit;
            branch = self.branch().await?;
            if branch.created_at != made_at {
                // Deleted with what was staged on it, and made anew: nobody took that along.
                return Err(Refusal::BranchNotFound(branch.name).into());
            }
            if branch.commit != before && are_published(&ours, &branch) {
                return self.taken_along(&branch, before).await;
            }
            backoff::wait(attempt).await;
        }
        Err(Error::Contended(self.request.branch.clone()))
    }

    async fn try_publish(&self, branch: &Branch) -> Result<Attempt, Error> {
        let built = match self.build(branch).await {
            Ok(built) => Some(built),
            Err(graveler::Error::NoChanges) if branch.sealed.is_empty() => return Ok(Attempt::NoChanges),
            // A tree that stays the same is published too: that drops the tokens, through which readers look.
            Err(graveler::Error::NoChanges) => None,
            Err(graveler::Error::Meta(MetaError::Refused(Refusal::HeadMoved { .. }))) => return Ok(Attempt::Beaten),
            Err(error) => return Err(error.into()),
        };

        let head = built.as_ref().map_or(branch.commit, |built| built.id);
        let note = self.graveler.note(self.caller.committer(), &format!("commit: {}", self.request.message));
        let publication = Publication { consumed: branch.sealed.clone(), require_clean: false, note };
        let moved = publish(self.graveler, &self.request.repository, branch, head, publication).await?;
        Ok(match built {
            _ if !moved => Attempt::Beaten,
            Some(built) => Attempt::Published(built),
            None => Attempt::NoChanges,
        })
    }

    async fn build(&self, branch: &Branch) -> Result<Built, graveler::Error> {
        let info = CommitInfo {
            committer: self.caller.committer().to_owned(),
            message: self.request.message.clone(),
            metadata: self.request.metadata.clone(),
            created_at: self.request.created_at.unwrap_or_else(|| self.graveler.clock().now()),
            allow_empty: self.request.allow_empty,
        };
        self.graveler.build_commit(&self.repository, &branch.commit, &branch.name, &branch.sealed, &info).await
    }

    async fn branch(&self) -> Result<Branch, Error> {
        Ok(self.graveler.meta().branch(&self.request.repository, &self.request.branch).await?)
    }

    fn done(&self, built: Built) -> Committed {
        let CommitRequest { repository, branch, .. } = self.request;
        let (id, changes) = (built.id, built.changes);
        tracing::info!(%repository, %branch, commit = %id, changes, user = %self.caller.user.name, "committed");
        Committed { id, commit: built.commit, changes: Some(changes) }
    }

    /// Another commit holds these changes; the head has it. Unless the branch was reset to where its old head isn't in
    /// the history: then they were dropped.
    async fn taken_along(&self, branch: &Branch, before: CommitId) -> Result<Committed, Error> {
        if self.graveler.merge_base(&self.repository, &branch.commit, &before).await? != Some(before) {
            return Err(graveler::Error::NoChanges.into());
        }
        let commit = self.graveler.commit_object(&self.repository, &branch.commit).await?;
        Ok(Committed { id: branch.commit, commit: Commit::clone(&commit), changes: None })
    }
}

/// Whether others have published all of these tokens. Without any there is nothing that they could have taken along.
fn are_published(tokens: &[StagingToken], branch: &Branch) -> bool {
    !tokens.is_empty() && !tokens.iter().any(|token| branch.sealed.contains(token))
}
