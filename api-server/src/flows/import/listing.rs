//! The listings of an import's sources as one: entries in the order of the paths that they get. Owns how an object of a
//! source becomes an entry, and what is said of those that can't; `storage` lists. Invariant: each path comes once, and
//! memory doesn't grow with the listings.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::vec::IntoIter;

use futures::stream::{self, BoxStream, StreamExt};
use graveler::{Error, ImportListing};
use model::{Address, Entry, ObjectPath};
use storage::{ListGauge, Source, SourceItem, SourceObject, StorageError};

use super::rights::{Admission, Owners, SourceRights};

/// How many objects that can't be imported are named; all are counted.
const NAMED_MAX: usize = 10;
/// After so many the import gives up looking for more.
const UNUSABLE_MAX: u64 = 1_000;
/// How much of a URL is shown.
const SHOWN_CHARS_MAX: usize = 200;
/// The media type of an object whose source doesn't say one: listings don't.
const CONTENT_TYPE: &str = "application/octet-stream";

/// A source to list.
pub(super) struct Opened {
    pub(super) source: Source,
    pub(super) destination: Destination,
    /// What of it may be read, and to which paths it may be written.
    pub(super) rights: SourceRights,
    pub(super) owners: Arc<Owners>,
}

/// Where the objects of a source go.
pub(super) enum Destination {
    /// Under this prefix, by their keys.
    Prefix(String),
    /// The source is one object, and gets this path.
    Object(ObjectPath),
}

/// Objects that can't be imported. Clones count together.
#[derive(Clone, Default)]
pub(super) struct Unusable(Arc<Mutex<Found>>);

#[derive(Default)]
struct Found {
    count: u64,
    named: Vec<String>,
}

impl Unusable {
    pub(super) fn count(&self) -> u64 {
        self.found().count
    }

    /// What is wrong with all of them, for the caller.
    pub(super) fn report(&self) -> String {
        let found = self.found();
        let more = match found.count - found.named.len() as u64 {
            0 => String::new(),
            more => format!("; and {more} more"),
        };
        format!(
            "{} can't be imported: {}{more}. Nothing was committed: rename them in their source, or leave them out \
             (--skip-unusable of `lakebed import`, skip_unusable in the API)",
            if found.count == 1 { "1 object".to_owned() } else { format!("{} objects", found.count) },
            found.named.join("; ")
        )
    }

    fn add(&self, url: &str, why: &str) -> u64 {
        let mut found = self.found();
        found.count += 1;
        if found.named.len() < NAMED_MAX {
            let shown: String = url.chars().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug).collect();
            found.named.push(format!("{shown} ({why})"));
        }
        found.count
    }

    fn found(&self) -> MutexGuard<'_, Found> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lists sources, as far as they lie after a path if one is given.
pub(super) fn merged(
    sources: Vec<Opened>,
    after: Option<&ObjectPath>,
    unusable: &Unusable,
    skip: bool,
    gauge: &ListGauge,
) -> ImportListing {
    let listed = |Opened { source, destination, rights, owners }: Opened| {
        let mut unseen = None;
        let items = match &destination {
            Destination::Object(path) if after.is_some_and(|after| path <= after) => stream::empty().boxed(),
            Destination::Object(_) => {
                stream::once(async move { Ok(vec![SourceItem::Object(source.object().await?)]) }).boxed()
            }
            Destination::Prefix(prefix) => match behind(prefix, after) {
                Behind::All => {
                    unseen = Some(source.clone());
                    source.list(None, gauge)
                }
                Behind::Key(key) => source.list(Some(&key), gauge),
                Behind::Nothing => stream::empty().boxed(),
            },
        };
        let (ahead, unusable) = (Vec::new().into_iter(), unusable.clone());
        Listed { items, destination, rights, owners, ahead, next: None, unseen, unusable, skip }
    };
    let merge = Merge { sources: sources.into_iter().map(listed).collect() };
    stream::try_unfold(merge, async |mut merge| Ok(merge.next().await?.map(|next| (next, merge)))).boxed()
}

/// What of a source lies after a path.
#[derive(Debug, PartialEq, Eq)]
enum Behind {
    All,
    /// What is after this key.
    Key(String),
    Nothing,
}

fn behind(prefix: &str, after: Option<&ObjectPath>) -> Behind {
    let Some(after) = after.map(ObjectPath::as_str) else { return Behind::All };
    match after.strip_prefix(prefix) {
        Some("") => Behind::All,
        Some(key) => Behind::Key(key.to_owned()),
        None if prefix > after => Behind::All,
        None => Behind::Nothing,
    }
}

/// Sources side by side, each in order.
struct Merge {
    sources: Vec<Listed>,
}

/// A source with its next entry taken out.
struct Listed {
    items: BoxStream<'static, Result<Vec<SourceItem>, StorageError>>,
    destination: Destination,
    rights: SourceRights,
    owners: Arc<Owners>,
    ahead: IntoIter<SourceItem>,
    next: Option<(ObjectPath, Entry)>,
    /// The folder, as long as nothing was found in it.
    unseen: Option<Source>,
    unusable: Unusable,
    skip: bool,
}

impl Merge {
    /// The entry with the smallest path. Sources that ended are dropped.
    async fn next(&mut self) -> Result<Option<(ObjectPath, Entry)>, Error> {
        let mut at = 0;
        while at < self.sources.len() {
            if self.sources[at].fill().await? {
                at += 1;
            } else {
                self.sources.swap_remove(at);
            }
        }
        let path = |listed: &Listed| listed.next.as_ref().map(|(path, _)| path.clone());
        let first = match self.sources.as_slice() {
            [_] => 0,
            many => match (0..many.len()).min_by_key(|at| path(&many[*at])) {
                Some(first) => first,
                None => return Ok(None),
            },
        };
        let taken = self.sources[first].next.take();
        if let Some((path, entry)) = &taken {
            let others = self.sources.iter().filter_map(|listed| listed.next.as_ref());
            if let Some((_, other)) = others.into_iter().find(|(other, _)| other == path) {
                return Err(Error::Invalid(format!(
                    "{} and {} would both be imported as {path}: give one of them another destination",
                    entry.address.as_str(),
                    other.address.as_str()
                )));
            }
        }
        Ok(taken)
    }
}

impl Listed {
    /// Looks for the next entry; false at the end.
    async fn fill(&mut self) -> Result<bool, Error> {
        while self.next.is_none() {
            match self.ahead.next() {
                Some(SourceItem::Object(object)) => self.take(object).await?,
                Some(SourceItem::Unusable { url, why }) => self.pass_over(&url, &why)?,
                None => match self.items.next().await.transpose()? {
                    Some(batch) => {
                        self.unseen.take_if(|_| !batch.is_empty());
                        self.ahead = batch.into_iter();
                    }
                    None => match self.unseen.take() {
                        Some(source) => return Err(self.missing(&source).await),
                        None => return Ok(false),
                    },
                },
            }
        }
        Ok(true)
    }

    async fn take(&mut self, object: SourceObject) -> Result<(), Error> {
        let path = match &self.destination {
            Destination::Object(path) => path.clone(),
            Destination::Prefix(prefix) => match ObjectPath::try_from(format!("{prefix}{}", object.key)) {
                Ok(path) => path,
                Err(error) => return self.pass_over(&object.url, &error.to_string()),
            },
        };
        match self.owners.admit(&self.rights, &path, &object.url).await? {
            Admission::Admitted => self.next = Some((path, entry(object))),
            Admission::Unusable(why) => self.pass_over(&object.url, why)?,
        }
        Ok(())
    }

    /// An empty folder is most often a slip in its URL, and object stores don't tell it from none; or it is an object, of which
    /// only who may import it hears. Not by a shared reference, which the stream of items keeps from other threads.
    async fn missing(&mut self, source: &Source) -> Error {
        let url = source.url();
        if let Destination::Prefix(prefix) = &self.destination
            && let Some(object) = source.object_of_its_name().await
            && let Ok(path) = format!("{prefix}{}", object.key).parse::<ObjectPath>()
            && let Ok(Admission::Admitted) = self.owners.admit(&self.rights, &path, &object.url).await
        {
            let what = format!("{} is an object and no folder; import it as one,", object.url);
            return not_found(&url, &format!("{what} to a path without a slash at its end, such as {path}"));
        }
        not_found(&url, "no object lies there; name a folder that has some")
    }

    fn pass_over(&self, url: &str, why: &str) -> Result<(), Error> {
        let count = self.unusable.add(url, why);
        if !self.skip && count >= UNUSABLE_MAX {
            return Err(Error::Invalid(self.unusable.report()));
        }
        Ok(())
    }
}

/// What a source is told that has nothing.
fn not_found(url: &str, advice: &str) -> Error {
    StorageError::NoSource(format!("{url} not found: {advice}")).into()
}

fn entry(object: SourceObject) -> Entry {
    Entry {
        address: Address::Full(object.url),
        last_modified: object.last_modified,
        size: object.size,
        e_tag: object.e_tag,
        content_type: CONTENT_TYPE.to_owned(),
        metadata: BTreeMap::new(),
        headers: BTreeMap::new(),
        checksum: None,
        parts: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_goes_on_behind_the_last_path() {
        let path = |text: &str| text.parse::<ObjectPath>().unwrap();
        assert_eq!(behind("a/", None), Behind::All);
        assert_eq!(behind("a/", Some(&path("a/b/c"))), Behind::Key("b/c".into()));
        assert_eq!(behind("", Some(&path("b"))), Behind::Key("b".into()));
        assert_eq!(behind("b/", Some(&path("a/x"))), Behind::All);
        assert_eq!(behind("b/", Some(&path("c"))), Behind::Nothing);
        assert_eq!(behind("b/", Some(&path("b"))), Behind::All);
    }
}
