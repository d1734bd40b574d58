//! Which parts an object was completed of. A completion can be tried again after its answer was lost, and two of one upload
//! can race with other parts: then the address may hold an object that isn't the one that was asked for. Owns how one sees
//! it; leaves completing to `multipart`. Invariant: an object is taken for that of some parts only if its ETag or its bytes
//! prove it.

use model::Address;
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStoreExt};

use futures::TryStreamExt;
use md5::{Digest, Md5};

use crate::data::broken;
use crate::digest::BodyDigest;
use crate::source::unquoted;
use crate::{RepositoryStorage, StorageError, Stored};

/// A part that an object is completed of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompletionPart {
    /// From 1.
    pub number: u32,
    /// What the store calls it.
    pub id: String,
    /// Its bytes, if they went through this server.
    pub content: Option<Stored>,
}

/// What is known of the object once its store says that an upload is completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completed {
    /// It is of the parts that were named.
    OfThese,
    /// It may be of others, by a completion that came first: the store would say the same, and its ETag doesn't tell.
    /// [`RepositoryStorage::is_made_of`] does.
    Untold,
}

/// What is at the address of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Made {
    /// No object.
    Nothing,
    /// The object of the parts that were asked for.
    OfThese,
    /// An object of others, or one that can't be told from that.
    OfOthers,
}

impl RepositoryStorage {
    /// Returns whether the object at the address of an upload is of these parts. Reads it all if its ETag doesn't tell.
    pub async fn is_made_of(&self, address: &Address, parts: &[CompletionPart]) -> Result<bool, StorageError> {
        let path = self.paths().writable(address)?;
        Ok(self.made_of(address, &path, parts).await? == Made::OfThese)
    }

    /// Finds out what a completion made. Reads the object only if the store's ETag doesn't tell.
    pub(crate) async fn made_of(
        &self,
        address: &Address,
        path: &Path,
        parts: &[CompletionPart],
    ) -> Result<Made, StorageError> {
        let there = match self.stores().store.head(path).await {
            Ok(there) => there,
            Err(StoreError::NotFound { .. }) => return Ok(Made::Nothing),
            Err(error) => return Err(self.error(error, path)),
        };
        let contents: Option<Vec<Stored>> = parts.iter().map(|part| part.content).collect();
        let told = there.e_tag.and_then(|e_tag| is_e_tag_of(&e_tag, parts));
        let made_of_these = match (told, contents) {
            (Some(true), None) => true,
            (_, None) => false,
            (_, Some(contents)) if contents.iter().map(|part| part.size).sum::<u64>() != there.size => false,
            (Some(true), Some(_)) => true,
            (_, Some(contents)) => self.reads_as(address, &contents).await?,
        };
        Ok(if made_of_these { Made::OfThese } else { Made::OfOthers })
    }

    /// Returns whether an object's bytes are those of some parts, one after the other.
    async fn reads_as(&self, address: &Address, parts: &[Stored]) -> Result<bool, StorageError> {
        let mut start = 0;
        for part in parts {
            let mut body = self.get_data(address, start..start + part.size).await?;
            let mut digest = BodyDigest::new();
            while let Some(piece) = body.try_next().await.map_err(|e| broken(address, e))? {
                digest.update(&piece).await.map_err(|e| broken(address, e.into()))?;
            }
            if digest.finish().await.map_err(|e| broken(address, e.into()))? != part.md5 {
                return Ok(false);
            }
            start += part.size;
        }
        Ok(true)
    }
}

/// Returns whether an ETag is the one that S3 gives an object of these parts: the MD5 of their MD5s, and their number. `None` if
/// it doesn't tell, since the store's ETags are made in another way.
pub(crate) fn is_e_tag_of(e_tag: &str, parts: &[CompletionPart]) -> Option<bool> {
    let said = unquoted(e_tag);
    let (digest, count) = said.split_once('-')?;
    if digest.len() != 32 || hex::decode(digest).is_err() || count.parse::<u32>().is_err() {
        return None;
    }
    let mut whole = Md5::new();
    for part in parts {
        let md5: [u8; 16] = hex::decode(unquoted(&part.id)).ok()?.try_into().ok()?;
        if part.content.is_some_and(|content| content.md5 != md5) {
            return None;
        }
        whole.update(md5);
    }
    Some(said.eq_ignore_ascii_case(&format!("{}-{}", hex::encode(whole.finalize()), parts.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(number: u32, id: String, content: Option<&[u8]>) -> CompletionPart {
        let stored = |bytes: &[u8]| Stored { size: bytes.len() as u64, md5: Md5::digest(bytes).into() };
        CompletionPart { number, id, content: content.map(stored) }
    }

    fn md5(bytes: &[u8]) -> String {
        hex::encode(Md5::digest(bytes))
    }

    #[test]
    fn an_e_tag_tells_parts_only_where_it_is_made_of_their_md5s() {
        let parts = [part(1, format!("\"{}\"", md5(b"a")), Some(b"a")), part(2, md5(b"b"), Some(b"b"))];
        let whole = md5(&[Md5::digest(b"a"), Md5::digest(b"b")].concat());
        assert_eq!(is_e_tag_of(&format!("\"{whole}-2\""), &parts), Some(true));
        assert_eq!(is_e_tag_of(&format!("{whole}-2"), &parts[..1]), Some(false));
        assert_eq!(is_e_tag_of(&format!("{}-3", md5(b"x")), &parts), Some(false));
        for opaque in ["", "0x8DC", "1f-18a-20", &md5(b"x"), "zz-2"] {
            assert_eq!(is_e_tag_of(opaque, &parts), None, "{opaque}");
        }
        // Encrypted by the store: what it calls MD5s are none.
        let encrypted = [part(1, md5(b"other"), Some(b"a"))];
        assert_eq!(is_e_tag_of(&format!("{whole}-1"), &encrypted), None);
        // Uploaded past this server.
        assert_eq!(is_e_tag_of(&format!("{}-1", md5(&Md5::digest(b"a"))), &[part(1, md5(b"a"), None)]), Some(true));
    }
}
