//! What an import may read and write, object by object: each path needs the right to write there, no prohibition may be on
//! what is read, and what lies in this server's own store has an owner who is to be asked. Owns these judgements; leaves the
//! operator's list of sources to `storage`.
//!
//! An object in the own store lies in a repository's namespace. At which paths that repository has it, at which refs, isn't
//! known from its address: so all of the repository's objects must be the caller's to read. What lies in no namespace (such
//! as the data of a repository that was deleted) is nobody's to read unless the operator's list has it.
//!
//! Invariant: an import that is refused for one object has published nothing, for it is published as a whole.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use auth::{
    Action, Caller, Denied, PrefixRights, Resource, Through, authorize, authorize_all_under, authorize_some_under,
};
use graveler::Graveler;
use model::{BranchName, ListRepositories, ObjectPath, PAGE_MAX, PageRequest, RepositoryName};
use storage::{Place, StorageError, canonical, is_given_out};
use tokio::sync::OnceCell;

use super::{ImportSource, as_folder};
use crate::Error;

const GIVEN_OUT: &str = "it is an upload that isn't linked, and may be written still";

/// What one source's objects may be.
pub(super) struct SourceRights {
    repository: RepositoryName,
    branch: BranchName,
    /// Of the URLs that are read.
    reads: PrefixRights,
    /// Of the paths that are written.
    writes: PrefixRights,
}

impl SourceRights {
    /// Asks what can be asked before the source is listed: whether it may be imported from, and something written where it
    /// goes.
    pub(super) fn new(
        caller: &Caller,
        repository: &RepositoryName,
        branch: &BranchName,
        source: &ImportSource,
    ) -> Result<Self, Error> {
        let to = match source {
            ImportSource::Prefix { to, .. } => as_folder(to)?,
            ImportSource::Object { to, .. } => to.to_string(),
        };
        authorize(caller, Action::ImportFromStorage, &Resource::Source(canonical(source.from())))?;
        let under = Resource::SourcesUnder(source.url());
        let reads = PrefixRights::new(caller, Action::ImportFromStorage, &under);
        let paths = Resource::ObjectsUnder(repository.clone(), Some(Through::from(branch)), to);
        let writes = authorize_some_under(caller, Action::WriteObject, &paths)?;
        Ok(Self { repository: repository.clone(), branch: branch.clone(), reads, writes })
    }
}

/// Whether an object may be imported, once it is clear that its import isn't refused.
pub(super) enum Admission {
    Admitted,
    /// It can't be imported by anybody; says why.
    Unusable(&'static str),
}

/// Who owns what lies in the server's own store, and what the caller may read of it. Shared by an import's sources.
pub(super) struct Owners {
    graveler: Graveler,
    caller: Caller,
    /// The repository of each namespace, looked up when first needed.
    namespaces: OnceCell<HashMap<String, RepositoryName>>,
    /// Whether all of a repository may be read, once that was asked.
    readable: Mutex<HashMap<RepositoryName, Result<(), Denied>>>,
    refusal: Mutex<Option<Denied>>,
}

impl Owners {
    pub(super) fn new(graveler: &Graveler, caller: &Caller) -> Self {
        let (graveler, caller) = (graveler.clone(), caller.clone());
        let (namespaces, readable, refusal) = Default::default();
        Self { graveler, caller, namespaces, readable, refusal }
    }

    /// Why an import was refused, if it was for want of a right.
    pub(super) fn refusal(&self) -> Option<Denied> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Judges an object: what it is to be called, and where it lies.
    ///
    /// # Errors
    /// The import is refused; [`Self::refusal`] tells why, if it is for want of a right.
    pub(super) async fn admit(
        &self,
        rights: &SourceRights,
        path: &ObjectPath,
        url: &str,
    ) -> Result<Admission, graveler::Error> {
        if !rights.writes.allows(path.as_str()) {
            let object = Resource::object_of(&rights.repository, &rights.branch, path);
            self.ask(Action::WriteObject, &object)?;
        }
        if rights.reads.forbids(url) {
            self.ask(Action::ImportFromStorage, &Resource::Source(url.to_owned()))?;
        }
        match self.graveler.stores().place(url) {
            Place::Elsewhere => Ok(Admission::Admitted),
            Place::Own { url, is_allowed } => self.admit_own(&url, is_allowed).await,
        }
    }

    async fn admit_own(&self, url: &str, is_allowed: bool) -> Result<Admission, graveler::Error> {
        let namespaces = self.namespaces.get_or_try_init(|| self.look_up()).await?;
        let owner = url.match_indices('/').find_map(|(end, _)| Some((namespaces.get(&url[..end])?, &url[end + 1..])));
        match owner {
            Some((_, address)) if is_given_out(address) => Ok(Admission::Unusable(GIVEN_OUT)),
            Some((repository, _)) => match self.may_read(repository) {
                Ok(()) => Ok(Admission::Admitted),
                Err(denied) => Err(self.refuse(denied)),
            },
            None if is_allowed => Ok(Admission::Admitted),
            None => Err(StorageError::Elsewhere { url: url.to_owned() }.into()),
        }
    }

    /// Whether the caller may read all that a repository has, at whichever ref.
    fn may_read(&self, repository: &RepositoryName) -> Result<(), Denied> {
        let mut judged = self.readable.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = judged.get(repository) {
            return known.clone();
        }
        let objects = Resource::ObjectsUnder(repository.clone(), None, String::new());
        let answer = authorize_all_under(&self.caller, Action::ReadObject, &objects);
        judged.insert(repository.clone(), answer.clone());
        answer
    }

    /// Finds the repository of each namespace.
    async fn look_up(&self) -> Result<HashMap<String, RepositoryName>, graveler::Error> {
        let (mut found, mut after) = (HashMap::new(), String::new());
        loop {
            let query = ListRepositories { page: PageRequest::after(after, PAGE_MAX) };
            let page = self.graveler.meta().ask(query).await?;
            after = page.items.last().map(|last| last.name.to_string()).unwrap_or_default();
            let is_last = !page.more || page.items.is_empty();
            found.extend(page.items.into_iter().map(|repository| (repository.namespace.to_string(), repository.name)));
            if is_last {
                return Ok(found);
            }
        }
    }

    /// Asks for a right by itself, so that its want is told and written down.
    fn ask(&self, action: Action, resource: &Resource) -> Result<(), graveler::Error> {
        authorize(&self.caller, action, resource).map_err(|denied| self.refuse(denied))
    }

    /// Keeps a refusal for the caller; the error ends the listing.
    fn refuse(&self, denied: Denied) -> graveler::Error {
        let error = graveler::Error::Invalid(denied.to_string());
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(denied);
        error
    }
}
