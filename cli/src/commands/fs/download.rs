//! `lakebed fs download`: objects to files, several at a time. Invariant: nothing is written or deleted outside the target
//! folder, whatever objects are called and wherever links in it lead, and a file is there whole or not at all.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Result, bail};
use futures::TryStreamExt;
use indicatif::ProgressBar;
use lakebed_sdk::{Lakebed, Object};
use tokio::io::AsyncWriteExt;

use super::compare::{FileFacts, compare, time_for_file};
use super::e_tag::has_e_tag;
use super::folder::Folder;
use super::plan::{Plan, Sending, Verdict, needs_as_folder, plan};
use super::tally::{Tally, Way};
use super::{Download, listing, read, subtree, unfinished, would};
use crate::exit::{self, usage};
use crate::output::{Notes, Output, shown, shown_path, warn};
use crate::{progress, transfer};

/// An object, and the file that it becomes.
struct Pair {
    object: Object,
    to: PathBuf,
    unless_e_tag: Option<String>,
}

/// One run of the command.
struct Run<'a> {
    download: &'a Download,
    lakebed: &'a Lakebed,
    tally: &'a Tally,
    bar: ProgressBar,
    output: Output,
}

impl Download {
    pub(super) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        if self.to.as_os_str() == "-" {
            if self.recursive {
                usage!("standard output takes one object: leave --recursive out, or name a folder");
            }
            if self.sync.dry_run {
                usage!("standard output has nothing yet: leave --dry-run out");
            }
            return read::cat(lakebed, &self.from, output).await;
        }
        let tally = Tally::new(Way::Down, self.sync.dry_run);
        let bar = progress::bytes("downloading", 0);
        let run = Run { download: self, lakebed, tally: &tally, bar, output };
        let work = async { if self.recursive { run.tree().await } else { run.single().await } };
        transfer::until_interrupted(Box::pin(work), || tally.text()).await
    }
}

impl Run<'_> {
    async fn single(&self) -> Result<()> {
        let Download { from, to, .. } = self.download;
        let object = self.lakebed.stat(&from.repository, &from.reference, &from.object()?).await?;
        let is_folder = to.is_dir() || to.as_os_str().as_encoded_bytes().ends_with(b"/");
        let to = if is_folder {
            let name = object.path.as_str().rsplit('/').next().unwrap_or_default();
            to.join(relative(name)?)
        } else {
            to.clone()
        };
        if is_special(&to) {
            return self.write_into(&object, &to).await;
        }
        // As `cp` does: the file changes that the link leads to, and the link stays.
        let to = if to.is_symlink() && to.is_file() { fs::canonicalize(&to)? } else { to };
        if !self.download.sync.dry_run {
            tidy(&[folder_of(&to).to_owned()].into());
        }
        let name = String::new();
        let here: BTreeMap<_, _> = facts(&to).into_iter().map(|facts| (name.clone(), facts)).collect();
        let plan = plan([(name, object)].into(), here, |object, file| self.compare(object, file));
        self.tally.skipped(plan.unchanged);
        let pairs = plan.send.into_iter();
        let pairs = pairs.map(|sent| Pair { object: sent.source, to: to.clone(), unless_e_tag: sent.unless_e_tag });
        self.finish(pairs.collect(), Vec::new(), BTreeMap::new()).await
    }

    /// Writes an object into a device or pipe, which no file may replace; and says nothing more, since it may be /dev/stdout.
    async fn write_into(&self, object: &Object, to: &Path) -> Result<()> {
        if self.download.sync.dry_run {
            would::download(self.output, &object.path, to, object.size)?;
        } else {
            let context = || format!("can't download {} to {}", shown(object.path.as_str()), shown_path(to));
            let mut special = tokio::fs::File::options().write(true).open(to).await.with_context(context)?;
            self.receive(object, &mut special).await.with_context(context)?;
        }
        self.bar.finish_and_clear();
        Ok(())
    }

    /// Every object under the path as a folder that can have a file, by its name in it; and the object of that very name.
    async fn tree(&self) -> Result<()> {
        let Download { from, to, sync, .. } = self.download;
        if to.is_file() {
            usage!("{} is a file: name a folder to download into", shown_path(to));
        }
        let mut there = listing::objects(self.lakebed, &subtree::folder(from)).await?;
        let mut failed = Vec::new();
        if let Some(object) = subtree::object(self.lakebed, from).await? {
            match there.entry(subtree::last(object.path.as_str()).to_owned()) {
                Entry::Vacant(entry) => drop(entry.insert(object)),
                Entry::Occupied(entry) => failed.push(self.clash(&object, entry.get(), "that name")),
            }
        }
        // Of a ref alone there is the ref; a path under which nothing lies is most likely a typing error.
        if there.is_empty() && !from.path.is_empty() {
            return Err(subtree::nothing("downloaded", from));
        }
        there.retain(|name, object| !listing::is_folder_marker(name, object));
        let is_empty = there.is_empty();
        failed.extend(self.take_unusable(&mut there));
        let here = self.here(&there).await?;
        let Plan { send, unchanged, surplus } = plan(there, here, |object, file| self.compare(object, file));
        let surplus = if sync.delete { surplus } else { BTreeMap::new() };
        if is_empty && failed.is_empty() {
            sync.agree_to_delete_all(from.to_string(), surplus.len()).await?;
        }
        self.tally.skipped(unchanged);
        let pair = |Sending { name, source: object, unless_e_tag }| Pair { object, to: to.join(name), unless_e_tag };
        self.finish(send.into_iter().map(pair).collect(), failed, surplus).await
    }

    fn clash(&self, object: &Object, other: &Object, needed: &str) -> anyhow::Error {
        let [object, other] = [object, other].map(|object| self.download.from.with_path(object.path.as_str()));
        anyhow::anyhow!(
            "{object} can't be a file beside {other}, which needs {needed}: download {object} by itself, to a file that you name"
        )
    }

    /// Takes out what no file can be called, and what can't be beside the others.
    fn take_unusable(&self, there: &mut BTreeMap<String, Object>) -> Vec<anyhow::Error> {
        let why_not = |name: &String, object: &Object| {
            let clash =
                || needs_as_folder(name, there).map(|other| self.clash(object, &there[other], "a folder of that name"));
            relative(name).err().or_else(clash)
        };
        let unusable = there.iter().filter_map(|(name, object)| Some((name.clone(), why_not(name, object)?)));
        let unusable: Vec<_> = unusable.collect();
        unusable
            .into_iter()
            .map(|(name, why)| {
                there.remove(&name);
                why
            })
            .collect()
    }

    /// What is at the destination, as far as this run needs to know it.
    async fn here(&self, there: &BTreeMap<String, Object>) -> Result<BTreeMap<String, FileFacts>> {
        let (to, sync) = (self.download.to.clone(), self.download.sync);
        if !sync.delete {
            let names: Vec<_> = there.keys().cloned().collect();
            let look = move || {
                if !sync.dry_run {
                    tidy(&folders(&to, &names));
                }
                let found = names.into_iter().filter_map(|name| facts(&to.join(&name)).map(|facts| (name, facts)));
                found.collect()
            };
            return Ok(tokio::task::spawn_blocking(look).await?);
        }
        if !to.exists() {
            return Ok(BTreeMap::new());
        }
        let found = if sync.dry_run { Folder::read(&to).await? } else { Folder::read_and_tidy(&to).await? };
        let mut notes = Notes::default();
        found.failed.iter().for_each(|error| notes.add(&format!("left alone: {}", exit::text(error))));
        notes.end();
        Ok(found.files)
    }

    fn compare(&self, object: &Object, file: &FileFacts) -> Verdict {
        compare(file, object, self.download.sync.by())
    }

    /// Fetches, then deletes if nothing failed, and tells what was done.
    async fn finish(
        &self,
        pairs: Vec<Pair>,
        failed: Vec<anyhow::Error>,
        surplus: BTreeMap<String, FileFacts>,
    ) -> Result<()> {
        let Download { sync, parallel, recursive, .. } = self.download;
        self.bar.set_length(pairs.iter().map(|pair| pair.object.size).sum());
        // What would be done is printed in order.
        let jobs = if sync.dry_run { 1 } else { parallel.jobs.into() };
        let ended = transfer::all(pairs, failed, jobs, |pair| self.fetch(pair)).await;
        self.bar.finish_and_clear();
        self.tally.failed(ended.failed);
        let deleted = match (ended.failed, surplus.len()) {
            (0, _) => self.delete(&surplus).await,
            (_, 0) => Ok(()),
            _ => {
                warn("nothing was deleted, since not everything was downloaded");
                Ok(())
            }
        };
        if *recursive || ended.failed == 0 {
            self.output.item(&self.tally.json(), || self.tally.text())?;
        }
        ended.into_result()?;
        deleted
    }

    async fn fetch(&self, Pair { object, to, unless_e_tag }: Pair) -> Result<()> {
        let context = || format!("can't download {} to {}", shown(object.path.as_str()), shown_path(&to));
        if self.download.recursive {
            way_is_clear(&self.download.to, &to).with_context(context)?;
        }
        let before = facts(&to);
        if let Some(e_tag) = unless_e_tag
            && has_e_tag(&to, &e_tag).await.with_context(context)?
        {
            self.bar.inc(object.size);
            self.tally.skipped(1);
            if !self.download.sync.dry_run && facts(&to) == before {
                note_time(&to, &object);
            }
            return Ok(());
        }
        if self.download.sync.dry_run {
            self.tally.sent(object.size);
            return would::download(self.output, &object.path, &to, object.size);
        }
        let size = self.write(&object, &to).await.with_context(context)?;
        self.tally.sent(size);
        Ok(())
    }

    /// Writes an object to a file aside, which takes its name when it is whole and on disk. → its size
    async fn write(&self, object: &Object, to: &Path) -> Result<u64> {
        let folder = folder_of(to);
        tokio::fs::create_dir_all(folder).await?;
        let (file, temporary) = unfinished::make_in(folder)?.into_parts();
        let mut file = tokio::fs::File::from_std(file);
        // The ref may have moved since the listing: the time is that of the object that came.
        let came = self.receive(object, &mut file).await?;
        let file = file.into_std().await;
        if let Some(time) = time_for_file(&came, SystemTime::now()) {
            file.set_modified(time)?;
        }
        let file = tokio::task::spawn_blocking(move || file.sync_all().map(|()| file)).await??;
        temporary.persist(to).map_err(|error| error.error)?;
        // Its lock, which says that somebody goes on with it, ends here.
        drop(file);
        Ok(came.size)
    }

    /// Writes an object's bytes. → the object as it came
    async fn receive(&self, object: &Object, into: &mut tokio::fs::File) -> Result<Object> {
        let from = &self.download.from;
        let mut download = self.lakebed.download(&from.repository, &from.reference, &object.path, ..).await?;
        while let Some(chunk) = download.body.try_next().await? {
            into.write_all(&chunk).await?;
            self.bar.inc(chunk.len() as u64);
        }
        into.flush().await?;
        Ok(download.object)
    }

    /// Deletes files of the target folder, and the folders that are empty without them. A listing may hide an object, or be
    /// older than it, so each is asked for by itself before; and what was written to a file since it was listed stays.
    async fn delete(&self, surplus: &BTreeMap<String, FileFacts>) -> Result<()> {
        let mut notes = Notes::default();
        for (name, listed) in surplus {
            match self.delete_one(name, listed).await? {
                None => self.tally.deleted(1),
                Some(why) => {
                    self.tally.kept(1);
                    notes.add(&format!("{} was kept: {why}", shown(name)));
                }
            }
        }
        notes.end();
        Ok(())
    }

    /// Deletes a file, or returns why it stays.
    async fn delete_one(&self, name: &str, listed: &FileFacts) -> Result<Option<&'static str>> {
        let Download { from, to, sync, .. } = self.download;
        let path = format!("{}{name}", subtree::folder(from).path).parse()?;
        let object = listing::stat(self.lakebed, from, &path).await;
        if object.with_context(|| format!("{} was kept", shown(name)))?.is_some() {
            return Ok(Some("there is such an object, though it wasn't listed"));
        }
        let file = to.join(name);
        if sync.dry_run {
            return would::delete_file(self.output, &file).map(|()| None);
        }
        if !delete_unchanged(&file, listed).with_context(|| format!("can't delete {}", shown(name)))? {
            return Ok(Some("changed since it was listed"));
        }
        for (slash, _) in name.rmatch_indices('/') {
            // One that isn't empty ends this.
            if fs::remove_dir(to.join(&name[..slash])).is_err() {
                break;
            }
        }
        Ok(None)
    }
}

/// Deletes a file if it is still what was listed. → whether it is gone
fn delete_unchanged(file: &Path, listed: &FileFacts) -> io::Result<bool> {
    match fs::metadata(file) {
        Ok(metadata) if metadata.is_file() && FileFacts::of(&metadata)? == *listed => fs::remove_file(file)?,
        Ok(_) => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(true)
}

/// What is known of a file, if there is one.
fn facts(path: &Path) -> Option<FileFacts> {
    let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
    FileFacts::of(&metadata).ok()
}

/// Gives a file that holds what the object holds its time too, so that it needn't be hashed again. One that may not be
/// changed is hashed again.
fn note_time(file: &Path, object: &Object) {
    if file.symlink_metadata().is_ok_and(|metadata| metadata.is_file())
        && let Some(time) = time_for_file(object, SystemTime::now())
    {
        let _ = fs::File::open(file).and_then(|file| file.set_modified(time));
    }
}

/// The folder that a file lies in.
fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The folders of files, but for those that a link could lead out of their folder to.
fn folders(to: &Path, names: &[String]) -> BTreeSet<PathBuf> {
    let folders: BTreeSet<_> = names.iter().map(|name| folder_of(&to.join(name)).to_owned()).collect();
    folders.into_iter().filter(|folder| no_link_leads_out(to, &folder.join("file")).is_ok()).collect()
}

/// Removes from folders what downloads left there that were killed.
fn tidy(folders: &BTreeSet<PathBuf>) {
    let mut notes = Notes::default();
    folders.iter().for_each(|folder| unfinished::remove_abandoned_in(folder, &mut notes));
    notes.end();
}

/// Refuses a file that a link on the way to it could lead out of the folder, or that a file or folder keeps from its name.
fn way_is_clear(folder: &Path, file: &Path) -> Result<()> {
    no_link_leads_out(folder, file)?;
    if file.is_dir() {
        bail!("{} is a folder: move it away", shown_path(file));
    }
    if !file.is_symlink() && is_special(file) {
        bail!("{} is a device, pipe or socket: move it away, or download that object by itself", shown_path(file));
    }
    Ok(())
}

/// Refuses a file if what lies between the folder and it isn't folders.
fn no_link_leads_out(folder: &Path, file: &Path) -> Result<()> {
    let between = file.ancestors().skip(1).take_while(|above| *above != folder && above.starts_with(folder));
    for above in between {
        let Ok(metadata) = above.symlink_metadata() else { continue };
        if metadata.is_symlink() {
            bail!("{} is a link: move it away, or download to where it leads", shown_path(above));
        }
        if !metadata.is_dir() {
            bail!("{} is a file, and would have to be a folder: move it away", shown_path(above));
        }
    }
    Ok(())
}

/// Whether something is there that is neither a file nor a folder: a device, a pipe, a socket, or a link to one.
fn is_special(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir())
}

/// The relative path of a file for an object's path, which may hold what no file can be called.
fn relative(path: &str) -> Result<&Path> {
    let file = Path::new(path);
    let plain = file.components().all(|part| matches!(part, Component::Normal(_)));
    let same = !path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | "..")) && !path.contains('\0');
    if !plain || !same {
        bail!("no file can be called {path:?}: download that object by itself, to a file that you name");
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        assert!(relative("a/b c/é+%.txt").is_ok() && relative(r"a\b").is_ok());
        for bad in ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", "a/", "a\0b"] {
            assert!(relative(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_file_that_changed_since_it_was_listed_is_kept() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("notes");
        let listed = |text: &str| {
            fs::write(&file, text).unwrap();
            facts(&file).unwrap()
        };
        let later = |facts: &FileFacts| {
            let time = facts.changed + std::time::Duration::from_nanos(1);
            fs::File::options().write(true).open(&file).unwrap().set_modified(time).unwrap();
        };
        let old = listed("old");
        listed("typed meanwhile");
        assert!(!delete_unchanged(&file, &old).unwrap(), "another size");
        let old = listed("old");
        later(&old);
        assert!(!delete_unchanged(&file, &old).unwrap(), "another time");
        assert!(delete_unchanged(&file, &facts(&file).unwrap()).unwrap() && !file.exists());
        assert!(delete_unchanged(&file, &old).unwrap(), "it is gone already");
        fs::create_dir(&file).unwrap();
        assert!(!delete_unchanged(&file, &old).unwrap(), "a folder took its place");
    }

    #[test]
    fn no_link_is_followed_in_the_folder_and_nothing_in_the_way_is_replaced() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        fs::create_dir_all(target.join("plain")).unwrap();
        symlink(root.path(), target.join("link")).unwrap();
        symlink(&target, root.path().join("named")).unwrap();
        fs::write(target.join("file"), "").unwrap();
        for (file, is_fine) in [
            ("x", true),
            ("file", true),
            ("plain/x", true),
            ("new/x/y", true),
            ("link/x", false),
            ("link/x/y", false),
            ("file/x", false),
            ("plain", false),
        ] {
            assert_eq!(way_is_clear(&target, &target.join(file)).is_ok(), is_fine, "{file}");
        }
        let named = root.path().join("named");
        assert!(way_is_clear(&named, &named.join("plain/x")).is_ok(), "the folder itself may be a link");
        assert!(way_is_clear(Path::new("."), Path::new("./a/b")).is_ok());
    }
}
