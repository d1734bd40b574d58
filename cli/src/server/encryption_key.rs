//! The key under which secrets are encrypted. Owns where it comes from; `auth::SecretBox` uses it.
//! Invariant: a key that was made here lies in a file that only its owner may read.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, Result, bail};
use auth::SecretBox;
use secrecy::{ExposeSecret, SecretString};

use super::config::EncryptionKeySource;

/// Opens the box of secrets, making the key at the first start.
pub(crate) fn open(source: &EncryptionKeySource) -> Result<SecretBox> {
    match source {
        EncryptionKeySource::Text(text) => Ok(SecretBox::from_text(text)?),
        EncryptionKeySource::File(path) => read(path),
        EncryptionKeySource::Generated(path) => match create(path) {
            Ok(()) => read(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => read(path),
            Err(error) => Err(error).with_context(|| format!("can't make the encryption key {}", path.display())),
        },
    }
}

fn read(path: &Path) -> Result<SecretBox> {
    let text = fs::read_to_string(path).with_context(|| format!("can't read the encryption key {}", path.display()))?;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("others may read the encryption key {0}: chmod 600 {0}", path.display());
    }
    SecretBox::from_text(&SecretString::from(text)).with_context(|| path.display().to_string())
}

fn create(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    // Written whole under another name first: a crash leaves either no key or this one.
    let mut file = tempfile_in(folder)?;
    file.1.write_all(SecretBox::generate_key().expose_secret().as_bytes())?;
    file.1.write_all(b"\n")?;
    file.1.sync_all()?;
    let linked = fs::hard_link(&file.0, path);
    fs::remove_file(&file.0)?;
    linked?;
    fs::File::open(folder)?.sync_all()
}

fn tempfile_in(folder: &Path) -> std::io::Result<(std::path::PathBuf, fs::File)> {
    let path = folder.join(format!("encryption.key.{}", std::process::id()));
    let _ = fs::remove_file(&path);
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    Ok((path, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_start_makes_a_key_that_the_next_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/encryption.key");
        let source = EncryptionKeySource::Generated(path.clone());
        let sealed = open(&source).unwrap().seal("AK", &"secret".into());
        assert_eq!(open(&source).unwrap().open("AK", &sealed).unwrap().expose_secret(), "secret");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("encryption.key");
        open(&EncryptionKeySource::Generated(path.clone())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(open(&EncryptionKeySource::File(path)).unwrap_err().to_string().contains("chmod 600"));
    }
}
