//! What a ref's reader sees, in the order of paths: for a branch what is staged over what is committed, for any other
//! ref what is committed. Owns the merge of the two, and what happens when the branch is committed to meanwhile.
//! Invariant: a path that is seen was visible at some time during the walk, and none is missed that always was.

use model::{CommitId, Entry, ObjectPath, Repository, StagedValue};
use storage::Immutable;

use super::StagedCursor;
use crate::tree::{Files, RecordCursor};
use crate::{Error, Graveler, Resolved};

/// A walk over the paths that a ref's reader sees.
pub(crate) struct View {
    graveler: Graveler,
    repository: Repository,
    files: Files,
    commit: CommitId,
    committed: RecordCursor,
    staged: Option<StagedCursor>,
    prefix: String,
    /// All paths before this one are done with.
    position: String,
}

/// A path that a reader sees, with the staged entry or the committed record.
pub(crate) enum Seen {
    Staged(ObjectPath, Entry),
    Committed(String, Immutable, Vec<u8>),
}

impl Seen {
    pub(crate) fn path(&self) -> &str {
        match self {
            Self::Staged(path, _) => path.as_str(),
            Self::Committed(path, _, _) => path,
        }
    }

    pub(crate) fn into_entry(self, files: &Files) -> Result<(ObjectPath, Entry), Error> {
        match self {
            Self::Staged(path, entry) => Ok((path, entry)),
            Self::Committed(path, object, value) => {
                let path = path.try_into().map_err(|e| files.corrupt(object, &format!("a record's path: {e}")))?;
                Ok((path, files.entry(object, &value)?))
            }
        }
    }
}

/// Which of the two has the next path.
enum Next {
    End,
    Staged { hides: bool },
    Committed,
}

impl View {
    /// The view of a ref, of paths that begin with `prefix` and are `from` or larger.
    pub(crate) async fn open(
        graveler: &Graveler,
        resolved: &Resolved,
        prefix: &str,
        from: &str,
    ) -> Result<Self, Error> {
        let files = graveler.files(&resolved.repository)?;
        let position = prefix.max(from).to_owned();
        let staged = resolved
            .branch
            .as_ref()
            .map(|branch| StagedCursor::new(graveler, &resolved.repository, &branch.name, None, prefix, &position));
        let mut view = Self {
            graveler: graveler.clone(),
            repository: resolved.repository.clone(),
            committed: RecordCursor::open(&files, None).await?,
            files,
            commit: resolved.commit,
            staged,
            prefix: prefix.to_owned(),
            position,
        };
        view.reopen(resolved.commit).await?;
        Ok(view)
    }

    /// Expects to be walked over about so many paths without a seek.
    pub(crate) fn expecting(self, paths: usize) -> Self {
        Self { staged: self.staged.map(|staged| staged.expecting(paths)), ..self }
    }

    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    /// Walks on in another commit's tree, from the same position.
    async fn reopen(&mut self, commit: CommitId) -> Result<(), Error> {
        let tree = self.graveler.commit_object(&self.repository, &commit).await?.metarange;
        self.committed = RecordCursor::open(&self.files, tree).await?;
        self.committed.seek(self.position.as_bytes()).await?;
        self.commit = commit;
        Ok(())
    }

    /// Goes forward to the first path at or after `from`.
    pub(crate) async fn seek(&mut self, from: &str) -> Result<(), Error> {
        if self.position.as_str() < from {
            from.clone_into(&mut self.position);
            self.committed.seek(from.as_bytes()).await?;
            if let Some(staged) = &mut self.staged {
                staged.seek(from);
            }
        }
        Ok(())
    }

    /// Takes the next path that a reader sees.
    pub(crate) async fn next(&mut self) -> Result<Option<Seen>, Error> {
        loop {
            self.load().await?;
            match self.which()? {
                Next::End => return Ok(None),
                Next::Committed => return self.take_committed().await.map(Some),
                Next::Staged { hides } => {
                    if hides {
                        self.committed.advance().await?;
                    }
                    let taken = self.staged.as_mut().and_then(StagedCursor::take);
                    let Some((path, value)) = taken else { continue };
                    self.go_behind(path.as_str());
                    if let StagedValue::Entry(entry) = value {
                        return Ok(Some(Seen::Staged(path, entry)));
                    }
                }
            }
        }
    }

    /// Has the next of both sides at hand. A page of staged values that was read over another head than the view's
    /// belongs to that head: then the view goes on there.
    async fn load(&mut self) -> Result<(), Error> {
        if let Some(staged) = &mut self.staged
            && staged.needs_page()
        {
            staged.seek(&self.position);
            if let Some(branch) = staged.load().await?
                && branch.commit != self.commit
            {
                self.reopen(branch.commit).await?;
            }
        }
        while self.committed.record().is_none() && self.committed.bound().is_some_and(|key| self.is_due(key)) {
            self.committed.load().await?;
        }
        Ok(())
    }

    /// Whether a committed path has the prefix and isn't certainly after what is staged next.
    fn is_due(&self, key: &[u8]) -> bool {
        let staged = self.staged.as_ref().and_then(StagedCursor::peek);
        key.starts_with(self.prefix.as_bytes()) && staged.is_none_or(|(path, _)| key <= path.as_bytes())
    }

    /// In place, for a million paths may be passed over before one is seen.
    fn go_behind(&mut self, path: &str) {
        path.clone_into(&mut self.position);
        self.position.push('\0');
    }

    fn which(&self) -> Result<Next, Error> {
        let prefix = self.prefix.as_bytes();
        let committed = self.committed.bound().filter(|key| key.starts_with(prefix));
        let staged = self.staged.as_ref().and_then(StagedCursor::peek).map(|(path, _)| path.as_bytes());
        Ok(match (staged, committed) {
            (None, None) => Next::End,
            (None, Some(_)) => Next::Committed,
            (Some(_), None) => Next::Staged { hides: false },
            (Some(staged), Some(committed)) if committed < staged => Next::Committed,
            (Some(staged), Some(committed)) => Next::Staged { hides: staged == committed },
        })
    }

    async fn take_committed(&mut self) -> Result<Seen, Error> {
        let internal = || Error::Internal("a committed record isn't loaded".into());
        let object = self.committed.object().ok_or_else(internal)?;
        let (key, value) = self.committed.record().ok_or_else(internal)?;
        let path = std::str::from_utf8(key).map_err(|_| self.files.corrupt(object, "a path isn't UTF-8"))?.to_owned();
        let value = value.to_vec();
        self.go_behind(&path);
        self.committed.advance().await?;
        Ok(Seen::Committed(path, object, value))
    }
}
