//! Conversions of commands, and of the conditions that they carry.

mod access;
mod installation;
mod jobs;
mod refs;
mod repositories;
mod staging;
mod uploads;

use model::{
    Command, CommitId, CompletedRequest, Condition, Entry, JobProgress, NewUpload, Note, Once, Part, PolicyHolder,
    RepositoryUid, RequestId, Require, SealedSecret, StagedChange, StagingToken, Timestamp, UnstageScope, UploadId,
    UserId, Version,
};

use super::jobs::{kind as job_kind, kind_number, runner, runner_bytes, spec as job_spec, spec_digest_bytes};
use super::{
    DecodeError, Wire, commit, digest, digest_bytes, name, needed, optional, request, request_bytes, session,
    session_bytes, store_bytes,
};
use crate::generated::metadata::{self as pb, command::Kind, condition, unstage};

impl Wire for Condition {
    type Message = pb::Condition;

    fn to_message(&self) -> pb::Condition {
        let require = match &self.require {
            Require::Absent => condition::Require::Absent(pb::Absent {}),
            Require::Present(e_tag) => condition::Require::Present(pb::Present { e_tag: e_tag.clone() }),
            Require::Same(entry) => condition::Require::Same(Box::new(entry.to_message())),
        };
        pb::Condition {
            require: Some(require),
            commit: self.commit.as_bytes().to_vec(),
            committed_e_tag: self.committed_e_tag.clone(),
        }
    }

    fn from_message(message: pb::Condition) -> Result<Self, DecodeError> {
        let require = match message.require.ok_or(DecodeError::Missing("condition.require"))? {
            condition::Require::Absent(pb::Absent {}) => Require::Absent,
            condition::Require::Present(present) => Require::Present(present.e_tag),
            condition::Require::Same(entry) => Require::Same(Box::new(Entry::from_message(*entry)?)),
        };
        Ok(Self {
            require,
            commit: commit("condition.commit", &message.commit)?,
            committed_e_tag: message.committed_e_tag,
        })
    }
}

impl Wire for StagedChange {
    type Message = pb::StagedChange;

    fn to_message(&self) -> pb::StagedChange {
        pb::StagedChange {
            path: self.path.to_string(),
            value: Some(self.value.to_message()),
            condition: self.condition.as_ref().map(Wire::to_message),
            once: self.once.as_ref().map(Wire::to_message),
        }
    }

    fn from_message(message: pb::StagedChange) -> Result<Self, DecodeError> {
        Ok(Self {
            path: name("change.path", message.path)?,
            value: needed("change.value", message.value)?,
            condition: optional(message.condition)?,
            once: optional(message.once)?,
        })
    }
}

impl Wire for Once {
    type Message = pb::Once;

    fn to_message(&self) -> pb::Once {
        pb::Once { id: request_bytes(self.id), until_ms: self.until.as_millis() }
    }

    fn from_message(pb::Once { id, until_ms }: pb::Once) -> Result<Self, DecodeError> {
        Ok(Self { id: request(&id)?, until: Timestamp::from_millis(until_ms) })
    }
}

impl Wire for Note {
    type Message = pb::Note;

    fn to_message(&self) -> pb::Note {
        pb::Note { who: self.who.clone(), why: self.why.clone(), kept_ms: self.kept_ms }
    }

    fn from_message(pb::Note { who, why, kept_ms }: pb::Note) -> Result<Self, DecodeError> {
        Ok(Self { who, why, kept_ms })
    }
}

fn note(message: Option<pb::Note>) -> Result<Note, DecodeError> {
    Ok(optional(message)?.unwrap_or_default())
}

fn scope_message(scope: &UnstageScope) -> unstage::Scope {
    match scope {
        UnstageScope::All => unstage::Scope::All(pb::UnstageAll {}),
        UnstageScope::Prefix(prefix) => unstage::Scope::Prefix(prefix.clone()),
        UnstageScope::Path(path) => unstage::Scope::Path(path.to_string()),
    }
}

fn scope(message: Option<unstage::Scope>) -> Result<UnstageScope, DecodeError> {
    Ok(match message.ok_or(DecodeError::Missing("unstage.scope"))? {
        unstage::Scope::All(pb::UnstageAll {}) => UnstageScope::All,
        unstage::Scope::Prefix(prefix) => UnstageScope::Prefix(prefix),
        unstage::Scope::Path(path) => UnstageScope::Path(name("unstage.path", path)?),
    })
}

impl Wire for Command {
    type Message = pb::Command;

    fn to_message(&self) -> pb::Command {
        pb::Command { kind: Some(kind(self)) }
    }

    fn from_message(message: pb::Command) -> Result<Self, DecodeError> {
        command(message.kind.ok_or(DecodeError::Missing("command.kind"))?)
    }
}

fn kind(command: &Command) -> Kind {
    macro_rules! kind {
        ($($name:ident,)*) => {
            match command {
                $(Command::$name(command) => Kind::$name(command.to_message()),)*
                Command::Forced(command) => Kind::Forced(Box::new(command.to_message())),
            }
        };
    }
    model::for_each_command!(kind)
}

fn passed_message((commit, note): &(CommitId, Note)) -> pb::PassedCommit {
    pb::PassedCommit { commit: commit.as_bytes().to_vec(), note: Some(note.to_message()) }
}

fn passed(message: pb::PassedCommit) -> Result<(CommitId, Note), DecodeError> {
    Ok((commit("passed.commit", &message.commit)?, note(message.note)?))
}

fn optional_commit(field: &'static str, bytes: &[u8]) -> Result<Option<CommitId>, DecodeError> {
    if bytes.is_empty() { Ok(None) } else { commit(field, bytes).map(Some) }
}

fn optional_request(bytes: &[u8]) -> Result<Option<RequestId>, DecodeError> {
    if bytes.is_empty() { Ok(None) } else { request(bytes).map(Some) }
}

fn command(kind: Kind) -> Result<Command, DecodeError> {
    macro_rules! command {
        ($($name:ident,)*) => {
            match kind {
                $(Kind::$name(message) => Command::$name(Wire::from_message(message)?),)*
                Kind::Forced(message) => Command::Forced(Box::new(Command::from_message(*message)?)),
            }
        };
    }
    Ok(model::for_each_command!(command))
}

fn membership(group: &model::GroupName, user: &model::UserName) -> pb::Membership {
    pb::Membership { group: group.to_string(), user: user.to_string() }
}

fn attachment(policy: &model::PolicyName, holder: &PolicyHolder) -> pb::Attachment {
    pb::Attachment { policy: policy.to_string(), holder: Some(holder.to_message()) }
}
