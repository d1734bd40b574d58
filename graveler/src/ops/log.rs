//! Walks history: the log of a ref, whole or of some paths, and the merge bases of two commits. Owns paging and which
//! commits are shown; `history/` owns the walks, `tree/scope` the comparison. Invariant: pages follow each other
//! without a gap or a repetition, since history doesn't change, and a page looks at a bounded number of commits.

use std::sync::Arc;

use model::{Commit, CommitId, PAGE_MAX, Repository, RepositoryName, Timestamp};

use super::merge::tree;
use super::resolve::commit_if_there;
use crate::boxed;
use crate::graveler::Work;
use crate::history::{HistoryWalk, LogCursor, merge_bases};
use crate::tree::Files;
use crate::tree::scope::Scope;
use crate::{Error, Graveler, RefExpr};

/// How many commits one page of a log of paths compares at most; then it ends, if with nothing found.
const COMPARED_MAX: usize = 250;
/// How many paths and prefixes a log may be of.
const PATHS_MAX: usize = 1000;

/// Which part of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogRequest {
    /// Where the page before ended; or after a commit.
    pub after: Option<LogCursor>,
    /// How many at most; more than [`model::PAGE_MAX`] is taken as that.
    pub amount: usize,
    /// Only first parents: what happened on the branch itself.
    pub first_parent: bool,
    /// Only commits that changed one of these objects, or something under a prefix; all commits if both are empty.
    pub objects: Vec<String>,
    /// See `objects`.
    pub prefixes: Vec<String>,
    /// Only commits that aren't older. What lies after an older one isn't looked at.
    pub since: Option<Timestamp>,
    /// The last commit of the log, if the log comes to it.
    pub stop_at: Option<RefExpr>,
    /// Whether this page is all that is wanted, so that there is no next one.
    pub limit: bool,
}

/// One page of a log: newest first, and no commit before its children that the log has reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPage {
    /// In order.
    pub commits: Vec<(CommitId, Arc<Commit>)>,
    /// Where the next page begins; `None` if there is none. A page may be short, and even empty, though there is a next.
    pub next: Option<LogCursor>,
}

impl Graveler {
    /// Lists the commits that a ref reaches, newest first.
    ///
    /// A log of paths is simplified as git's: where a merge has the paths as one of its parents has them, only the first
    /// such parent is followed, and the merge isn't shown; a merge that has them as none of its parents is. So every
    /// change that counts in the ref's content is shown once, where it was made. With `first_parent`, commits and merges
    /// alike are shown by what they changed against their first parent. A commit that didn't change the paths costs no
    /// look into a range.
    #[boxed]
    pub async fn log(
        &self,
        repository: &RepositoryName,
        expr: &RefExpr,
        request: &LogRequest,
    ) -> Result<LogPage, Error> {
        let resolved = self.resolve(repository, expr).await?;
        let files = self.files(&resolved.repository)?;
        let stop_at = match &request.stop_at {
            Some(stop_at) => Some(self.resolve(repository, stop_at).await?.commit),
            None => None,
        };
        let paths = request.objects.len() + request.prefixes.len();
        if paths > PATHS_MAX {
            return Err(Error::Invalid(format!("a log is of {PATHS_MAX} paths and prefixes at most, not {paths}")));
        }
        let scope = (paths > 0).then(|| Scope::new(&request.objects, &request.prefixes));
        let log =
            Log { files, head: resolved.commit, shown_as: expr.to_string(), scope, stop_at, request: request.clone() };
        if log.scope.is_none() {
            return log.page().await;
        }
        self.heavy(Work::Scan, async move || log.page().await).await
    }

    /// Finds the best common ancestors of two commits: those of which no other common ancestor descends. Criss-cross
    /// histories have several, and a merge takes all of them for its base. The first is of the largest generation, of
    /// these the newest, and of these that of the smallest id. Empty if the two have no history in common.
    #[boxed]
    pub async fn merge_bases(
        &self,
        repository: &Repository,
        a: &CommitId,
        b: &CommitId,
    ) -> Result<Vec<CommitId>, Error> {
        merge_bases(&self.files(repository)?, &[*a], *b).await
    }
}

/// A log of which a page is wanted.
struct Log {
    files: Files,
    head: CommitId,
    shown_as: String,
    scope: Option<Scope>,
    stop_at: Option<CommitId>,
    request: LogRequest,
}

impl Log {
    async fn page(&self) -> Result<LogPage, Error> {
        let Some(LogCursor { after, frontier }) = &self.request.after else {
            return self.page_of(HistoryWalk::new(&self.files, &[self.head]).await?).await.map(|(page, _)| page);
        };
        // They come from a client, who may have made them up.
        for id in std::iter::once(after).chain(frontier) {
            if commit_if_there(&self.files, *id).await?.is_none() {
                return Err(Error::Invalid(format!("there is no commit {id}")));
            }
        }
        if !frontier.is_empty() {
            let (page, walk) = self.page_of(HistoryWalk::new(&self.files, frontier).await?).await?;
            if walk.frontier().is_some() {
                return Ok(page);
            }
            // A commit is older than its parent: only who walks all the way knows which have been shown.
        }
        self.page_of(self.walk_to(*after).await?).await.map(|(page, _)| page)
    }

    /// Walks again to where a page ended (commits are cached); with `first_parent` it begins there.
    async fn walk_to(&self, after: CommitId) -> Result<HistoryWalk<'_, Files>, Error> {
        let start = if self.request.first_parent { after } else { self.head };
        let mut walk = HistoryWalk::new(&self.files, &[start]).await?;
        while let Some((id, commit)) = walk.next().await? {
            self.visit(&mut walk, &commit).await?;
            if id == after {
                return Ok(walk);
            }
        }
        Err(Error::Invalid(format!("{after} is no commit in the log of {}", self.shown_as)))
    }

    async fn page_of<'a>(&self, mut walk: HistoryWalk<'a, Files>) -> Result<(LogPage, HistoryWalk<'a, Files>), Error> {
        let amount = self.request.amount.min(PAGE_MAX);
        let mut page = LogPage { commits: Vec::new(), next: None };
        let (mut looked_at, mut last) = (0, None);
        while page.commits.len() < amount && (self.scope.is_none() || looked_at < COMPARED_MAX) {
            let Some((id, commit)) = walk.next().await? else { break };
            (looked_at, last) = (looked_at + 1, Some(id));
            if self.visit(&mut walk, &commit).await? {
                page.commits.push((id, commit));
            }
            if self.stop_at == Some(id) {
                return Ok((page, walk));
            }
        }
        if let Some(after) = last.filter(|_| !walk.is_done() && !self.request.limit) {
            let frontier = walk.frontier().filter(|frontier| frontier.len() <= LogCursor::FRONTIER_MAX);
            page.next = Some(LogCursor { after, frontier: frontier.unwrap_or_default() });
        }
        Ok((page, walk))
    }

    /// Follows those parents of a commit that are to be walked. → whether the commit is to be shown
    async fn visit(&self, walk: &mut HistoryWalk<'_, Files>, commit: &Commit) -> Result<bool, Error> {
        if self.request.since.is_some_and(|since| commit.created_at < since) {
            return Ok(false);
        }
        let parents = match self.request.first_parent {
            true => &commit.parents[..commit.parents.len().min(1)],
            false => &commit.parents,
        };
        let unchanged_since = match &self.scope {
            Some(scope) => self.unchanged_since(scope, commit, parents).await?,
            None => None,
        };
        match unchanged_since {
            Some(parents) => walk.follow(commit.created_at, parents).await.map(|()| false),
            None => walk.follow(commit.created_at, parents).await.map(|()| true),
        }
    }

    /// The parent, or the nothing before a first commit, that has all in scope as the commit has it.
    async fn unchanged_since<'p>(
        &self,
        scope: &Scope,
        commit: &Commit,
        parents: &'p [CommitId],
    ) -> Result<Option<&'p [CommitId]>, Error> {
        for parent in parents.chunks(1) {
            let before = tree(&self.files, parent[0]).await?;
            if !scope.differs(&self.files, before, commit.metarange).await? {
                return Ok(Some(parent));
            }
        }
        let was_empty = parents.is_empty() && !scope.differs(&self.files, None, commit.metarange).await?;
        Ok(was_empty.then_some(&[]))
    }
}
