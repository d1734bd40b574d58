//! The places beside the installation's own store whose objects may be read: where imported objects lie. Owns the
//! operator's list of them, which address lies in which, and their open stores; `source` lists what they hold and
//! `imported` reads it. Invariant: no object is read that neither lies in the installation's store nor under an entry of
//! the list, and no file of Lakebed's own anywhere.

use std::fmt;
use std::path::{Component, Path as FsPath, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use object_store::list::PaginatedListStore;
use object_store::path::Path;
use tokio::sync::OnceCell;

use crate::local::LocalStore;
use crate::open;
use crate::paths::{is_plain, is_plain_but_for_empty_parts, is_reserved};
use crate::presigned::Presigned;
use crate::settings::{StoreSettings, StoreUrl, without_options};
use crate::source::path_of_any_key;
use crate::{StorageError, Stores};

/// How many places an operator may allow; so many stores are open at most.
const SOURCES_MAX: usize = 256;

/// The operator's list.
#[derive(Default)]
pub(crate) struct Sources {
    allowed: Vec<Allowed>,
}

/// One entry of it.
struct Allowed {
    url: StoreUrl,
    /// What the URLs of the objects that it allows begin with, a slash included.
    root: String,
    settings: StoreSettings,
    /// Opened when first needed, and kept.
    site: OnceCell<Site>,
}

/// Where something lies that somebody wants to import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the installation's own store.
    Own {
        /// Its URL in the form of namespaces, whatever name it was given.
        url: String,
        /// Whether the operator's list has it all the same.
        is_allowed: bool,
    },
    /// Somewhere else: the operator's list says whether it may be read.
    Elsewhere,
}

/// An open store, and how its objects are called. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) listing: Listing,
    /// Signs URLs, if the store can.
    pub(crate) presigned: Option<Arc<Presigned>>,
    /// What stands before an object's path in its URL.
    base: String,
}

/// How a store lists.
#[derive(Clone)]
pub(crate) enum Listing {
    /// A folder of this machine.
    Local(LocalStore),
    /// Page by page, any part of it.
    Paged(Arc<dyn PaginatedListStore>),
    /// One stream, in order.
    Stream,
}

impl Sources {
    /// Reads the operator's list. `own` is the installation's store, and `settings` are that store's.
    pub(crate) fn new(own: &StoreUrl, settings: &StoreSettings) -> Result<Self, StorageError> {
        if settings.sources.len() > SOURCES_MAX {
            return Err(StorageError::Invalid(format!("more than {SOURCES_MAX} sources are allowed: name wider ones")));
        }
        let allowed = settings.sources.iter().map(|text| Allowed::parse(text, own, settings));
        let mut allowed = allowed.collect::<Result<Vec<_>, _>>()?;
        // The narrowest comes first, for it may have settings of its own.
        allowed.sort_by_key(|allowed| std::cmp::Reverse(allowed.root.len()));
        Ok(Self { allowed })
    }

    fn find(&self, url: &str) -> Option<&Allowed> {
        self.allowed.iter().find(|allowed| url.starts_with(&allowed.root))
    }
}

impl Allowed {
    fn parse(text: &str, own: &StoreUrl, own_settings: &StoreSettings) -> Result<Self, StorageError> {
        let invalid = |why: &str| {
            let text = without_options(text);
            StorageError::Invalid(format!("{text:?} can't be a source that is allowed to be read: {why}"))
        };
        let (url, options) = text.split_once('?').unwrap_or((text, ""));
        let (place, prefix) = bucket_and_prefix(url);
        let parsed = match StoreUrl::parse(place)? {
            StoreUrl::Memory => return Err(invalid("memory is read by its own process alone")),
            StoreUrl::Local(folder) => {
                let folder = plain_folder(&folder).ok_or_else(|| {
                    invalid("name the folder by its absolute path without `..`; the whole disk can't be allowed")
                })?;
                if leads_into(&folder, own) {
                    return Err(invalid("it leads to this server's own store by way of a link: name another folder"));
                }
                StoreUrl::Local(folder)
            }
            remote => remote,
        };
        let mut settings = StoreSettings { sources: Vec::new(), ..own_settings.clone() };
        if parsed.scheme() != own.scheme() {
            settings = StoreSettings::default();
        }
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) =
                option.split_once('=').ok_or_else(|| invalid("settings are NAME=VALUE, with & between"))?;
            match name {
                "endpoint" => settings.endpoint = Some(value.to_owned()),
                "region" => settings.region = Some(value.to_owned()),
                "allow_http" => settings.allow_http = value == "true",
                _ => drop(settings.options.insert(name.to_owned(), value.to_owned())),
            }
        }
        let root = match prefix {
            "" => parsed.base(),
            prefix => as_folder(&format!("{}{prefix}", parsed.base())),
        };
        if !is_plain_but_for_empty_parts(&in_folder(&root)[parsed.base().len()..]) {
            return Err(invalid(
                "its prefix begins with a slash, or has a control character, a backslash, or a `.` or `..` part",
            ));
        }
        Ok(Self { url: parsed, root, settings, site: OnceCell::new() })
    }

    async fn site(&self) -> Result<Site, StorageError> {
        let open = async || {
            let base = self.url.base();
            if let StoreUrl::Local(folder) = &self.url {
                let opened = LocalStore::open_read_only(folder).await;
                let store = opened.map_err(|e| StorageError::from_store(e, &self.root))?;
                let listing = Listing::Local(store.clone());
                return Ok(Site { store: Arc::new(store), listing, presigned: None, base });
            }
            let opened = open::open_read_only(&self.url, &self.settings).await?;
            let listing = opened.pages.map_or(Listing::Stream, Listing::Paged);
            let presigned = opened.signer.map(|signer| Arc::new(Presigned::new(signer)));
            Ok(Site { store: opened.store, listing, presigned, base })
        };
        self.site.get_or_try_init(open).await.cloned()
    }
}

/// Splits a URL into that of its bucket or container and the prefix in it, which is left as it is: in a bucket `w//` is
/// another prefix than `w/`. A folder of this machine is all of its URL.
fn bucket_and_prefix(url: &str) -> (&str, &str) {
    match url.split_once("://") {
        None | Some(("file" | "memory", _)) => (url, ""),
        Some((scheme, rest)) => match rest.find('/') {
            Some(at) => (&url[..scheme.len() + "://".len() + at], &rest[at + 1..]),
            None => (url, ""),
        },
    }
}

/// The URL or key of a folder with a slash at its end.
pub(crate) fn as_folder(name: &str) -> String {
    if name.ends_with('/') { name.to_owned() } else { format!("{name}/") }
}

/// The URL or key of something in a folder, which may be read if the folder may.
fn in_folder(folder: &str) -> String {
    format!("{folder}x")
}

/// A folder that is named without detours.
fn plain_folder(folder: &FsPath) -> Option<PathBuf> {
    let plain: PathBuf = folder.components().collect();
    let climbs = plain.components().any(|part| matches!(part, Component::ParentDir | Component::CurDir));
    let is_utf8 = plain.to_str().is_some();
    (is_utf8 && !climbs && plain.parent().is_some()).then_some(plain)
}

/// Whether a folder has the installation's own, or lies in it, under another name than that.
fn leads_into(folder: &FsPath, own: &StoreUrl) -> bool {
    let StoreUrl::Local(own) = own else { return false };
    let overlap = |a: &FsPath, b: &FsPath| a.starts_with(b) || b.starts_with(a);
    overlap(&real(folder), &real(own)) && !overlap(folder, own)
}

/// A folder without links on the way to it, as far as it is there.
fn real(folder: &FsPath) -> PathBuf {
    let there = folder.ancestors().find_map(|above| Some((above.canonicalize().ok()?, above)));
    match there.and_then(|(real, above)| Some(real.join(folder.strip_prefix(above).ok()?))) {
        Some(real) => real.components().collect(),
        None => folder.to_owned(),
    }
}

impl Site {
    /// What an object at a path of the store is called.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Whether an object at this path may be read by users at all.
    pub(crate) fn refusal(&self, path: &str) -> Option<&'static str> {
        if is_reserved(path) {
            return Some("it is one of Lakebed's own files");
        }
        match self.has_any_keys() {
            true if is_plain_but_for_empty_parts(path) => None,
            true => Some(
                "its key begins or ends with a slash, or has a control character, a backslash, or a `.` or `..` part",
            ),
            false if is_plain(path) => None,
            false => Some("its key has a control character, a backslash, or an empty, `.` or `..` part"),
        }
    }

    /// Whether the store's keys may have empty parts, and can be listed all the same: it signs URLs of its listings.
    pub(crate) fn has_any_keys(&self) -> bool {
        self.presigned.is_some()
    }

    pub(crate) fn error(&self, error: object_store::Error, path: &Path) -> StorageError {
        StorageError::from_store(error, &self.url(path.as_ref()))
    }
}

impl Stores {
    /// Finds where an object lies by its URL: in this store, or in an allowed source.
    pub(crate) async fn site(&self, url: &str) -> Result<(Site, Path), StorageError> {
        let (site, key) = self.site_and_key(url).await?;
        if let Some(why) = site.refusal(&key) {
            return Err(StorageError::Invalid(format!("{url} can't be read: {why}")));
        }
        let path = path_of_any_key(&key);
        Ok((
            site,
            path.ok_or_else(|| StorageError::Invalid(format!("{url} can't be read: no address can have its key")))?,
        ))
    }

    /// Finds where a folder lies whose URL ends with a slash, and what the keys in it begin with.
    pub(crate) async fn folder(&self, url: &str) -> Result<(Site, String), StorageError> {
        let (site, key) = self.site_and_key(url).await?;
        match site.refusal(&in_folder(&key)) {
            Some(why) => Err(StorageError::Invalid(format!("{url} can't be read: {why}"))),
            None => Ok((site, key)),
        }
    }

    async fn site_and_key(&self, url: &str) -> Result<(Site, String), StorageError> {
        let url = canonical(url);
        let elsewhere = || StorageError::Elsewhere { url: without_options(&url).to_owned() };
        let site = match url.strip_prefix(self.namespace_root()) {
            Some(_) => self.own_site(),
            None => self.sources.find(&url).ok_or_else(elsewhere)?.site().await?,
        };
        let key = url.strip_prefix(&site.base).unwrap_or(&url).to_owned();
        Ok((site, key))
    }

    /// Finds out whether a URL lies in the installation's own store, which others than the operator have a say in.
    pub fn place(&self, url: &str) -> Place {
        let url = canonical(url);
        let is_allowed = self.sources.find(&url).is_some();
        let own = match self.local_base.as_deref().and_then(|base| url.strip_prefix(base)) {
            Some(path) => format!("{}{path}", self.namespace_root()),
            None => url,
        };
        match own.starts_with(self.namespace_root()) {
            true => Place::Own { url: own, is_allowed },
            false => Place::Elsewhere,
        }
    }

    /// Finds the entry of the operator's list by which a URL may be read, as the URL that all that it allows begins with;
    /// `None` if it lies in the installation's own store, or may not be read.
    pub fn allowed_by(&self, url: &str) -> Option<&str> {
        let url = canonical(url);
        let found = self.sources.find(&url).filter(|_| !url.starts_with(self.namespace_root()));
        found.map(|allowed| allowed.root.as_str())
    }

    /// Returns whether a URL lies where this server may read.
    pub fn may_read(&self, url: &str) -> bool {
        let url = canonical(url);
        url.starts_with(self.namespace_root()) || self.sources.find(&url).is_some()
    }

    fn own_site(&self) -> Site {
        let root = self.namespace_root();
        let base = match self.prefix().as_ref() {
            "" => root.to_owned(),
            prefix => root.strip_suffix(&format!("{prefix}/")).unwrap_or(root).to_owned(),
        };
        let listing = self.pages.clone().map_or(Listing::Stream, Listing::Paged);
        Site { store: Arc::clone(&self.store), listing, presigned: self.presigned.clone(), base }
    }
}

/// A URL in the one form of those that mean the same: with the scheme's usual name, and without slashes before a name where
/// no bucket is (`local:///trips`), as lakeFS's clients write it.
pub fn canonical(url: &str) -> String {
    const NAMES: [(&str, &str); 3] = [("s3a://", "s3://"), ("azure://", "az://"), ("abfs://", "az://")];
    const WITHOUT_BUCKETS: [&str; 2] = ["local://", "mem://"];
    let renamed = NAMES.iter().find_map(|(name, usual)| Some(format!("{usual}{}", url.strip_prefix(name)?)));
    let without_slashes =
        |scheme: &&str| Some(format!("{scheme}{}", url.strip_prefix(*scheme)?.trim_start_matches('/')));
    renamed.or_else(|| WITHOUT_BUCKETS.iter().find_map(without_slashes)).unwrap_or_else(|| url.to_owned())
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.allowed.iter().map(|allowed| &allowed.root)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(list: &[&str]) -> Result<Sources, StorageError> {
        let sources = list.iter().map(|url| (*url).to_owned()).collect();
        let own = StoreUrl::parse("s3://own").unwrap();
        Sources::new(&own, &StoreSettings { region: Some("here".into()), sources, ..StoreSettings::default() })
    }

    #[test]
    fn only_what_is_under_an_entry_is_allowed() {
        let sources = sources(&["s3://raw/a", "gs://other", "file:///srv/data/"]).unwrap();
        for url in ["s3://raw/a/x", "s3://raw/a/", "gs://other/x/y", "file:///srv/data/x"] {
            assert!(sources.find(url).is_some(), "{url}");
        }
        for url in ["s3://raw/ab", "s3://raw/", "s3://rawer/a/x", "gs://othe", "file:///srv/database", "az://raw/a/x"] {
            assert!(sources.find(url).is_none(), "{url}");
        }
    }

    /// In a bucket `w//` is another prefix than `w/`.
    #[test]
    fn a_prefix_is_allowed_as_it_is_written() {
        let table: [(&str, &[&str], &[&str]); 5] = [
            ("s3://src", &["s3://src/", "s3://src/w", "s3://src//w"], &["s3://src", "s3://srcs/w"]),
            (
                "s3://src/w",
                &["s3://src/w/", "s3://src/w//", "s3://src/w//x"],
                &["s3://src/w", "s3://src/wx", "s3://src//w/"],
            ),
            ("s3://src/w/", &["s3://src/w/", "s3://src/w//x"], &["s3://src/w", "s3://src/wx"]),
            (
                "s3://src/w//",
                &["s3://src/w//", "s3://src/w//x", "s3://src/w///"],
                &["s3://src/w/", "s3://src/w/x", "s3://src/w"],
            ),
            (
                "s3a://src/v//d",
                &["s3://src/v//d/", "s3://src/v//d/e"],
                &["s3://src/v/d/e", "s3://src/v//e", "s3://src/v//"],
            ),
        ];
        for (entry, allowed, denied) in table {
            let sources = sources(&[entry]).unwrap();
            for url in allowed {
                assert!(sources.find(url).is_some(), "{entry} allows {url}");
            }
            for url in denied {
                assert!(sources.find(url).is_none(), "{entry} doesn't allow {url}");
            }
        }
    }

    #[test]
    fn names_that_mean_the_same_have_one_form() {
        for (url, one) in [
            ("local:///trips/", "local://trips/"),
            ("local:////trips", "local://trips"),
            ("mem:///trips", "mem://trips"),
            ("s3a://b//x", "s3://b//x"),
            ("file:///srv/data", "file:///srv/data"),
        ] {
            assert_eq!(canonical(url), one);
            assert_eq!(canonical(one), one, "whatever is judged twice is the same");
        }
    }

    #[test]
    fn settings_are_the_store_s_own_or_stand_behind_the_url() {
        let sources =
            sources(&["s3://raw", "s3://raw/eu?region=eu-1&allow_http=true&aws_skip_signature=true", "gs://x"]);
        let sources = sources.unwrap();
        let region = |url: &str| sources.find(url).unwrap().settings.region.clone();
        assert_eq!(region("s3://raw/x").as_deref(), Some("here"));
        assert_eq!(region("s3://raw/eu/x").as_deref(), Some("eu-1"));
        assert_eq!(region("gs://x/y"), None);
        let own = sources.find("s3://raw/eu/x").unwrap();
        assert!(own.settings.allow_http && own.settings.options.contains_key("aws_skip_signature"));
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            "",
            "x",
            "memory:///",
            "file:///",
            "file:///a/../b",
            "s3://",
            "s3://b?x",
            "ftp://x",
            "s3://b//x",
            "s3://b//",
            "s3://b/../c",
        ] {
            assert!(sources(&[bad]).is_err(), "{bad}");
        }
    }
}
