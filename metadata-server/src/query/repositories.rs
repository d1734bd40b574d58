//! Answers about repositories.

use model::{GetRepository, GetSettings, ListRepositories, Page, Repository, SettingsOfRepository};

use super::Find;
use crate::state::keyspace::{Keyspace, Table};
use crate::state::page::{page, value};
use crate::state::{Halt, key, records};

impl Find for GetRepository {
    const IS_POINT: bool = true;

    fn find(&self, keys: &dyn Keyspace) -> Result<Repository, Halt> {
        records::repository(keys, &self.name)
    }
}

impl Find for GetSettings {
    const IS_POINT: bool = true;

    fn find(&self, keys: &dyn Keyspace) -> Result<Box<SettingsOfRepository>, Halt> {
        let repository = records::repository(keys, &self.repository)?;
        let settings = records::settings(keys, repository.uid)?;
        Ok(Box::new(SettingsOfRepository { repository, settings }))
    }
}

impl Find for ListRepositories {
    fn find(&self, keys: &dyn Keyspace) -> Result<Page<Repository>, Halt> {
        let scan = keys.scan(Table::Repos, key::repositories(&self.page.prefix, &self.page.after));
        Ok(page(scan, self.page.amount, value)?)
    }
}
