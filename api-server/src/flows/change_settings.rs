//! Decides something about a repository: which branches are protected, what is noted of it, how long garbage is kept.

use auth::{Action, Caller, Resource, authorize};
use graveler::Graveler;
use model::{ChangeSettings, Command, RepositoryName, SettingsChange};

use crate::Error;

/// Makes one change. What must be allowed differs: who may note something may not unprotect a branch.
pub async fn change_settings(
    graveler: &Graveler,
    caller: &Caller,
    repository: &RepositoryName,
    change: SettingsChange,
) -> Result<(), Error> {
    let action = match &change {
        SettingsChange::Protect { .. } => Action::SetBranchProtectionRules,
        SettingsChange::Retention(_) => Action::SetGarbageCollectionRules,
        SettingsChange::Metadata { .. } | SettingsChange::ReadOnly(_) => Action::UpdateRepository,
    };
    authorize(caller, action, &Resource::Repository(repository.clone()))?;
    let command = Command::ChangeSettings(ChangeSettings { repository: repository.clone(), change });
    graveler.meta().write(command).await?.done()?;
    // Readers by commit see the new record at once too.
    graveler.forget_repository(repository).await;
    Ok(())
}
