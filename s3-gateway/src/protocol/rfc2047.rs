//! Metadata that isn't ASCII, as it travels in headers: the encoded words of RFC 2047, as S3 has them. Owns both ways; leaves
//! which headers hold such values to others. Invariant: what is encoded is printable ASCII, and decodes to the same text.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// The most bytes of text in one word: a word has at most 75 characters (RFC 2047, 2), of which 12 are its frame.
const WORD_BYTES_MAX: usize = 45;

/// Writes a text so that any reader of headers takes it: as it is, if that is printable ASCII and can't be taken for encoded
/// words; else as encoded words.
pub(crate) fn encode(text: &str) -> Cow<'_, str> {
    let is_plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && !text.starts_with(' ')
        && !text.ends_with(' ')
        && !text.contains("=?");
    if is_plain {
        return Cow::Borrowed(text);
    }
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (word, after) = rest.split_at(rest.floor_char_boundary(WORD_BYTES_MAX));
        words.push(format!("=?UTF-8?B?{}?=", BASE64.encode(word)));
        rest = after;
    }
    Cow::Owned(words.join(" "))
}

/// Reads a text with encoded words in it. What isn't one, or is of a character set that isn't known here, stays as it is.
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains("=?") {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::new();
    let mut run = Run::default();
    for token in text.split_inclusive([' ', '\t']) {
        let (word, space) = token.split_at(token.trim_end_matches([' ', '\t']).len());
        match encoded_word(word) {
            Some(bytes) => run.add(&bytes, word, space),
            // White space between words is part of neither; more of it comes as empty tokens.
            None if word.is_empty() && !run.raw.is_empty() => run.space.push_str(space),
            None => {
                run.end(&mut decoded);
                decoded.push_str(token);
            }
        }
    }
    run.end(&mut decoded);
    Cow::Owned(decoded)
}

/// Encoded words with nothing but white space between them: a character may begin in one and end in the next.
#[derive(Default)]
struct Run {
    bytes: Vec<u8>,
    /// The words as they came.
    raw: String,
    /// What came after the last of them.
    space: String,
}

impl Run {
    fn add(&mut self, bytes: &[u8], word: &str, space: &str) {
        self.bytes.extend_from_slice(bytes);
        self.raw.push_str(&std::mem::take(&mut self.space));
        self.raw.push_str(word);
        space.clone_into(&mut self.space);
    }

    fn end(&mut self, out: &mut String) {
        let Self { bytes, raw, space } = std::mem::take(self);
        out.push_str(&String::from_utf8(bytes).unwrap_or(raw));
        out.push_str(&space);
    }
}

/// The bytes of `=?charset?encoding?text?=`, in UTF-8; none if it isn't one.
fn encoded_word(word: &str) -> Option<Vec<u8>> {
    let mut fields = word.strip_prefix("=?")?.strip_suffix("?=")?.split('?');
    let (charset, encoding, text) = (fields.next()?, fields.next()?, fields.next()?);
    // A language may follow the character set (RFC 2231, 5).
    let charset = charset.split('*').next().unwrap_or_default();
    let bytes = match encoding {
        "B" | "b" => BASE64.decode(text).ok()?,
        "Q" | "q" => quoted(text)?,
        _ => return None,
    };
    match charset.to_ascii_lowercase().as_str() {
        _ if fields.next().is_some() => None,
        "utf-8" => Some(bytes),
        "us-ascii" => bytes.is_ascii().then_some(bytes),
        "iso-8859-1" => Some(bytes.into_iter().map(char::from).collect::<String>().into_bytes()),
        _ => None,
    }
}

/// Reads the Q encoding: `_` is a space, `=C3` a byte.
fn quoted(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'_' => bytes.push(b' '),
            b'=' => {
                let (digits, after) = rest.split_at_checked(2)?;
                bytes.extend(hex::decode(digits).ok()?);
                rest = after;
            }
            byte => bytes.push(*byte),
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_encoded_is_ascii_and_reads_back(text in "(\\PC| |=\\?|\\?=|[a-z]|\u{0}|\n|é|日){0,60}") {
            let encoded = encode(&text);
            prop_assert!(encoded.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{encoded}");
            prop_assert!(encoded.split(' ').all(|word| !word.starts_with("=?") || word.len() <= 75), "{encoded}");
            prop_assert_eq!(encoded.trim(), &*encoded);
            prop_assert_eq!(&*decode(&encoded), &*text);
        }

        #[test]
        fn whatever_comes_decodes(text in "(=\\?|\\?=|UTF-8|\\?[BQbq]\\?|[a-zA-Z0-9+/=_ ]|\\PC){0,30}") {
            let _ = decode(&text);
        }
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        for text in ["", "a b", "50% = ?", "a=b?c=d", "~!@#$%^&*()[]{}|;:'\"<>,./"] {
            assert_eq!(encode(text), text);
            assert_eq!(decode(text), text);
        }
        assert_eq!(encode("é"), "=?UTF-8?B?w6k=?=");
        // It would be taken for something else.
        assert_eq!(encode("=?x"), "=?UTF-8?B?PT94?=");
        assert_eq!(encode(" a"), "=?UTF-8?B?IGE=?=");
    }

    /// Those of RFC 2047, 8, that are of these character sets, and what Python's and Java's libraries make.
    #[test]
    fn words_of_others_are_read() {
        for (encoded, text) in [
            ("=?US-ASCII?Q?Keith_Moore?=", "Keith Moore"),
            ("=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld Jørn Simonsen"),
            ("=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard"),
            ("=?ISO-8859-1?Q?a?=", "a"),
            ("=?ISO-8859-1?Q?a?= b", "a b"),
            ("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
            ("=?ISO-8859-1?Q?a?=  \t =?ISO-8859-1?Q?b?=", "ab"),
            ("=?ISO-8859-1?Q?a_b?=", "a b"),
            ("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?_b?=", "a b"),
            ("x =?utf-8?b?w6k=?=  y", "x é  y"),
            ("=?utf-8*de?q?=C3=A9?=", "é"),
            // A character in two words.
            ("=?UTF-8?Q?=C3?= =?UTF-8?Q?=A9?=", "é"),
            ("=?UTF-8?B?w4RNw4Raw5XDkSBTMw==?=", "ÄMÄZÕÑ S3"),
        ] {
            assert_eq!(decode(encoded), text, "{encoded}");
        }
        for other in [
            "=?KOI8-R?B?8g==?=",
            "=?UTF-8?X?a?=",
            "=?UTF-8?Q?=C3?=",
            "=?UTF-8?B?*?=",
            "=?UTF-8?Q?a?b?=",
            "a=?UTF-8?Q?b?=",
        ] {
            assert_eq!(decode(other), other);
        }
    }
}
