//! Access keys: made, checked and compared. Owns their shape; leaves sealing to [`crate::SecretBox`] and keeping to the
//! metadata service. Invariant: a secret is only ever held in a `SecretString`, which shows itself to nobody's `Debug`.

use rand::TryRng;
use rand::rngs::SysRng;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use thiserror::Error;

/// The longest access key id that is taken.
pub const ACCESS_KEY_ID_BYTES_MAX: usize = 128;
/// The longest secret access key that is taken.
pub const SECRET_ACCESS_KEY_BYTES_MAX: usize = 256;

/// What generated ids begin with: AWS's `AK` for a long-lived key, its `AS` for a session's, and who made it.
const ID_PREFIX: &str = "AKLB";
const SESSION_ID_PREFIX: &str = "ASLB";
const ID_RANDOM_CHARS: usize = 16;
const SECRET_CHARS: usize = 40;

/// RFC 4648's base32, so that ids are as AWS's and survive being read aloud.
const ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// RFC 4648's base64, as in AWS's secrets.
const SECRET_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// An access key with its secret in the clear, to be shown once.
#[derive(Debug, Clone)]
pub struct NewCredentials {
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: SecretString,
}

/// A chosen access key that can't be taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidCredentials {
    /// The id has another shape.
    #[error("the access key id must have 3 to {ACCESS_KEY_ID_BYTES_MAX} letters, digits, '.', '-' or '_'")]
    AccessKeyId,
    /// The secret has another shape.
    #[error(
        "the secret access key must have 8 to {SECRET_ACCESS_KEY_BYTES_MAX} printable ASCII characters without spaces"
    )]
    SecretAccessKey,
}

/// Makes a random access key: an id of 20 characters (80 random bits) and a secret of 40 (240 random bits).
///
/// # Panics
/// When the operating system has no randomness, since nothing safe can be done then.
pub fn generate_credentials() -> NewCredentials {
    generate(ID_PREFIX)
}

/// Makes a random access key for a session.
///
/// # Panics
/// When the operating system has no randomness.
pub fn generate_session_credentials() -> NewCredentials {
    generate(SESSION_ID_PREFIX)
}

fn generate(prefix: &str) -> NewCredentials {
    let id = random_text(ID_ALPHABET, ID_RANDOM_CHARS);
    NewCredentials {
        access_key_id: format!("{prefix}{id}"),
        secret_access_key: random_text(SECRET_ALPHABET, SECRET_CHARS).into(),
    }
}

/// Draws an id that nobody can guess.
pub(crate) fn random_id() -> u128 {
    let mut bytes = [0; 16];
    SysRng.try_fill_bytes(&mut bytes).expect("the operating system gives randomness");
    u128::from_be_bytes(bytes)
}

/// Checks a key that an operator chose: the id must fit into a signature's scope and basic credentials (no `/`, no `:`),
/// and the secret must survive a shell, a header and a file.
pub fn check_credentials(access_key_id: &str, secret_access_key: &SecretString) -> Result<(), InvalidCredentials> {
    let id_char = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if !(3..=ACCESS_KEY_ID_BYTES_MAX).contains(&access_key_id.len()) || !access_key_id.bytes().all(id_char) {
        return Err(InvalidCredentials::AccessKeyId);
    }
    let secret = secret_access_key.expose_secret();
    if !(8..=SECRET_ACCESS_KEY_BYTES_MAX).contains(&secret.len()) || !secret.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(InvalidCredentials::SecretAccessKey);
    }
    Ok(())
}

/// Compares two secrets in a time that tells nothing but whether their lengths differ.
pub fn secrets_match(known: &SecretString, offered: &SecretString) -> bool {
    known.expose_secret().as_bytes().ct_eq(offered.expose_secret().as_bytes()).into()
}

/// Draws characters of an alphabet whose size divides 256, so that each is as likely as any other.
fn random_text<const N: usize>(alphabet: &[u8; N], chars: usize) -> String {
    const { assert!(256 % N == 0) };
    let mut bytes = vec![0; chars];
    SysRng.try_fill_bytes(&mut bytes).expect("the operating system gives randomness");
    bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % N])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_keys_have_their_shape_and_pass_the_check() {
        let (a, b) = (generate_credentials(), generate_credentials());
        for key in [&a, &b] {
            assert_eq!(key.access_key_id.len(), 20);
            assert!(key.access_key_id.starts_with("AKLB"));
            assert_eq!(key.secret_access_key.expose_secret().len(), 40);
            assert_eq!(check_credentials(&key.access_key_id, &key.secret_access_key), Ok(()));
        }
        assert_ne!(a.access_key_id, b.access_key_id);
        assert!(!secrets_match(&a.secret_access_key, &b.secret_access_key));
        assert!(secrets_match(&a.secret_access_key, &a.secret_access_key.clone()));
    }

    #[test]
    fn chosen_keys_are_checked() {
        let secret = || SecretString::from("long-enough");
        for bad in ["", "ab", "a:b", "a/b", "a b", &"x".repeat(129)] {
            assert_eq!(check_credentials(bad, &secret()), Err(InvalidCredentials::AccessKeyId), "{bad:?}");
        }
        for bad in ["", "short", "with space in it", "tab\tinside-it", &"x".repeat(257)] {
            let secret = SecretString::from(bad);
            assert_eq!(check_credentials("admin", &secret), Err(InvalidCredentials::SecretAccessKey), "{bad:?}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = generate_credentials();
        assert!(!format!("{key:?}").contains(key.secret_access_key.expose_secret()));
    }
}
