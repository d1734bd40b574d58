//! Lists a local store in the order of its keys, a folder at a time. Owns that order: a folder sorts as its name with a
//! slash behind it. Invariant: the reserved folder, links and special files are never listed.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::vec::IntoIter;

use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{ListResult, ObjectMeta, Result};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};

use super::failure::blocking;
use super::read::object_meta;
use super::root::Root;
use crate::paths::LOCAL_RESERVED;

/// How many files are looked at in one hop to a thread that may block.
const BATCH_ITEMS_MAX: usize = 1_000;

/// Lists all objects beneath a folder, in order, those behind `offset` only.
pub(super) fn walk(
    root: Arc<Root>,
    prefix: Option<&Path>,
    offset: Option<&Path>,
) -> BoxStream<'static, Result<ObjectMeta>> {
    let folder = prefix.cloned().unwrap_or_default();
    let walk = Walk {
        root,
        offset: offset.map(|offset| offset.as_ref().to_owned()),
        start: Some(folder.as_ref().to_owned()),
        levels: Vec::new(),
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
    let Some(level) = Level::open(root, folder.as_ref())? else { return Ok(result) };
    let Level { folder, location, items } = level;
    for item in items {
        let path = child(&location, &item.name);
        if item.is_folder {
            result.common_prefixes.push(path);
        } else {
            result.objects.extend(look(&folder, &item.name, path)?);
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
}

struct Level {
    folder: OwnedFd,
    location: String,
    items: IntoIter<Item>,
}

#[derive(PartialEq, Eq)]
struct Item {
    name: String,
    is_folder: bool,
}

impl Walk {
    /// The next objects; none at the end.
    fn batch(&mut self) -> io::Result<Vec<ObjectMeta>> {
        if let Some(start) = self.start.take() {
            self.enter(&start)?;
        }
        let mut batch = Vec::new();
        while batch.len() < BATCH_ITEMS_MAX {
            let Some(level) = self.levels.last_mut() else { break };
            let Some(item) = level.items.next() else {
                self.levels.pop();
                continue;
            };
            let path = child(&level.location, &item.name);
            if item.is_folder {
                if self.may_hold_wanted(&path) {
                    self.enter(path.as_ref())?;
                }
            } else if self.offset.as_deref().is_none_or(|offset| path.as_ref() > offset) {
                batch.extend(look(&level.folder, &item.name, path)?);
            }
        }
        Ok(batch)
    }

    fn enter(&mut self, location: &str) -> io::Result<()> {
        self.levels.extend(Level::open(&self.root, location)?);
        Ok(())
    }

    /// Whether a folder may hold keys behind the offset.
    fn may_hold_wanted(&self, folder: &Path) -> bool {
        let Some(offset) = &self.offset else { return true };
        let inside = format!("{folder}/");
        inside.as_str() > offset.as_str() || offset.starts_with(&inside)
    }
}

impl Level {
    /// Reads the names in a folder, in the order of keys. A folder that isn't there has none.
    fn open(root: &Root, location: &str) -> io::Result<Option<Self>> {
        let folder = match root.open_folder(location) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            folder => folder?,
        };
        let mut items = Vec::new();
        for entry in Dir::read_from(&folder)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            let reserved = location.is_empty() && name == LOCAL_RESERVED;
            if reserved || name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::Unknown => FileType::from_raw_mode(statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode),
                kind => kind,
            };
            if matches!(kind, FileType::Directory | FileType::RegularFile) {
                items.push(Item { name: name.to_owned(), is_folder: kind == FileType::Directory });
            }
        }
        items.sort_unstable_by(|a, b| a.key().cmp(b.key()));
        Ok(Some(Self { folder, location: location.to_owned(), items: items.into_iter() }))
    }
}

impl Item {
    /// What orders it among its siblings.
    fn key(&self) -> impl Iterator<Item = u8> + '_ {
        self.name.bytes().chain(self.is_folder.then_some(b'/'))
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

fn child(folder: &str, name: &str) -> Path {
    let text = if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    Path::parse(&text).unwrap_or_else(|_| Path::from(text))
}
