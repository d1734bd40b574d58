//! The key under which secrets are encrypted. Owns where it comes from, and the check that it is the same as ever;
//! `auth::SecretBox` uses it. Invariant: a key that was made here lies in a file that only its owner may read, and no
//! other takes its place unseen.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use auth::SecretBox;
use model::SealedSecret;
use secrecy::{ExposeSecret, SecretString};

use super::config::EncryptionKeySource;
use crate::exit::usage;

/// The file that holds a sealed word: a key that opens it is the one that this data folder was used with.
const CHECK: &str = "encryption.check";

/// What to do when there is no key yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The first start makes one.
    Make,
    /// Another role has one, and this one needs the same.
    Refuse,
}

/// Opens the box of secrets, and makes sure that the key is the one that this data folder was used with before.
pub(crate) fn open(source: &EncryptionKeySource, data_dir: &Path, missing: Missing) -> Result<SecretBox> {
    let check = data_dir.join(CHECK);
    let secrets = match source {
        EncryptionKeySource::Text(text) => SecretBox::from_text(text)?,
        EncryptionKeySource::File(path) => read(path)?,
        EncryptionKeySource::Generated(path) => {
            if !path.exists() {
                make(path, &check, missing)?;
            }
            read(path)?
        }
    };
    if !matches_check(&secrets, &check)? {
        bail!(
            "this isn't the encryption key that {} was used with: start with that one (LAKEBED_ENCRYPTION_KEY or its \
             file), or no access key can be read",
            data_dir.display()
        );
    }
    Ok(secrets)
}

fn make(path: &Path, check: &Path, missing: Missing) -> Result<()> {
    if missing == Missing::Refuse {
        usage!("name the encryption key that the API server has: --encryption-key-file or LAKEBED_ENCRYPTION_KEY");
    }
    if check.exists() {
        bail!(
            "the encryption key {} is gone, and no access key can be read without it: put it back, or name its copy \
             with --encryption-key-file",
            path.display()
        );
    }
    let mut key = SecretBox::generate_key().expose_secret().to_owned();
    key.push('\n');
    create(path, SecretString::from(key).expose_secret().as_bytes())
        .with_context(|| format!("can't make the encryption key {}", path.display()))
}

/// Whether the key opens the sealed word; writes that at the first start.
fn matches_check(secrets: &SecretBox, path: &Path) -> Result<bool> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let sealed = hex::encode(secrets.seal(CHECK, &"lakebed".into()).0);
            create(path, sealed.as_bytes()).with_context(|| format!("can't write {}", path.display()))?;
            sealed
        }
        Err(error) => return Err(error).with_context(|| format!("can't read {}", path.display())),
    };
    let sealed = hex::decode(text.trim()).with_context(|| format!("{} is damaged", path.display()))?;
    Ok(secrets.open(CHECK, &SealedSecret(sealed)).is_ok())
}

fn read(path: &Path) -> Result<SecretBox> {
    let text = fs::read_to_string(path).with_context(|| format!("can't read the encryption key {}", path.display()))?;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("others may read the encryption key {0}: chmod 600 {0}", path.display());
    }
    SecretBox::from_text(&SecretString::from(text)).with_context(|| path.display().to_string())
}

/// Makes a private file, unless it is there by now. It is written whole under another name first: a crash leaves either
/// no file or this one.
fn create(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let temporary = PathBuf::from(format!("{}.{}", path.display(), std::process::id()));
    let _ = fs::remove_file(&temporary);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
    file.write_all(content)?;
    file.sync_all()?;
    let linked = fs::hard_link(&temporary, path);
    fs::remove_file(&temporary)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct DataDir(tempfile::TempDir);

    impl DataDir {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn key(&self) -> PathBuf {
            self.0.path().join("new/encryption.key")
        }

        fn open(&self, missing: Missing) -> Result<SecretBox> {
            open(&EncryptionKeySource::Generated(self.key()), self.key().parent().unwrap(), missing)
        }
    }

    #[test]
    fn the_first_start_makes_a_key_that_the_next_reads() {
        let dir = DataDir::new();
        let sealed = dir.open(Missing::Make).unwrap().seal("AK", &"secret".into());
        assert_eq!(dir.open(Missing::Make).unwrap().open("AK", &sealed).unwrap().expose_secret(), "secret");
        assert_eq!(fs::metadata(dir.key()).unwrap().permissions().mode() & 0o777, 0o600);
        let files = fs::read_dir(dir.key().parent().unwrap()).unwrap().count();
        assert_eq!(files, 2, "the key and its check, and no temporary file");
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let dir = DataDir::new();
        dir.open(Missing::Make).unwrap();
        fs::set_permissions(dir.key(), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(dir.open(Missing::Make).unwrap_err().to_string().contains("chmod 600"));
    }

    #[test]
    fn a_lost_key_isnt_replaced() {
        let dir = DataDir::new();
        dir.open(Missing::Make).unwrap();
        fs::remove_file(dir.key()).unwrap();
        assert!(dir.open(Missing::Make).unwrap_err().to_string().contains("is gone"));
        assert!(!dir.key().exists());
    }

    #[test]
    fn another_key_is_refused() {
        let dir = DataDir::new();
        dir.open(Missing::Make).unwrap();
        let other = EncryptionKeySource::Text(SecretBox::generate_key());
        let error = open(&other, dir.key().parent().unwrap(), Missing::Make).err().unwrap();
        assert!(error.to_string().contains("isn't the encryption key"), "{error}");
    }

    #[test]
    fn a_role_that_needs_anothers_key_makes_none() {
        let dir = DataDir::new();
        assert!(dir.open(Missing::Refuse).unwrap_err().to_string().contains("--encryption-key-file"));
        assert!(!dir.key().exists());
    }
}
