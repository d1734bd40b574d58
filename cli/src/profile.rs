//! Profiles: the file that remembers how this user reaches servers. Owns its place, form and mode. Invariants: the file is
//! whole and readable by its owner only, also in the moment in which it is written; a file that can't be read is never
//! written over; and no long-lived key is ever dropped: the profile that takes its place leaves it under another name.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::environment;

/// The profile of commands that name none.
pub(crate) const DEFAULT: &str = "default";

/// What one profile holds, as TOML under its name: `[default]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// The server's URL.
    pub(crate) endpoint: String,
    /// The installation that the key is of, which may move to another URL or share one with others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) installation: Option<String>,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    /// If the key is a session's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session_token: Option<String>,
}

/// All profiles of a file, by their names.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Profiles(BTreeMap<String, Profile>);

/// What became of the profile that a written one took the place of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// The name that it has now.
    pub(crate) name: String,
    /// Its key.
    pub(crate) access_key_id: String,
}

impl Profiles {
    /// The profile of a name.
    pub(crate) fn named(&self, name: &str) -> Option<&Profile> {
        self.0.get(name)
    }

    /// The profiles of a URL, that of the name `default` first.
    pub(crate) fn of_endpoint(&self, endpoint: &str) -> Vec<(&str, &Profile)> {
        self.that(|profile| is_same_endpoint(&profile.endpoint, endpoint))
    }

    /// The profiles of an installation, that of the name `default` first.
    pub(crate) fn of_installation(&self, id: &str) -> Vec<(&str, &Profile)> {
        self.that(|profile| profile.installation.as_deref() == Some(id))
    }

    fn that(&self, fits: impl Fn(&Profile) -> bool) -> Vec<(&str, &Profile)> {
        let mut found: Vec<_> = self
            .0
            .iter()
            .filter(|(_, profile)| fits(profile))
            .map(|(name, profile)| (name.as_str(), profile))
            .collect();
        found.sort_by_key(|(name, _)| *name != DEFAULT);
        found
    }

    /// The name for a profile that nobody named: that of its installation's, `default` if it is free, or a new one.
    pub(crate) fn name_for(&self, profile: &Profile) -> String {
        let of_installation = profile.installation.as_deref().map(|id| self.of_installation(id)).unwrap_or_default();
        if let Some((name, _)) = of_installation.first() {
            return (*name).to_owned();
        }
        match self.0.get(DEFAULT) {
            None => DEFAULT.to_owned(),
            // Written before profiles knew their installations.
            Some(there) if there.installation.is_none() && there.access_key_id == profile.access_key_id => {
                DEFAULT.to_owned()
            }
            Some(_) => self.free_name(&format!("server-{}", shortened(profile.installation.as_deref()))),
        }
    }

    fn free_name(&self, wanted: &str) -> String {
        let others = (2..).map(|number| format!("{wanted}-{number}"));
        let mut names = std::iter::once(wanted.to_owned()).chain(others);
        names.find(|name| !self.0.contains_key(name)).expect("because there is no end of names")
    }

    /// Puts a profile under a name. A long-lived key that was there gets another name.
    fn put(&mut self, name: &str, profile: Profile) -> Option<Kept> {
        let before = self.0.insert(name.to_owned(), profile);
        let is_lost = |lost: &Profile| {
            lost.session_token.is_none() && !self.0.values().any(|kept| kept.access_key_id == lost.access_key_id)
        };
        let lost = before.filter(is_lost)?;
        let access_key_id = lost.access_key_id.clone();
        let kept = self.free_name(&format!("{name}-{}", access_key_id.replace('.', "_")));
        self.0.insert(kept.clone(), lost);
        Some(Kept { name: kept, access_key_id })
    }
}

/// The beginning of an installation's id: enough to tell a user's few apart.
fn shortened(installation: Option<&str>) -> &str {
    let id = installation.unwrap_or("unknown");
    id.get(..8).unwrap_or(id)
}

/// Returns whether two URLs are those of one server: case and a slash at the end don't matter.
pub(crate) fn is_same_endpoint(one: &str, other: &str) -> bool {
    one.trim_end_matches('/').eq_ignore_ascii_case(other.trim_end_matches('/'))
}

/// Where profiles lie: `LAKEBED_PROFILE_FILE`, else `lakebed/profile.toml` in the user's configuration folder.
pub(crate) fn path() -> Result<PathBuf> {
    let variable = |name: &str| environment::os(name).map(PathBuf::from);
    if let Some(path) = variable("LAKEBED_PROFILE_FILE") {
        return Ok(path);
    }
    let folder = variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|home| home.join(".config")));
    Ok(folder.context("no HOME: say where the profile lies with LAKEBED_PROFILE_FILE")?.join("lakebed/profile.toml"))
}

/// Reads all profiles; no file has none.
pub(crate) fn read(path: &Path) -> Result<Profiles> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Profiles::default()),
        Err(error) => return Err(error).with_context(|| format!("can't read the profile {}", path.display())),
    };
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        bail!("others may read the profile {0}: chmod 600 {0}", path.display());
    }
    toml::from_str(&text).with_context(|| format!("{} isn't a valid profile", path.display()))
}

/// Writes a profile under a name, or under one that is chosen for it. → the name, and what became of what was there
pub(crate) fn write(path: &Path, name: Option<&str>, profile: Profile) -> Result<(String, Option<Kept>)> {
    let written = (|| {
        // A link stays a link to the file that is written.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let folder = File::open(folder)?;
        // Two writers at once would each write what the other hasn't read.
        folder.lock()?;
        let mut profiles = read(&path)?;
        let name = name.map_or_else(|| profiles.name_for(&profile), str::to_owned);
        let kept = profiles.put(&name, profile);
        replace(&path, &toml::to_string(&profiles)?)?;
        folder.sync_all()?;
        anyhow::Ok((name, kept))
    })();
    written.with_context(|| format!("can't write the profile {}", path.display()))
}

fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let _ = fs::remove_file(&temporary);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(endpoint: &str, installation: Option<&str>, key: &str) -> Profile {
        let text = |text: &str| text.to_owned();
        Profile {
            endpoint: text(endpoint),
            installation: installation.map(text),
            access_key_id: text(key),
            secret_access_key: format!("secret of {key}"),
            session_token: None,
        }
    }

    fn session(of: Profile) -> Profile {
        Profile { session_token: Some("t".to_owned()), ..of }
    }

    #[test]
    fn what_is_written_is_read_again_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/profile.toml");
        assert_eq!(read(&path).unwrap(), Profiles::default());
        let (first, second) = (profile("http://x:1", None, "AK"), session(profile("http://x:2", Some("i2"), "AS")));
        write(&path, Some(DEFAULT), first.clone()).unwrap();
        write(&path, Some("second"), second.clone()).unwrap();
        let profiles = read(&path).unwrap();
        assert_eq!((profiles.named(DEFAULT), profiles.named("second")), (Some(&first), Some(&second)));
        assert_eq!(profiles.of_endpoint("HTTP://X:2/"), [("second", &second)]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn servers_at_one_address_have_profiles_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile.toml");
        let at = |installation, key| profile("http://127.0.0.1:8000", Some(installation), key);
        assert_eq!(write(&path, None, at("1111111111", "AK1")).unwrap(), (DEFAULT.to_owned(), None));
        assert_eq!(write(&path, None, at("2222222222", "AK2")).unwrap(), ("server-22222222".to_owned(), None));
        assert_eq!(write(&path, None, at("2222222222", "AK2")).unwrap().0, "server-22222222");
        let profiles = read(&path).unwrap();
        let names =
            |found: Vec<(&str, &Profile)>| found.into_iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(names(profiles.of_endpoint("http://127.0.0.1:8000")), [DEFAULT, "server-22222222"]);
        assert_eq!(names(profiles.of_installation("2222222222")), ["server-22222222"]);
    }

    #[test]
    fn no_long_lived_key_is_ever_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile.toml");
        let put = |key: Profile| write(&path, Some(DEFAULT), key).unwrap().1;
        let one = |key| profile("http://x:1", Some("i"), key);
        assert_eq!(put(one("AK.1")), None);
        assert_eq!(put(one("AK.1")), None, "the same key");
        let kept = put(session(one("AS1"))).unwrap();
        assert_eq!((kept.name.as_str(), kept.access_key_id.as_str()), ("default-AK_1", "AK.1"));
        assert_eq!(put(session(one("AS2"))), None, "keys of sessions end by themselves");
        assert_eq!(put(one("AK2")), None);
        assert_eq!(put(one("AK.1")).unwrap().name, "default-AK2");
        let profiles = read(&path).unwrap();
        let keys: Vec<_> = profiles.0.values().map(|profile| profile.access_key_id.as_str()).collect();
        assert_eq!(keys, ["AK.1", "AK2", "AK.1"], "{profiles:?}");
    }

    #[test]
    fn a_file_that_can_t_be_read_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile.toml");
        for text in ["[default", "[default]\nendpoint = 7", "[default]\nnew_field = 'x'"] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            write(&path, None, profile("http://x:1", None, "AK")).unwrap_err();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn writers_at_once_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile.toml");
        std::thread::scope(|scope| {
            for number in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    let id = format!("{number}{number}{number}{number}");
                    write(path, None, profile("http://x:1", Some(&id), &format!("AK{number}"))).unwrap();
                });
            }
        });
        assert_eq!(read(&path).unwrap().0.len(), 8);
    }
}
