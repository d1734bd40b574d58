//! Whether a server's object store is the one of its installation: the store's marker and the metadata service must name
//! each other. Owns the comparison, and what is done at the first start; `storage` owns the marker. Invariant: no server
//! serves from a store that isn't known to be its installation's.
//!
//! ```text
//!   metadata: store   marker of the store
//!   none              none                 first start, or an older release's: adopt, if nothing speaks against it
//!   none              of this installation a first start was cut off: note the store
//!   S                 of this, store S     serve
//!   anything else                          refuse, unless an operator takes the store over
//! ```
//!
//! A role by itself also refuses a copy of the store, since another role may serve from the original. A process that is all
//! roles has no other to disagree with: its folders may be moved and restored.
//!
//! The marker is written before the store is noted. A crash between the two is made up for by the next start; of several
//! servers with different stores that start first at the same time, one is noted and the others refuse. A server that finds
//! no marker, and then what may be the work of another that marked the store meanwhile, looks for the marker again.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use anyhow::{Result, bail};
use model::{
    Command, GetInstallation, GetUserByName, Identify, Installation, InstallationId, ListRepositories, MetaError,
    MetaStore, PageRequest, RefTarget, Refusal, Repository, StoreId, UserName,
};
use storage::{Immutable, Scheme, StorageError, StoreMarker, Stores};

/// Of how many repositories it is tried whether they lie in the store.
const REPOSITORIES_TRIED: usize = 20;

/// Whose store an operator lets an installation have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TakeOver {
    /// The store that this installation's marker is on.
    Of(InstallationId),
    /// A store without a marker.
    Unmarked,
}

impl FromStr for TakeOver {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "unmarked" {
            return Ok(Self::Unmarked);
        }
        text.parse()
            .map(Self::Of)
            .map_err(|_| "expected an installation's id, as the refusal to start shows it, or `unmarked`".to_owned())
    }
}

impl fmt::Display for TakeOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(id) => write!(f, "{id}"),
            Self::Unmarked => f.write_str("unmarked"),
        }
    }
}

impl TakeOver {
    fn fits(taken: Option<Self>, marker: Option<&StoreMarker>) -> bool {
        match (taken, marker) {
            (Some(Self::Of(id)), Some(marker)) => marker.installation == id,
            (Some(Self::Unmarked), None) => true,
            _ => false,
        }
    }
}

/// Refuses to make a new installation over a store that is in use. Called before anything is made.
pub(crate) async fn refuse_new(stores: &Stores, take_over: Option<TakeOver>) -> Result<()> {
    let marker = stores.marker().await?;
    if TakeOver::fits(take_over, marker.as_ref()) {
        return Ok(());
    }
    if let Some(marker) = marker {
        bail!("{}", Mismatch { url: stores.url(), marker: &marker, installation: None, taken: take_over });
    }
    refuse_signs_of_use(stores).await
}

/// Makes sure that the store is the installation's, and marks and notes it at the first start.
pub(crate) async fn settle(meta: &dyn MetaStore, stores: &Arc<Stores>, take_over: Option<TakeOver>) -> Result<()> {
    let installation = installation(meta).await?;
    if stores.scheme() == Scheme::Memory {
        return settle_memory(meta, stores, &installation).await;
    }
    let marker = stores.marker().await?;
    let marker = match (&marker, installation.store) {
        (Some(marker), Some(store)) if marker.installation == installation.id && marker.store == store => return Ok(()),
        (Some(marker), None) if marker.installation == installation.id => *marker,
        _ if TakeOver::fits(take_over, marker.as_ref()) => {
            return take(meta, stores, &installation).await;
        }
        (Some(marker), _) => {
            bail!("{}", Mismatch { url: stores.url(), marker, installation: Some(&installation), taken: take_over });
        }
        (None, Some(store)) => bail!(
            "the object store {} isn't the one of installation {}: that has the marker of store {store}, and this one has none: \
             correct --object-store. If the objects were moved here without it, start once with --take-over unmarked",
            stores.url(),
            installation.id
        ),
        (None, None) => mark(meta, stores, installation.id).await?,
    };
    if marker.installation != installation.id {
        bail!("{}", Mismatch { url: stores.url(), marker: &marker, installation: Some(&installation), taken: None });
    }
    note(meta, stores, &installation, marker).await
}

/// Does as [`settle`], for a role by itself: a copy of the store is refused too.
pub(crate) async fn settle_role(meta: &dyn MetaStore, stores: &Arc<Stores>, take_over: Option<TakeOver>) -> Result<()> {
    settle(meta, stores, take_over).await?;
    if !stores.is_copy().await? {
        return Ok(());
    }
    let installation = installation(meta).await?;
    if take_over != Some(TakeOver::Of(installation.id)) {
        bail!(
            "the object store {} is a copy of the one that installation {id} is used with: the marker came here later. Correct \
             --object-store. If the store was moved here or restored from a backup, and no server uses the original any more, \
             start one server once with --take-over {id}; the original is refused from then on",
            stores.url(),
            id = installation.id
        );
    }
    take(meta, stores, &installation).await?;
    // Notes when the new marker was written.
    stores.is_copy().await?;
    Ok(())
}

/// Gives the store a new marker, so that who had it is refused from now on.
async fn take(meta: &dyn MetaStore, stores: &Stores, installation: &Installation) -> Result<()> {
    let marker = StoreMarker { store: StoreId(rand::random()), installation: installation.id };
    stores.replace_marker(marker).await?;
    tracing::warn!(store = stores.url(), "the object store is this installation's from now on");
    note(meta, stores, installation, marker).await
}

/// Marks a store that had no marker, if nothing speaks against it. → the marker that is there then
///
/// What speaks against it may be what another server has written since, which marked the store first.
async fn mark(meta: &dyn MetaStore, stores: &Arc<Stores>, installation: InstallationId) -> Result<StoreMarker> {
    if let Err(refusal) = refuse_stranger(meta, stores).await {
        return stores.marker().await?.ok_or(refusal);
    }
    Ok(stores.create_marker(StoreMarker { store: StoreId(rand::random()), installation }).await?)
}

/// Notes the store; of several servers that start first at once, one does.
async fn note(meta: &dyn MetaStore, stores: &Stores, before: &Installation, marker: StoreMarker) -> Result<()> {
    let command =
        Command::Identify(Identify { installation: before.id, store: Some(marker.store), replaces: before.store });
    let installation = meta.write(command).await?.installation()?;
    if installation.id != marker.installation || installation.store != Some(marker.store) {
        bail!("{}", Mismatch { url: stores.url(), marker: &marker, installation: Some(&installation), taken: None });
    }
    Ok(())
}

/// The installation, which gets an id if it has none yet.
async fn installation(meta: &dyn MetaStore) -> Result<Installation> {
    if let Some(installation) = meta.ask(GetInstallation).await? {
        return Ok(installation);
    }
    let installation = InstallationId(rand::random());
    Ok(meta.write(Command::Identify(Identify { installation, store: None, replaces: None })).await?.installation()?)
}

/// Memory is empty at each start, so it can't be marked: it will do as long as nothing needs what was in it.
async fn settle_memory(meta: &dyn MetaStore, stores: &Arc<Stores>, installation: &Installation) -> Result<()> {
    if let Some(store) = installation.store {
        bail!("the objects of installation {} lie in store {store}, and not in {}", installation.id, stores.url());
    }
    if let Some(repository) = repositories(meta).await?.first() {
        bail!(
            "the objects of repository {} were in memory and are gone: start with another data folder, or another object store",
            repository.name
        );
    }
    Ok(())
}

/// Refuses to adopt a store that can't be this installation's: of an installation with repositories some must lie in it,
/// and one that is new must find no traces of another.
async fn refuse_stranger(meta: &dyn MetaStore, stores: &Arc<Stores>) -> Result<()> {
    let repositories = repositories(meta).await?;
    let mut tried = Vec::new();
    for repository in &repositories {
        match lies_in(meta, stores, repository).await? {
            Some(true) => return Ok(()),
            Some(false) => tried.push(repository.name.as_str()),
            None => {}
        }
    }
    if !tried.is_empty() {
        bail!(
            "the object store {} isn't the one that this installation was used with: the repositories {} aren't in it. Correct \
             --object-store, or start once with --take-over unmarked to go on without their objects",
            stores.url(),
            tried.join(", ")
        );
    }
    if repositories.is_empty() && is_new(meta).await? { refuse_signs_of_use(stores).await } else { Ok(()) }
}

async fn refuse_signs_of_use(stores: &Stores) -> Result<()> {
    let Some(sign) = stores.sign_of_use().await? else { return Ok(()) };
    bail!(
        "the object store {} was used by another installation, as {sign} shows, and this one is new: if its metadata were lost, \
         restore them from a backup; else choose another bucket, prefix or folder with --object-store. To begin anew beside \
         those objects, start once with --take-over unmarked",
        stores.url()
    )
}

async fn repositories(meta: &dyn MetaStore) -> Result<Vec<Repository>> {
    let query = ListRepositories { page: PageRequest::first(REPOSITORIES_TRIED) };
    Ok(meta.ask(query).await?.items)
}

/// Whether the head of a repository's default branch lies in the store; nothing if there is no such branch.
async fn lies_in(meta: &dyn MetaStore, stores: &Arc<Stores>, repository: &Repository) -> Result<Option<bool>> {
    let Ok(storage) = stores.repository(&repository.namespace) else { return Ok(Some(false)) };
    let head = match meta.lookup(&repository.name, &(&repository.default_branch).into(), None).await {
        Ok(found) => match found.target {
            RefTarget::Branch(branch) => branch.commit,
            _ => return Ok(None),
        },
        Err(MetaError::Refused(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    match storage.get(&Immutable::Commit(head)).await {
        Ok(_) => Ok(Some(true)),
        Err(StorageError::NotFound { .. }) => Ok(Some(false)),
        Err(error) => Err(error.into()),
    }
}

/// Whether nobody has used the installation yet: its first user is made after this.
async fn is_new(meta: &dyn MetaStore) -> Result<bool> {
    let name: UserName = api_server::ADMINISTRATOR.parse().expect("because it is a valid name");
    match meta.ask(GetUserByName { name }).await {
        Ok(_) => Ok(false),
        Err(MetaError::Refused(Refusal::UserNotFound(_))) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Two that don't belong together.
struct Mismatch<'a> {
    url: &'a str,
    marker: &'a StoreMarker,
    installation: Option<&'a Installation>,
    /// What an operator said of whose store it is.
    taken: Option<TakeOver>,
}

impl fmt::Display for Mismatch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StoreMarker { store, installation: theirs } = self.marker;
        write!(f, "the object store {} is store {store} of installation {theirs}, and this is ", self.url)?;
        match self.installation {
            None => f.write_str("a new installation")?,
            Some(Installation { id, store: None }) => write!(f, "installation {id}, which has no store yet")?,
            Some(Installation { id, store: Some(store) }) => write!(f, "installation {id} with store {store}")?,
        }
        write!(
            f,
            ": correct --object-store or --metadata, or restore the metadata of that installation from a backup. If it will \
             never run again, start once with --take-over {theirs}; then the store is this installation's alone"
        )?;
        let Some(taken) = self.taken else { return Ok(()) };
        let id = taken.to_string();
        let own = self.installation.map(|installation| installation.id);
        let own_store = self.installation.and_then(|installation| installation.store);
        let what = match taken {
            TakeOver::Unmarked => "is for a store that has no marker, and this one has one",
            _ if id == store.to_string() => "is the id of the store, and not that of its installation",
            TakeOver::Of(id) if Some(id) == own => "is the id of this installation, and not that of the store's",
            _ if own_store.is_some_and(|own| own.to_string() == id) => "is the id of this installation's own store",
            TakeOver::Of(_) => "is neither's id",
        };
        write!(f, " (--take-over {id}, as given, {what})")
    }
}

#[cfg(test)]
mod tests;
