//! Conversions of the commands about repositories as a whole.

use model::{ChangeSettings, ClaimNamespace, CreateRepository, DeleteRepository};

use super::*;

impl Wire for ClaimNamespace {
    type Message = pb::ClaimNamespace;

    fn to_message(&self) -> pb::ClaimNamespace {
        let Self { request, name, namespace } = self;
        pb::ClaimNamespace {
            request: request_bytes(*request),
            name: name.to_string(),
            namespace: namespace.to_string(),
        }
    }

    fn from_message(m: pb::ClaimNamespace) -> Result<Self, DecodeError> {
        Ok(Self {
            request: request(&m.request)?,
            name: name("name", m.name)?,
            namespace: name("namespace", m.namespace)?,
        })
    }
}

impl Wire for CreateRepository {
    type Message = pb::CreateRepository;

    fn to_message(&self) -> pb::CreateRepository {
        let Self { request, name, namespace, default_branch, commit, claim, note } = self;
        pb::CreateRepository {
            request: request_bytes(*request),
            name: name.to_string(),
            namespace: namespace.to_string(),
            default_branch: default_branch.to_string(),
            commit: commit.map(|commit| commit.as_bytes().to_vec()).unwrap_or_default(),
            claim: claim.map(request_bytes).unwrap_or_default(),
            note: Some(note.to_message()),
        }
    }

    fn from_message(m: pb::CreateRepository) -> Result<Self, DecodeError> {
        Ok(Self {
            request: request(&m.request)?,
            name: name("name", m.name)?,
            namespace: name("namespace", m.namespace)?,
            default_branch: name("default_branch", m.default_branch)?,
            commit: optional_commit("commit", &m.commit)?,
            claim: optional_request(&m.claim)?,
            note: note(m.note)?,
        })
    }
}

impl Wire for DeleteRepository {
    type Message = pb::DeleteRepository;

    fn to_message(&self) -> pb::DeleteRepository {
        let Self { name } = self;
        pb::DeleteRepository { name: name.to_string() }
    }

    fn from_message(m: pb::DeleteRepository) -> Result<Self, DecodeError> {
        Ok(Self { name: name("name", m.name)? })
    }
}

impl Wire for ChangeSettings {
    type Message = pb::ChangeSettings;

    fn to_message(&self) -> pb::ChangeSettings {
        let Self { repository, change } = self;
        pb::ChangeSettings {
            repository: repository.to_string(),
            change: Some(super::super::settings::change_message(change)),
        }
    }

    fn from_message(m: pb::ChangeSettings) -> Result<Self, DecodeError> {
        Ok(Self {
            repository: name("change_settings.repository", m.repository)?,
            change: super::super::settings::change(m.change)?,
        })
    }
}
