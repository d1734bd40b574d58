//! Encrypts secret access keys under the installation's key. Owns the sealed form; leaves where the key comes from to
//! the composition root and where sealed secrets lie to the metadata service.
//! Invariant: a sealed secret opens only under the key and for the access key id that it was sealed with.
//!
//! The form is one version byte (1), a random nonce of 24 bytes, and XChaCha20-Poly1305's ciphertext with its tag; the
//! associated data is the access key id (draft-irtf-cfrg-xchacha-03). The nonce is long enough to be drawn at random.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use model::SealedSecret;
use rand::TryRng;
use rand::rngs::SysRng;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use thiserror::Error;

const VERSION: u8 = 1;
const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
const CERTIFICATE_BYTES: usize = 16;

/// What an installation's id is derived for.
const INSTALLATION: &str = "lakebed 2026-11 id of the installation";
const INSTALLATION_BYTES: usize = 16;

/// What the key of certificates is derived for.
const CERTIFICATES: &str = "lakebed 2026-11 certificates of texts";

/// A key's text that isn't a key. For the operator; never shows the text.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the encryption key (LAKEBED_ENCRYPTION_KEY or its file) must be 32 bytes as 64 hex digits or as base64")]
pub struct InvalidKey;

/// A sealed secret that doesn't open. For the operator.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OpenError {
    /// Another key, another access key id, or changed bytes.
    #[error(
        "the secret of access key {access_key_id} doesn't open: it was encrypted under another key; start the server \
         with the encryption key of this installation (LAKEBED_ENCRYPTION_KEY or its file)"
    )]
    WrongKey {
        /// Whose secret.
        access_key_id: String,
    },
    /// Written by a newer version, or cut short.
    #[error("the secret of access key {access_key_id} has a form that this version doesn't know: run a newer version")]
    UnknownForm {
        /// Whose secret.
        access_key_id: String,
    },
}

/// Seals and opens secret access keys. Cheap enough to make; share it by `Arc`.
#[derive(Clone)]
pub struct SecretBox {
    cipher: XChaCha20Poly1305,
    key: Zeroizing<[u8; KEY_BYTES]>,
}

impl SecretBox {
    /// A box under a key of 32 bytes.
    pub fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self { cipher: XChaCha20Poly1305::new(key.into()), key: Zeroizing::new(*key) }
    }

    /// A key for another purpose, from which this one can't be told.
    pub(crate) fn derived(&self, purpose: &str) -> Zeroizing<[u8; KEY_BYTES]> {
        Zeroizing::new(blake3::derive_key(purpose, self.key.as_slice()))
    }

    /// The installation's id, for anybody: servers with the same key have the same, and it tells nothing of the key.
    pub fn installation_id(&self) -> String {
        hex::encode(&self.derived(INSTALLATION)[..INSTALLATION_BYTES])
    }

    /// A box under a key written as 64 hex digits or as base64, with white space around it allowed.
    pub fn from_text(text: &SecretString) -> Result<Self, InvalidKey> {
        let text = text.expose_secret().trim();
        let bytes = Zeroizing::new(decode_key(text).ok_or(InvalidKey)?);
        let key: &[u8; KEY_BYTES] = bytes.as_slice().try_into().map_err(|_| InvalidKey)?;
        Ok(Self::new(key))
    }

    /// A random key in the form that [`Self::from_text`] reads, for a first start.
    ///
    /// # Panics
    /// When the operating system has no randomness.
    pub fn generate_key() -> SecretString {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        SysRng.try_fill_bytes(key.as_mut_slice()).expect("the operating system gives randomness");
        hex::encode(key.as_slice()).into()
    }

    /// Encrypts a secret for one access key id.
    ///
    /// # Panics
    /// When the operating system has no randomness.
    pub fn seal(&self, access_key_id: &str, secret: &SecretString) -> SealedSecret {
        let mut nonce = [0; NONCE_BYTES];
        SysRng.try_fill_bytes(&mut nonce).expect("the operating system gives randomness");
        let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: access_key_id.as_bytes() };
        let sealed = self.cipher.encrypt(XNonce::from_slice(&nonce), payload);
        let sealed = sealed.expect("a secret is far shorter than the cipher's bound");
        SealedSecret([&[VERSION][..], &nonce, &sealed].concat())
    }

    /// A certificate that this installation said a text, as hex digits: BLAKE3 under a key of its own, 128 bits of it.
    pub fn certify(&self, text: &str) -> String {
        let key = self.derived(CERTIFICATES);
        hex::encode(&blake3::keyed_hash(&key, text.as_bytes()).as_bytes()[..CERTIFICATE_BYTES])
    }

    /// Whether a certificate is this installation's, of this text.
    pub fn is_certified(&self, text: &str, certificate: &str) -> bool {
        self.certify(text).as_bytes().ct_eq(certificate.as_bytes()).into()
    }

    /// Decrypts the secret of one access key id.
    pub fn open(&self, access_key_id: &str, sealed: &SealedSecret) -> Result<SecretString, OpenError> {
        let unknown = || OpenError::UnknownForm { access_key_id: access_key_id.into() };
        let wrong = || OpenError::WrongKey { access_key_id: access_key_id.into() };
        let (version, rest) = sealed.0.split_first().ok_or_else(unknown)?;
        let (nonce, sealed) = rest.split_at_checked(NONCE_BYTES).ok_or_else(unknown)?;
        if *version != VERSION {
            return Err(unknown());
        }
        let payload = Payload { msg: sealed, aad: access_key_id.as_bytes() };
        let secret = self.cipher.decrypt(XNonce::from_slice(nonce), payload).map_err(|_| wrong())?;
        String::from_utf8(secret).map(SecretString::from).map_err(|_| wrong())
    }
}

impl fmt::Debug for SecretBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBox(…)")
    }
}

/// 64 characters can't be the base64 of 32 bytes, so the two forms don't meet.
fn decode_key(text: &str) -> Option<Vec<u8>> {
    if text.len() == 2 * KEY_BYTES {
        return hex::decode(text).ok();
    }
    [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD].iter().find_map(|form| form.decode(text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> SecretString {
        "wJalrXUtnFEMI/K7MDENG".into()
    }

    #[test]
    fn what_is_sealed_opens_again_and_never_looks_the_same() {
        let secrets = SecretBox::new(&[7; 32]);
        let (a, b) = (secrets.seal("AKLB1", &secret()), secrets.seal("AKLB1", &secret()));
        assert_ne!(a, b);
        assert_eq!(secrets.open("AKLB1", &a).unwrap().expose_secret(), secret().expose_secret());
        let clear = secret().expose_secret().as_bytes().to_vec();
        assert!(!a.0.windows(clear.len()).any(|window| window == clear));
    }

    #[test]
    fn another_key_another_id_or_changed_bytes_dont_open() {
        let secrets = SecretBox::new(&[7; 32]);
        let sealed = secrets.seal("AKLB1", &secret());
        let error = SecretBox::new(&[8; 32]).open("AKLB1", &sealed).unwrap_err();
        assert!(error.to_string().contains("LAKEBED_ENCRYPTION_KEY"), "{error}");
        assert!(matches!(secrets.open("AKLB2", &sealed), Err(OpenError::WrongKey { .. })));
        for i in 0..sealed.0.len() {
            let mut changed = sealed.clone();
            changed.0[i] ^= 1;
            assert!(secrets.open("AKLB1", &changed).is_err(), "byte {i}");
            changed.0.truncate(i);
            assert!(secrets.open("AKLB1", &changed).is_err(), "{i} bytes");
        }
    }

    #[test]
    fn keys_are_read_from_hex_and_base64() {
        let key: Vec<u8> = (0..32).collect();
        let sealed = SecretBox::new(key.as_slice().try_into().unwrap()).seal("a", &secret());
        for text in [hex::encode(&key), STANDARD.encode(&key), format!("{}\n", URL_SAFE_NO_PAD.encode(&key))] {
            let secrets = SecretBox::from_text(&text.clone().into()).unwrap();
            assert!(secrets.open("a", &sealed).is_ok(), "{text}");
        }
        for bad in ["", "abc", &"0".repeat(62), &"g".repeat(64), &STANDARD.encode([0; 31])] {
            assert!(SecretBox::from_text(&(*bad).into()).is_err(), "{bad:?}");
        }
        assert!(SecretBox::from_text(&SecretBox::generate_key()).is_ok());
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", SecretBox::new(&[7; 32])), "SecretBox(…)");
    }

    #[test]
    fn certificates_are_of_one_text_and_one_installation() {
        let secrets = SecretBox::new(&[7; 32]);
        let certificate = secrets.certify("a");
        assert!(secrets.is_certified("a", &certificate));
        assert!(!secrets.is_certified("b", &certificate) && !secrets.is_certified("a", "00ff"));
        assert!(!SecretBox::new(&[8; 32]).is_certified("a", &certificate));
    }
}
