//! Decides something about a repository. What each write looks at (protected branches, whether writes are taken) is part
//! of the repository's record; the rest is a record of its own. Invariant: neither grows beyond its bound.

use model::{
    ChangeSettings, Outcome, PROTECTED_PATTERNS_MAX, REPOSITORY_METADATA_BYTES_MAX, RETENTION_BRANCHES_MAX, Refusal,
    Repository, RepositoryName, Settings, SettingsChange,
};

use super::{Apply, ApplyContext};
use crate::state::keyspace::{Table, Transaction};
use crate::state::{Halt, key, records};

impl Apply for ChangeSettings {
    fn apply(&self, tx: &mut Transaction<'_>, _: ApplyContext) -> Result<Outcome, Halt> {
        let Self { repository: name, change } = self;
        let mut repository = records::repository(tx, name)?;
        match change {
            SettingsChange::Protect { patterns, expected } => {
                if expected.as_ref().is_some_and(|expected| *expected != repository.protected) {
                    return Err(Refusal::SettingsChanged(name.clone()).into());
                }
                within(patterns.len(), PROTECTED_PATTERNS_MAX, name)?;
                repository.protected.clone_from(patterns);
                put_repository(tx, &repository);
            }
            SettingsChange::ReadOnly(read_only) => {
                repository.read_only = *read_only;
                put_repository(tx, &repository);
            }
            SettingsChange::Metadata { set, remove } => {
                let mut settings = records::settings(tx, repository.uid)?;
                settings.metadata.retain(|noted, _| !remove.contains(noted));
                settings.metadata.extend(set.clone());
                let bytes = settings.metadata.iter().map(|(noted, value)| noted.len() + value.len()).sum();
                within(bytes, REPOSITORY_METADATA_BYTES_MAX, name)?;
                put_settings(tx, &repository, &settings);
            }
            SettingsChange::Retention(retention) => {
                within(retention.as_ref().map_or(0, |rules| rules.branches.len()), RETENTION_BRANCHES_MAX, name)?;
                let mut settings = records::settings(tx, repository.uid)?;
                settings.retention.clone_from(retention);
                put_settings(tx, &repository, &settings);
            }
        }
        Ok(Outcome::Done)
    }
}

fn within(size: usize, max: usize, name: &RepositoryName) -> Result<(), Refusal> {
    if size > max { Err(Refusal::SettingsTooLarge(name.clone())) } else { Ok(()) }
}

fn put_repository(tx: &mut Transaction<'_>, repository: &Repository) {
    records::put(tx, Table::Repos, key::repository(&repository.name), repository);
}

fn put_settings(tx: &mut Transaction<'_>, repository: &Repository, settings: &Settings) {
    records::put(tx, Table::Refs, key::settings(repository.uid), settings);
}
