//! The folders of the state: `CURRENT` names the generation that counts, so that a restore replaces the whole state at
//! once. Owns the layout and its durability. Invariant: whatever `CURRENT` names is complete and synced.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::StateError;
use super::rocks::{Rocks, StateOptions};

const CURRENT: &str = "CURRENT";
const PREFIX: &str = "gen-";
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// One generation, open.
pub(crate) struct Generation {
    number: u64,
    dir: PathBuf,
    rocks: Rocks,
}

impl Generation {
    /// Opens the generation that counts, or makes the first; removes what a crash left of others.
    pub(crate) fn open_current(root: &Path, options: &StateOptions) -> Result<Self, StateError> {
        durable::make_folder(root, FOLDER_MODE).map_err(at(root))?;
        let number = match read_current(root)? {
            Some(number) => number,
            None => {
                refuse_unnamed(root)?;
                1
            }
        };
        let generation = Self::open(root, number, options)?;
        write_current(root, number)?;
        remove_others(root, number)?;
        Ok(generation)
    }

    /// Opens the generation that counts as it is there, and writes nothing.
    pub(crate) fn open_read_only(root: &Path, options: &StateOptions) -> Result<Self, StateError> {
        let number = read_current(root)?.unwrap_or(1);
        let dir = folder(root, number);
        Ok(Self { number, rocks: Rocks::open_read_only(&dir, options)?, dir })
    }

    /// Makes a new generation from a checkpoint, and lets it count.
    pub(crate) fn restore(root: &Path, from: &Path, previous: u64, options: &StateOptions) -> Result<Self, StateError> {
        let number = previous + 1;
        let dir = folder(root, number);
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(at(&dir))?;
        }
        copy(from, &dir)?;
        let generation = Self::open(root, number, options)?;
        write_current(root, number)?;
        Ok(generation)
    }

    fn open(root: &Path, number: u64, options: &StateOptions) -> Result<Self, StateError> {
        let dir = folder(root, number);
        durable::make_folder(&dir, FOLDER_MODE).map_err(at(&dir))?;
        let rocks = Rocks::open(&dir, options)?;
        Ok(Self { number, dir, rocks })
    }

    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    pub(crate) fn rocks(&self) -> &Rocks {
        &self.rocks
    }

    /// Closes it and removes its folder.
    pub(crate) fn remove(self) -> Result<(), StateError> {
        let Self { dir, rocks, .. } = self;
        drop(rocks);
        fs::remove_dir_all(&dir).map_err(at(&dir))
    }
}

fn folder(root: &Path, number: u64) -> PathBuf {
    root.join(format!("{PREFIX}{number:010}"))
}

fn number(name: &str) -> Option<u64> {
    name.strip_prefix(PREFIX)?.parse().ok()
}

fn read_current(root: &Path) -> Result<Option<u64>, StateError> {
    let path = root.join(CURRENT);
    match fs::read_to_string(&path) {
        Ok(text) => match number(text.trim_end()) {
            Some(number) => Ok(Some(number)),
            None => Err(StateError::Corrupt(format!("{} holds {text:?}", path.display()))),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(&path)(error)),
    }
}

/// Without `CURRENT` only the first generation, whose making a crash cut short, may be there.
fn refuse_unnamed(root: &Path) -> Result<(), StateError> {
    match generations(root)?.into_iter().find(|number| *number > 1) {
        Some(number) => Err(StateError::Corrupt(format!(
            "{} is there, but {CURRENT} in {} is missing",
            folder(root, number).display(),
            root.display()
        ))),
        None => Ok(()),
    }
}

fn write_current(root: &Path, number: u64) -> Result<(), StateError> {
    let (path, content) = (root.join(CURRENT), format!("{PREFIX}{number:010}\n"));
    durable::replace_file(&path, content.as_bytes(), FILE_MODE).map_err(at(&path))
}

fn generations(root: &Path) -> Result<Vec<u64>, StateError> {
    let mut numbers = Vec::new();
    for item in fs::read_dir(root).map_err(at(root))? {
        numbers.extend(item.map_err(at(root))?.file_name().to_str().and_then(number));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn remove_others(root: &Path, current: u64) -> Result<(), StateError> {
    for other in generations(root)?.into_iter().filter(|number| *number != current) {
        let dir = folder(root, other);
        fs::remove_dir_all(&dir).map_err(at(&dir))?;
    }
    Ok(())
}

/// Copies a checkpoint. Tables never change, so a link will do where the file system has it.
fn copy(from: &Path, to: &Path) -> Result<(), StateError> {
    fs::create_dir(to).map_err(at(to))?;
    for item in fs::read_dir(from).map_err(at(from))? {
        let source = item.map_err(at(from))?.path();
        let target = to.join(source.file_name().expect("an item of a folder has a name"));
        let is_table = source.extension().is_some_and(|extension| extension == "sst");
        if !(is_table && fs::hard_link(&source, &target).is_ok()) {
            fs::copy(&source, &target).map_err(at(&source))?;
        }
        File::open(&target).and_then(|file| file.sync_all()).map_err(at(&target))?;
    }
    durable::sync_folder(to).map_err(at(to))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> StateError {
    move |source| StateError::File { path: path.to_owned(), source }
}
