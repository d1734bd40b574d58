//! Conversions of the commands that make, move and delete branches and tags.

use model::{CreateBranch, CreateTag, DeleteBranch, DeleteTag, Publish, UndeleteBranch};

use super::*;

impl Wire for CreateBranch {
    type Message = pb::CreateBranch;

    fn to_message(&self) -> pb::CreateBranch {
        let Self { request, repository, branch, commit, hidden, note } = self;
        pb::CreateBranch {
            request: request_bytes(*request),
            repository: repository.to_string(),
            branch: branch.to_string(),
            commit: commit.as_bytes().to_vec(),
            hidden: *hidden,
            note: Some(note.to_message()),
        }
    }

    fn from_message(m: pb::CreateBranch) -> Result<Self, DecodeError> {
        Ok(Self {
            request: request(&m.request)?,
            repository: name("repository", m.repository)?,
            branch: name("branch", m.branch)?,
            commit: commit("commit", &m.commit)?,
            hidden: m.hidden,
            note: note(m.note)?,
        })
    }
}

impl Wire for DeleteBranch {
    type Message = pb::DeleteBranch;

    fn to_message(&self) -> pb::DeleteBranch {
        let Self { repository, branch, note } = self;
        pb::DeleteBranch {
            repository: repository.to_string(),
            branch: branch.to_string(),
            note: Some(note.to_message()),
        }
    }

    fn from_message(m: pb::DeleteBranch) -> Result<Self, DecodeError> {
        Ok(Self {
            repository: name("repository", m.repository)?,
            branch: name("branch", m.branch)?,
            note: note(m.note)?,
        })
    }
}

impl Wire for UndeleteBranch {
    type Message = pb::UndeleteBranch;

    fn to_message(&self) -> pb::UndeleteBranch {
        let Self { request, repository, branch, note } = self;
        pb::UndeleteBranch {
            request: request_bytes(*request),
            repository: repository.to_string(),
            branch: branch.to_string(),
            note: Some(note.to_message()),
        }
    }

    fn from_message(m: pb::UndeleteBranch) -> Result<Self, DecodeError> {
        Ok(Self {
            request: request(&m.request)?,
            repository: name("repository", m.repository)?,
            branch: name("branch", m.branch)?,
            note: note(m.note)?,
        })
    }
}

impl Wire for CreateTag {
    type Message = pb::CreateTag;

    fn to_message(&self) -> pb::CreateTag {
        let Self { request, repository, tag, commit } = self;
        pb::CreateTag {
            request: request_bytes(*request),
            repository: repository.to_string(),
            tag: tag.to_string(),
            commit: commit.as_bytes().to_vec(),
        }
    }

    fn from_message(m: pb::CreateTag) -> Result<Self, DecodeError> {
        Ok(Self {
            request: request(&m.request)?,
            repository: name("repository", m.repository)?,
            tag: name("tag", m.tag)?,
            commit: commit("commit", &m.commit)?,
        })
    }
}

impl Wire for DeleteTag {
    type Message = pb::DeleteTag;

    fn to_message(&self) -> pb::DeleteTag {
        let Self { repository, tag } = self;
        pb::DeleteTag { repository: repository.to_string(), tag: tag.to_string() }
    }

    fn from_message(m: pb::DeleteTag) -> Result<Self, DecodeError> {
        Ok(Self { repository: name("repository", m.repository)?, tag: name("tag", m.tag)? })
    }
}

impl Wire for Publish {
    type Message = pb::Publish;

    fn to_message(&self) -> pb::Publish {
        let Self {
            request,
            repository,
            branch,
            expected,
            head,
            consumed,
            held_by,
            read_at,
            require_clean,
            ended,
            passed,
            note,
        } = self;
        pb::Publish {
            repository: repository.to_string(),
            branch: branch.to_string(),
            expected: expected.as_bytes().to_vec(),
            head: head.as_bytes().to_vec(),
            consumed: consumed.iter().map(|token| token.0).collect(),
            require_clean: *require_clean,
            note: Some(note.to_message()),
            held_by: held_by.iter().map(|held| held.map_or_else(Vec::new, |id| id.as_bytes().to_vec())).collect(),
            read_at: read_at.map(|version| version.0),
            ended: ended.iter().map(Wire::to_message).collect(),
            passed: passed.iter().map(passed_message).collect(),
            request: request.map(request_bytes).unwrap_or_default(),
        }
    }

    fn from_message(m: pb::Publish) -> Result<Self, DecodeError> {
        Ok(Self {
            request: optional_request(&m.request)?,
            repository: name("repository", m.repository)?,
            branch: name("branch", m.branch)?,
            expected: commit("expected", &m.expected)?,
            head: commit("head", &m.head)?,
            held_by: m.held_by.iter().map(|bytes| optional_commit("held_by", bytes)).collect::<Result<_, _>>()?,
            consumed: m.consumed.into_iter().map(StagingToken).collect(),
            read_at: m.read_at.map(Version),
            require_clean: m.require_clean,
            ended: m.ended.into_iter().map(CompletedRequest::from_message).collect::<Result<_, _>>()?,
            passed: m.passed.into_iter().map(passed).collect::<Result<_, _>>()?,
            note: note(m.note)?,
        })
    }
}
