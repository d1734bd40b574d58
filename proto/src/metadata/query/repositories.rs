//! Conversions of questions about repositories.

use model::{GetRepository, GetSettings, ListRepositories, PageRequest};

use super::*;

impl Wire for GetRepository {
    type Message = pb::GetRepository;

    fn to_message(&self) -> pb::GetRepository {
        let Self { name } = self;
        pb::GetRepository { name: name.to_string() }
    }

    fn from_message(m: pb::GetRepository) -> Result<Self, DecodeError> {
        Ok(Self { name: name("name", m.name)? })
    }
}

impl Wire for GetSettings {
    type Message = pb::GetSettings;

    fn to_message(&self) -> pb::GetSettings {
        let Self { repository } = self;
        pb::GetSettings { repository: repository.to_string() }
    }

    fn from_message(m: pb::GetSettings) -> Result<Self, DecodeError> {
        Ok(Self { repository: name("repository", m.repository)? })
    }
}

impl Wire for ListRepositories {
    type Message = pb::ListRepositories;

    fn to_message(&self) -> pb::ListRepositories {
        let Self { page } = self;
        pb::ListRepositories {
            prefix: page.prefix.clone(),
            after: page.after.clone(),
            amount: wire_amount(page.amount),
        }
    }

    fn from_message(m: pb::ListRepositories) -> Result<Self, DecodeError> {
        Ok(Self { page: PageRequest { prefix: m.prefix, after: m.after, amount: amount(m.amount) } })
    }
}
