//! Where a branch's head was: `branch@{n}`. Owns the counting; the metadata service keeps the records.
//! Invariant: number 0 is where the last move led, and each move counts, deletions too, as the reflog lists them.

use model::{BranchName, CommitId, PAGE_MAX, ReadReflog, RefTarget, RepositoryName};

use crate::{Error, Graveler, RefExpr, Resolved};

impl Graveler {
    /// Finds the commit to which the n-th last move of a branch led. The branch may be deleted by now.
    pub(super) async fn by_reflog(
        &self,
        repository: &RepositoryName,
        expr: &RefExpr,
        number: u64,
    ) -> Result<Resolved, Error> {
        let none = |why: String| Error::NoSuchAncestor { expr: expr.to_string(), why };
        let name = expr.base.as_str();
        let branch: BranchName = name.parse().map_err(|_| none(format!("{name} is no branch, so it has no reflog")))?;
        let found = self.meta().lookup(repository, &expr.base, None).await?;
        let head = match found.target {
            RefTarget::Branch(branch) => Some(branch.commit),
            RefTarget::Tag(_) => return Err(none(format!("{name} is a tag, and tags have no reflog"))),
            RefTarget::Unknown => None,
        };
        let commit = match self.nth_move(repository, &branch, number).await? {
            Nth::Led(commit) => commit,
            Nth::Deleted => return Err(none(format!("{name} was deleted then: take the move before it"))),
            Nth::Beyond(0) => match head {
                Some(head) if number == 0 => head,
                Some(_) => return Err(none("nothing of its past is remembered".into())),
                None => return Err(Error::RefNotFound(name.into())),
            },
            Nth::Beyond(moves) => return Err(none(format!("its reflog has {moves} moves, counted from 0"))),
        };
        Ok(Resolved { repository: found.repository, commit, branch: None })
    }

    async fn nth_move(&self, repository: &RepositoryName, branch: &BranchName, number: u64) -> Result<Nth, Error> {
        let (mut before, mut seen, mut oldest) = (None, 0, None);
        loop {
            let (repository, branch) = (repository.clone(), branch.clone());
            let page = self.meta().ask(ReadReflog { repository, branch, before, amount: PAGE_MAX }).await?;
            for moved in page.items {
                if seen == number {
                    return Ok(moved.new.map_or(Nth::Deleted, Nth::Led));
                }
                (before, seen, oldest) = (Some(moved.number), seen + 1, moved.old);
            }
            if !page.more {
                // What the oldest move led away from is known too, as in git.
                return Ok(oldest.filter(|_| seen == number).map_or(Nth::Beyond(seen), Nth::Led));
            }
        }
    }
}

/// What the n-th last move is.
enum Nth {
    /// One that led to a commit.
    Led(CommitId),
    Deleted,
    /// None: there are only so many.
    Beyond(u64),
}
