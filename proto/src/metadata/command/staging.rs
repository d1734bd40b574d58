//! Conversions of the commands about what is staged on branches.

use model::{Seal, Stage, Unstage};

use super::*;

impl Wire for Stage {
    type Message = pb::Stage;

    fn to_message(&self) -> pb::Stage {
        let Self { repository, uid, branch, changes } = self;
        pb::Stage {
            repository: repository.to_string(),
            branch: branch.to_string(),
            changes: changes.iter().map(Wire::to_message).collect(),
            uid: uid.map(|uid| uid.0),
        }
    }

    fn from_message(m: pb::Stage) -> Result<Self, DecodeError> {
        Ok(Self {
            repository: name("repository", m.repository)?,
            uid: m.uid.map(RepositoryUid),
            branch: name("branch", m.branch)?,
            changes: m.changes.into_iter().map(StagedChange::from_message).collect::<Result<_, _>>()?,
        })
    }
}

impl Wire for Unstage {
    type Message = pb::Unstage;

    fn to_message(&self) -> pb::Unstage {
        let Self { repository, branch, scope } = self;
        pb::Unstage {
            repository: repository.to_string(),
            branch: branch.to_string(),
            scope: Some(scope_message(scope)),
        }
    }

    fn from_message(m: pb::Unstage) -> Result<Self, DecodeError> {
        Ok(Self {
            repository: name("repository", m.repository)?,
            branch: name("branch", m.branch)?,
            scope: scope(m.scope)?,
        })
    }
}

impl Wire for Seal {
    type Message = pb::Seal;

    fn to_message(&self) -> pb::Seal {
        let Self { repository, branch } = self;
        pb::Seal { repository: repository.to_string(), branch: branch.to_string() }
    }

    fn from_message(m: pb::Seal) -> Result<Self, DecodeError> {
        Ok(Self { repository: name("repository", m.repository)?, branch: name("branch", m.branch)? })
    }
}
