//! What imports note in a repository's metadata: when something was imported last, and from which places, so that a server
//! can say at its start which of them it may no longer read. Invariant: the places of all that an import committed are noted,
//! unless the metadata is full.

use std::collections::{BTreeMap, BTreeSet};

use graveler::Graveler;
use model::{
    ChangeSettings, Command, Commit, GetSettings, ListRepositories, MetaError, PAGE_MAX, PageRequest, Refusal,
    RepositoryName, SettingsChange,
};

use super::ImportSource;
use crate::Error;

/// The repository's metadata that says when something was imported last, in seconds since 1970, under lakeFS's name.
const LAST_IMPORT: &str = ".lakefs.last.import.timestamp";

/// What stands before a place in the name of a note; the note says when the first import from there began, in seconds
/// since 1970. The place is the entry of the operator's list that allowed it, so that notes are as few as entries are.
const PLACE_PREFIX: &str = ".lakebed.imported.from.";

/// Notes where an import's objects lie, as far as the operator has to allow it.
pub(super) async fn note_places(
    graveler: &Graveler,
    repository: &RepositoryName,
    sources: &[ImportSource],
) -> Result<(), Error> {
    let stores = graveler.stores();
    let mut places: BTreeSet<_> = sources.iter().filter_map(|source| stores.allowed_by(&source.url())).collect();
    if places.is_empty() {
        return Ok(());
    }
    let noted = noted_places(graveler, repository).await?;
    places.retain(|place| !noted.contains(*place));
    if places.is_empty() {
        return Ok(());
    }
    let seconds = graveler.clock().now().as_millis().div_euclid(1000).to_string();
    let set = places.iter().map(|place| (format!("{PLACE_PREFIX}{place}"), seconds.clone())).collect();
    match set_metadata(graveler, repository, set).await {
        Err(MetaError::Refused(Refusal::SettingsTooLarge(_))) => {
            tracing::warn!(%repository, "the metadata is full: where an import's objects lie isn't noted");
            Ok(())
        }
        noted => Ok(noted.map_err(graveler::Error::from)?),
    }
}

/// Notes when something was imported last, as lakeFS does. What was imported stays if the note fails.
pub(super) async fn note_time(graveler: &Graveler, repository: &RepositoryName, commit: &Commit) {
    let seconds = commit.created_at.as_millis().div_euclid(1000).to_string();
    if let Err(error) = set_metadata(graveler, repository, [(LAST_IMPORT.to_owned(), seconds)].into()).await {
        tracing::warn!(%error, %repository, "the time of an import isn't noted");
    }
}

/// Finds the places that repositories imported from and that this server may not read: reads of such objects fail.
///
/// All repositories are asked for, a page at a time.
pub async fn unreadable_imports(graveler: &Graveler) -> Result<BTreeMap<String, Vec<RepositoryName>>, Error> {
    let mut unreadable: BTreeMap<String, Vec<RepositoryName>> = BTreeMap::new();
    let mut after = String::new();
    loop {
        let query = ListRepositories { page: PageRequest::after(after, PAGE_MAX) };
        let page = graveler.meta().ask(query).await.map_err(graveler::Error::from)?;
        let last = page.items.last().map(|repository| repository.name.to_string());
        for repository in page.items {
            let places = match noted_places(graveler, &repository.name).await {
                // It was deleted meanwhile.
                Err(graveler::Error::Meta(MetaError::Refused(Refusal::RepositoryNotFound(_)))) => continue,
                places => places.map_err(Error::from)?,
            };
            for place in places.into_iter().filter(|place| !graveler.stores().may_read(place)) {
                unreadable.entry(place).or_default().push(repository.name.clone());
            }
        }
        match last {
            Some(last) if page.more => after = last,
            _ => return Ok(unreadable),
        }
    }
}

async fn noted_places(graveler: &Graveler, repository: &RepositoryName) -> Result<BTreeSet<String>, graveler::Error> {
    let settings = graveler.meta().ask(GetSettings { repository: repository.clone() }).await?.settings;
    let place = |name: &String| name.strip_prefix(PLACE_PREFIX).map(str::to_owned);
    Ok(settings.metadata.keys().filter_map(place).collect())
}

async fn set_metadata(
    graveler: &Graveler,
    repository: &RepositoryName,
    set: BTreeMap<String, String>,
) -> Result<(), MetaError> {
    let change = SettingsChange::Metadata { set, remove: Vec::new() };
    let command = Command::ChangeSettings(ChangeSettings { repository: repository.clone(), change });
    Ok(graveler.meta().write(command).await?.done()?)
}
