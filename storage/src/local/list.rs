//! Lists a local store in the order of its keys, a folder at a time. Owns that order: a folder sorts as its name with a
//! slash after it. Invariant: what isn't a file or folder whose name can be a key (links, special files, names that
//! aren't UTF-8) is no object, and the reserved folder is never listed.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fs::File;
use std::future::ready;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::vec::IntoIter;

use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ListResult, ObjectMeta, Result};
use rustix::fs::{AtFlags, Dir, DirEntry, FileType, Mode, OFlags, openat, statat};

use super::failure::blocking;
use super::read::object_meta;
use super::root::Root;
use crate::paths::{LOCAL_RESERVED, is_plain};

/// How many files are looked at in one hop to a thread that may block.
const BATCH_ITEMS_MAX: usize = 1_000;

/// How many names of one folder are held at a time. One with more is read again for each so many: the folder of a large
/// import may have any number of files.
pub(super) const NAMES_MAX: usize = 1 << 18;

/// What a walk finds.
#[derive(Debug)]
pub(crate) enum Found {
    Object(ObjectMeta),
    /// Something whose name can't be a key, or that isn't a file.
    Unusable {
        /// Where, as well as it can be said.
        location: String,
        why: &'static str,
    },
}

/// Lists all objects under a folder, in order, those after `offset` only.
pub(super) fn objects(
    root: Arc<Root>,
    prefix: Option<&Path>,
    offset: Option<&Path>,
) -> BoxStream<'static, Result<ObjectMeta>> {
    let object = |found| match found {
        Found::Object(meta) => Some(meta),
        Found::Unusable { .. } => None,
    };
    walk(root, prefix, offset, NAMES_MAX).try_filter_map(move |found| ready(Ok(object(found)))).boxed()
}

/// Lists as [`objects`], and what can't be an object too, about where it would be.
pub(super) fn walk(
    root: Arc<Root>,
    prefix: Option<&Path>,
    offset: Option<&Path>,
    names_max: usize,
) -> BoxStream<'static, Result<Found>> {
    let folder = prefix.cloned().unwrap_or_default();
    let walk = Walk {
        root,
        offset: offset.map(|offset| offset.as_ref().to_owned()),
        start: Some(folder.as_ref().to_owned()),
        levels: Vec::new(),
        names_max: names_max.max(1),
    };
    let batches = stream::unfold(Some(walk), move |walk| {
        let folder = folder.clone();
        async move {
            let mut walk = walk?;
            let step = move || {
                let batch = walk.batch()?;
                Ok((batch, walk))
            };
            match blocking(folder.as_ref(), step).await {
                Ok((batch, _)) if batch.is_empty() => None,
                Ok((batch, walk)) => Some((Ok(batch), Some(walk))),
                Err(error) => Some((Err(error), None)),
            }
        }
    });
    batches
        .flat_map(|batch| match batch {
            Ok(batch) => stream::iter(batch).map(Ok).left_stream(),
            Err(error) => stream::iter([Err(error)]).right_stream(),
        })
        .boxed()
}

/// The objects and folders directly in a folder.
pub(super) fn one_level(root: &Root, folder: &Path) -> io::Result<ListResult> {
    let mut result = ListResult { common_prefixes: Vec::new(), objects: Vec::new(), extensions: Default::default() };
    let Some(level) = Level::open(root, folder.as_ref(), usize::MAX)? else { return Ok(result) };
    let Level { folder, location, items, .. } = level;
    for item in items {
        let Ok(path) = child(&location, &item.name) else { continue };
        match item.kind {
            Kind::Folder => result.common_prefixes.push(path),
            Kind::File => result.objects.extend(look(&folder, &item.name, path)?),
            Kind::Unusable(_) => {}
        }
    }
    Ok(result)
}

struct Walk {
    root: Arc<Root>,
    offset: Option<String>,
    /// Where to begin, until begun.
    start: Option<String>,
    /// The folders that the walk is in, outermost first.
    levels: Vec<Level>,
    names_max: usize,
}

struct Level {
    folder: OwnedFd,
    location: String,
    /// The names that were read and not taken yet.
    items: IntoIter<Item>,
    /// Where those end, if the folder has more after them.
    more_behind: Option<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    name: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    Unusable(&'static str),
}

impl Walk {
    /// What comes next; nothing at the end.
    fn batch(&mut self) -> io::Result<Vec<Found>> {
        if let Some(start) = self.start.take() {
            self.enter(&start)?;
        }
        let mut batch = Vec::new();
        while batch.len() < BATCH_ITEMS_MAX {
            let Some(level) = self.levels.last_mut() else { break };
            let Some(item) = level.items.next() else {
                if !level.read_on(self.names_max)? {
                    self.levels.pop();
                }
                continue;
            };
            let (location, kind) = (join(&level.location, &item.name), item.kind);
            let unusable = |why| Found::Unusable { location: location.clone(), why };
            match (child(&level.location, &item.name), kind) {
                (_, Kind::Unusable(why)) | (Err(why), _) => batch.push(unusable(why)),
                (Ok(path), Kind::Folder) => {
                    if self.may_hold_wanted(&path) {
                        self.enter(path.as_ref())?;
                    }
                }
                (Ok(path), Kind::File) => {
                    if self.offset.as_deref().is_none_or(|offset| path.as_ref() > offset) {
                        batch.extend(look(&level.folder, &item.name, path)?.map(Found::Object));
                    }
                }
            }
        }
        Ok(batch)
    }

    fn enter(&mut self, location: &str) -> io::Result<()> {
        self.levels.extend(Level::open(&self.root, location, self.names_max)?);
        Ok(())
    }

    /// Whether a folder may hold keys after the offset.
    fn may_hold_wanted(&self, folder: &Path) -> bool {
        let Some(offset) = &self.offset else { return true };
        let inside = format!("{folder}/");
        inside.as_str() > offset.as_str() || offset.starts_with(&inside)
    }
}

impl Level {
    /// Reads the names in a folder, in the order of keys. A folder that isn't there has none.
    fn open(root: &Root, location: &str, names_max: usize) -> io::Result<Option<Self>> {
        let folder = match root.open_folder(location) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            folder => folder?,
        };
        let mut level =
            Self { folder, location: location.to_owned(), items: Vec::new().into_iter(), more_behind: None };
        level.read(None, names_max)?;
        Ok(Some(level))
    }

    /// Reads the names after those that were taken; false if there are none.
    fn read_on(&mut self, names_max: usize) -> io::Result<bool> {
        let Some(behind) = self.more_behind.take() else { return Ok(false) };
        self.read(Some(&behind), names_max)?;
        Ok(true)
    }

    /// Reads the first so many names after one.
    fn read(&mut self, behind: Option<&Item>, names_max: usize) -> io::Result<()> {
        let mut first = BinaryHeap::new();
        let mut more = false;
        for entry in Dir::read_from(&self.folder)? {
            let entry = entry?;
            let Some(item) = self.item(&entry)? else { continue };
            if behind.is_some_and(|behind| item <= *behind) {
                continue;
            }
            if first.len() < names_max {
                first.push(item);
            } else if let Some(mut last) = first.peek_mut() {
                more = true;
                if item < *last {
                    *last = item;
                }
            }
        }
        let items = first.into_sorted_vec();
        self.more_behind = items.last().filter(|_| more).cloned();
        self.items = items.into_iter();
        Ok(())
    }

    /// What an entry of the folder is; none if it isn't shown to anybody.
    fn item(&self, entry: &DirEntry) -> io::Result<Option<Item>> {
        let Ok(name) = entry.file_name().to_str() else {
            let name = entry.file_name().to_string_lossy().into_owned();
            return Ok(Some(Item { name, kind: Kind::Unusable("its name isn't UTF-8") }));
        };
        let reserved = self.location.is_empty() && name == LOCAL_RESERVED;
        if reserved || name == "." || name == ".." {
            return Ok(None);
        }
        let kind = match entry.file_type() {
            FileType::Unknown => match statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(rustix::io::Errno::NOENT) => return Ok(None),
                looked => FileType::from_raw_mode(looked?.st_mode),
            },
            kind => kind,
        };
        let kind = match kind {
            FileType::Directory => Kind::Folder,
            FileType::RegularFile => Kind::File,
            FileType::Symlink => Kind::Unusable("it is a symbolic link, and links aren't followed"),
            _ => Kind::Unusable("it is neither a file nor a folder"),
        };
        Ok(Some(Item { name: name.to_owned(), kind }))
    }
}

impl Item {
    /// What orders it among its siblings.
    fn key(&self) -> impl Iterator<Item = u8> + '_ {
        self.name.bytes().chain((self.kind == Kind::Folder).then_some(b'/'))
    }
}

impl Ord for Item {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(other.key())
    }
}

impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Looks at a file; one that was deleted meanwhile isn't listed.
fn look(folder: &OwnedFd, name: &str, path: Path) -> io::Result<Option<ObjectMeta>> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(folder, name, flags, Mode::empty()) {
        Ok(file) => Ok(Some(object_meta(path, &File::from(file).metadata()?))),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// The key of what a folder holds, or why it can have none.
fn child(folder: &str, name: &str) -> std::result::Result<Path, &'static str> {
    if !is_plain(name) {
        return Err("its name has a control character or a backslash");
    }
    Path::parse(join(folder, name)).map_err(|_| "its name can't be a part of a key")
}
