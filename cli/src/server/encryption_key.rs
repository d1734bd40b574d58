//! The key under which secrets are encrypted. Owns where it comes from, and the check that it is the same as ever;
//! `auth::SecretBox` uses it. Invariant: a key that was made here lies in a file that only its owner may read, and no
//! other takes its place unseen.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use auth::SecretBox;
use model::SealedSecret;
use secrecy::{ExposeSecret, SecretString};

use super::config::EncryptionKeySource;
use crate::exit::usage;

/// The file that holds a sealed word: a key that opens it is the one that this data folder was used with.
const CHECK: &str = "encryption.check";
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// What to do when there is no key yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// The first start makes one.
    Make,
    /// Another role has one, and this one needs the same.
    Refuse,
}

/// The box of secrets, and what shows that it is the right one.
pub(crate) struct EncryptionKey {
    secrets: SecretBox,
    check: PathBuf,
}

impl EncryptionKey {
    /// Opens the box of secrets, and makes sure that the key is the one that this data folder was used with before.
    pub(crate) fn open(source: &EncryptionKeySource, data_dir: &Path, missing: Missing) -> Result<Self> {
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
        let key = Self { secrets, check };
        if !key.fits()? {
            bail!(
                "this isn't the encryption key that {} was used with: start with that one (LAKEBED_ENCRYPTION_KEY or its \
                 file), or no access key can be read",
                data_dir.display()
            );
        }
        Ok(key)
    }

    /// The box.
    pub(crate) fn secrets(&self) -> &SecretBox {
        &self.secrets
    }

    /// The file that shows that this data folder has been in use, if it was.
    pub(crate) fn proof_of_use(&self) -> Option<PathBuf> {
        self.check.exists().then(|| self.check.clone())
    }

    /// Writes the sealed word, if it isn't there: from now on the data folder is in use, with this key. Call it when the
    /// metadata are there, so that the word proves that they were.
    pub(crate) fn mark_in_use(&self) -> Result<()> {
        if self.check.exists() {
            return Ok(());
        }
        let sealed = hex::encode(self.secrets.seal(CHECK, &"lakebed".into()).0);
        durable::create_file(&self.check, sealed.as_bytes(), FILE_MODE)
            .with_context(|| format!("can't write {}", self.check.display()))?;
        Ok(())
    }

    /// Whether the key opens the sealed word, if there is one.
    fn fits(&self) -> Result<bool> {
        let path = &self.check;
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
            Err(error) => return Err(error).with_context(|| format!("can't read {}", path.display())),
        };
        let sealed = hex::decode(text.trim()).with_context(|| format!("{} is damaged", path.display()))?;
        Ok(self.secrets.open(CHECK, &SealedSecret(sealed)).is_ok())
    }
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
    let key = SecretString::from(key);
    let made = durable::make_folder(path.parent().unwrap_or(Path::new(".")), FOLDER_MODE)
        .and_then(|()| durable::create_file(path, key.expose_secret().as_bytes(), FILE_MODE));
    made.map(drop).with_context(|| format!("can't make the encryption key {}", path.display()))
}

fn read(path: &Path) -> Result<SecretBox> {
    let text = fs::read_to_string(path).with_context(|| format!("can't read the encryption key {}", path.display()))?;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!("others may read the encryption key {0}: chmod 600 {0}", path.display());
    }
    SecretBox::from_text(&SecretString::from(text)).with_context(|| path.display().to_string())
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

        fn open(&self, missing: Missing) -> Result<EncryptionKey> {
            EncryptionKey::open(&EncryptionKeySource::Generated(self.key()), self.key().parent().unwrap(), missing)
        }

        /// Opens it as a start that succeeds does.
        fn open_and_use(&self) -> SecretBox {
            let key = self.open(Missing::Make).unwrap();
            key.mark_in_use().unwrap();
            key.secrets().clone()
        }
    }

    #[test]
    fn the_first_start_makes_a_key_that_the_next_reads() {
        let dir = DataDir::new();
        let sealed = dir.open_and_use().seal("AK", &"secret".into());
        assert_eq!(dir.open_and_use().open("AK", &sealed).unwrap().expose_secret(), "secret");
        assert_eq!(fs::metadata(dir.key()).unwrap().permissions().mode() & 0o777, 0o600);
        let files = fs::read_dir(dir.key().parent().unwrap()).unwrap().count();
        assert_eq!(files, 2, "the key and its check, and no temporary file");
    }

    #[test]
    fn a_start_that_failed_proves_no_use() {
        let dir = DataDir::new();
        assert_eq!(dir.open(Missing::Make).unwrap().proof_of_use(), None);
        assert_eq!(dir.open(Missing::Make).unwrap().proof_of_use(), None);
        dir.open_and_use();
        assert!(dir.open(Missing::Make).unwrap().proof_of_use().unwrap().ends_with(CHECK));
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let dir = DataDir::new();
        dir.open(Missing::Make).unwrap();
        fs::set_permissions(dir.key(), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(dir.open(Missing::Make).err().unwrap().to_string().contains("chmod 600"));
    }

    #[test]
    fn a_lost_key_isnt_replaced() {
        let dir = DataDir::new();
        dir.open_and_use();
        fs::remove_file(dir.key()).unwrap();
        assert!(dir.open(Missing::Make).err().unwrap().to_string().contains("is gone"));
        assert!(!dir.key().exists());
    }

    #[test]
    fn another_key_is_refused() {
        let dir = DataDir::new();
        dir.open_and_use();
        let other = EncryptionKeySource::Text(SecretBox::generate_key());
        let error = EncryptionKey::open(&other, dir.key().parent().unwrap(), Missing::Make).err().unwrap();
        assert!(error.to_string().contains("isn't the encryption key"), "{error}");
    }

    #[test]
    fn a_role_that_needs_anothers_key_makes_none() {
        let dir = DataDir::new();
        assert!(dir.open(Missing::Refuse).err().unwrap().to_string().contains("--encryption-key-file"));
        assert!(!dir.key().exists());
    }
}
