//! Profiles: the file that remembers how this user reaches servers. Owns its place, form and mode.
//! Invariant: the file is whole and readable by its owner only, also in the moment in which it is written.

use std::collections::BTreeMap;
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// The profile of who names none.
pub(crate) const DEFAULT: &str = "default";

/// What one profile holds, as TOML under its name: `[default]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// The server's URL.
    pub(crate) endpoint: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    /// If the key is a session's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) session_token: Option<String>,
}

/// Profiles by their names.
type File = BTreeMap<String, Profile>;

/// Where profiles lie: `LAKEBED_PROFILE_FILE`, else `lakebed/profile.toml` in the user's configuration folder.
pub(crate) fn path() -> Result<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = variable("LAKEBED_PROFILE_FILE") {
        return Ok(path);
    }
    let folder = variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|home| home.join(".config")));
    Ok(folder.context("no HOME: say where the profile lies with LAKEBED_PROFILE_FILE")?.join("lakebed/profile.toml"))
}

/// Reads a profile, if there is one of this name.
pub(crate) fn read(path: &Path, name: &str) -> Result<Option<Profile>> {
    Ok(read_all(path)?.remove(name))
}

fn read_all(path: &Path) -> Result<File> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(File::new()),
        Err(error) => return Err(error).with_context(|| format!("can't read the profile {}", path.display())),
    };
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        bail!("others may read the profile {0}: chmod 600 {0}", path.display());
    }
    toml::from_str(&text).with_context(|| format!("{} isn't a valid profile", path.display()))
}

/// Writes a profile over what was there under its name; others stay.
pub(crate) fn write(path: &Path, name: &str, profile: &Profile) -> Result<()> {
    let mut profiles = read_all(path)?;
    profiles.insert(name.to_owned(), profile.clone());
    let folder = path.parent().context("the profile's path names no file")?;
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = (|| {
        fs::create_dir_all(folder)?;
        let _ = fs::remove_file(&temporary);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(toml::to_string(&profiles)?.as_bytes())?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        anyhow::Ok(())
    })();
    written.with_context(|| format!("can't write the profile {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> Profile {
        let text = |text: &str| text.to_owned();
        Profile {
            endpoint: text("http://x:1"),
            access_key_id: text("AK"),
            secret_access_key: text("s"),
            session_token: None,
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/profile.toml");
        assert_eq!(read(&path, DEFAULT).unwrap(), None);
        write(&path, DEFAULT, &profile()).unwrap();
        let second = Profile { session_token: Some("t".to_owned()), ..profile() };
        write(&path, "second", &second).unwrap();
        assert_eq!(read(&path, DEFAULT).unwrap(), Some(profile()));
        assert_eq!(read(&path, "second").unwrap(), Some(second));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_profile_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile.toml");
        write(&path, DEFAULT, &profile()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read(&path, DEFAULT).unwrap_err().to_string().contains("chmod 600"));
    }
}
