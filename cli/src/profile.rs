//! The profile: the file that remembers how this user reaches a server. Owns its place, form and mode.
//! Invariant: the file is whole and readable by its owner only, also in the moment in which it is written.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// What the profile holds, as TOML under `[default]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// The server's URL.
    pub(crate) endpoint: String,
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    default: Profile,
}

/// Where the profile lies: `LAKEBED_PROFILE`, else `lakebed/profile.toml` in the user's configuration folder.
pub(crate) fn path() -> Result<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = variable("LAKEBED_PROFILE") {
        return Ok(path);
    }
    let folder = variable("XDG_CONFIG_HOME").or_else(|| variable("HOME").map(|home| home.join(".config")));
    Ok(folder.context("no HOME: say where the profile lies with LAKEBED_PROFILE")?.join("lakebed/profile.toml"))
}

/// Reads the profile, if there is one.
pub(crate) fn read(path: &Path) -> Result<Option<Profile>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("can't read the profile {}", path.display())),
    };
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        bail!("others may read the profile {0}: chmod 600 {0}", path.display());
    }
    let file: File = toml::from_str(&text).with_context(|| format!("{} isn't a valid profile", path.display()))?;
    Ok(Some(file.default))
}

/// Writes the profile over what was there.
pub(crate) fn write(path: &Path, profile: &Profile) -> Result<()> {
    let folder = path.parent().context("the profile's path names no file")?;
    let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
    let written = (|| {
        fs::create_dir_all(folder)?;
        let _ = fs::remove_file(&temporary);
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(toml::to_string(&File { default: profile.clone() })?.as_bytes())?;
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
        Profile { endpoint: text("http://x:1"), access_key_id: text("AK"), secret_access_key: text("s") }
    }

    #[test]
    fn what_is_written_is_read_again_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/profile.toml");
        assert_eq!(read(&path).unwrap(), None);
        write(&path, &profile()).unwrap();
        assert_eq!(read(&path).unwrap(), Some(profile()));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_profile_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("profile.toml");
        write(&path, &profile()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("chmod 600"));
    }
}
