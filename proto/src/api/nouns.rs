//! `model`'s nouns as the public API shows them. Owns the conversions; staging tokens and other inner matters stay out
//! of the API. Invariant: what is read from the wire is valid by `model`'s rules.

use model::{
    Branch, CheckSummary, Commit, CommitId, Entry, ObjectPath, ReflogEntry, Repository, RepositoryUid, Tag, Uncommitted,
};

use super::{InvalidField, parse, parse_optional, time_from_wire, time_to_wire};
use crate::generated::api as wire;

impl From<Repository> for wire::Repository {
    fn from(repository: Repository) -> Self {
        Self {
            uid: repository.uid.0,
            name: repository.name.into(),
            storage_namespace: repository.namespace.into(),
            default_branch: repository.default_branch.into(),
            created_at: Some(time_to_wire(repository.created_at)),
            read_only: repository.read_only,
            protected_branches: repository.protected.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<wire::Repository> for Repository {
    type Error = InvalidField;

    fn try_from(repository: wire::Repository) -> Result<Self, InvalidField> {
        Ok(Self {
            uid: RepositoryUid(repository.uid),
            name: parse("name", &repository.name)?,
            namespace: parse("storage_namespace", &repository.storage_namespace)?,
            default_branch: parse("default_branch", &repository.default_branch)?,
            created_at: time_from_wire(repository.created_at),
            read_only: repository.read_only,
            protected: repository
                .protected_branches
                .iter()
                .map(|pattern| parse("protected_branches", pattern))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl From<Branch> for wire::Branch {
    fn from(branch: Branch) -> Self {
        Self {
            name: branch.name.into(),
            commit_id: branch.commit.to_string(),
            created_at: Some(time_to_wire(branch.created_at)),
            hidden: branch.hidden,
        }
    }
}

impl From<Uncommitted> for wire::Uncommitted {
    fn from(uncommitted: Uncommitted) -> Self {
        use wire::uncommitted::{Absent, Gone, Kept, State};
        let state = match uncommitted {
            Uncommitted::Absent => State::Absent(Absent {}),
            Uncommitted::Kept { until, .. } => State::Kept(Kept { until: Some(time_to_wire(until)) }),
            Uncommitted::Gone => State::Gone(Gone {}),
        };
        Self { state: Some(state) }
    }
}

impl From<ReflogEntry> for wire::ReflogEntry {
    fn from(moved: ReflogEntry) -> Self {
        let id = |id: Option<CommitId>| id.map(|id| id.to_string()).unwrap_or_default();
        Self {
            branch: moved.branch.into(),
            number: moved.number,
            old_commit_id: id(moved.old),
            new_commit_id: id(moved.new),
            who: moved.who,
            why: moved.why,
            at: Some(time_to_wire(moved.at)),
            expires: Some(time_to_wire(moved.expires)),
            uncommitted: moved.deleted.map(|deleted| deleted.uncommitted.into()),
        }
    }
}

impl From<Tag> for wire::Tag {
    fn from(tag: Tag) -> Self {
        Self {
            name: tag.name.into(),
            commit_id: tag.commit.to_string(),
            created_at: Some(time_to_wire(tag.created_at)),
        }
    }
}

impl TryFrom<wire::Tag> for Tag {
    type Error = InvalidField;

    fn try_from(tag: wire::Tag) -> Result<Self, InvalidField> {
        Ok(Self {
            name: parse("name", &tag.name)?,
            commit: parse("commit_id", &tag.commit_id)?,
            created_at: time_from_wire(tag.created_at),
        })
    }
}

/// A commit with its id as the API shows it.
pub fn commit_to_wire(id: &CommitId, commit: &Commit) -> wire::Commit {
    wire::Commit {
        id: id.to_string(),
        parents: commit.parents.iter().map(CommitId::to_string).collect(),
        generation: commit.generation,
        committer: commit.committer.clone(),
        message: commit.message.clone(),
        created_at: Some(time_to_wire(commit.created_at)),
        metadata: commit.metadata.clone(),
        metarange_id: commit.metarange.map(|id| id.to_string()).unwrap_or_default(),
    }
}

/// Reads a commit with its id.
pub fn commit_from_wire(commit: wire::Commit) -> Result<(CommitId, Commit), InvalidField> {
    let id = parse("id", &commit.id)?;
    let commit = Commit {
        metarange: parse_optional("metarange_id", &commit.metarange_id)?,
        parents: commit.parents.iter().map(|parent| parse("parents", parent)).collect::<Result<_, _>>()?,
        generation: commit.generation,
        committer: commit.committer,
        message: commit.message,
        created_at: time_from_wire(commit.created_at),
        metadata: commit.metadata,
    };
    Ok((id, commit))
}

/// An object as the API shows it.
pub fn object_to_wire(path: impl Into<String>, entry: Entry) -> wire::Object {
    wire::Object {
        path: path.into(),
        size: entry.size,
        e_tag: entry.e_tag,
        content_type: entry.content_type,
        last_modified: Some(time_to_wire(entry.last_modified)),
        metadata: entry.metadata,
        headers: entry.headers,
        physical_address: entry.address.as_str().to_owned(),
    }
}

impl From<(ObjectPath, Entry)> for wire::Object {
    fn from((path, entry): (ObjectPath, Entry)) -> Self {
        object_to_wire(path, entry)
    }
}

impl From<CheckSummary> for wire::CheckSummary {
    fn from(summary: CheckSummary) -> Self {
        Self {
            commits: summary.commits,
            metaranges: summary.metaranges,
            ranges: summary.ranges,
            objects: summary.objects,
            objects_by_size: summary.objects_by_size,
            objects_by_e_tag: summary.objects_by_e_tag,
            objects_by_bytes: summary.objects_by_bytes,
            objects_elsewhere: summary.objects_elsewhere,
            objects_uncommitted: summary.objects_uncommitted,
            bytes_read: summary.bytes_read,
            faults: summary.faults,
        }
    }
}

impl From<wire::CheckSummary> for CheckSummary {
    fn from(summary: wire::CheckSummary) -> Self {
        Self {
            commits: summary.commits,
            metaranges: summary.metaranges,
            ranges: summary.ranges,
            objects: summary.objects,
            objects_by_size: summary.objects_by_size,
            objects_by_e_tag: summary.objects_by_e_tag,
            objects_by_bytes: summary.objects_by_bytes,
            objects_elsewhere: summary.objects_elsewhere,
            objects_uncommitted: summary.objects_uncommitted,
            bytes_read: summary.bytes_read,
            faults: summary.faults,
        }
    }
}
