//! The tags of an object, as S3 has them: their rules, and where an entry keeps them. Leaves to the endpoints how they come
//! and go. Invariant: tags that were made keep S3's rules.
//!
//! An entry keeps them among its user metadata, so trees, merges and exports need to know nothing of them. The name has
//! colons, so no S3 client can send it as metadata, nor is it shown as such; REST and gRPC show it.

use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use thiserror::Error;

use crate::Entry;

/// The name under which an entry's metadata has its tags: `key=value&key=value`, percent-encoded.
pub const TAGS_NAME: &str = "::lakebed::tags";

/// The most tags of an object.
const TAGS_MAX: usize = 10;

const KEY_CHARACTERS_MAX: usize = 128;
const VALUE_CHARACTERS_MAX: usize = 256;

/// What begins the keys that are AWS's own.
const SYSTEM_PREFIX: &str = "aws:";

/// All but the characters that URLs leave alone.
const ESCAPES: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An object's tags: a value for each key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectTags(BTreeMap<String, String>);

/// Why something can't be an object's tags.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidTags {
    /// More than ten.
    #[error("an object can't have more than 10 tags")]
    TooMany,
    /// A key that is there before.
    #[error("the tag {0:?} is there more than once")]
    Repeated(String),
    /// Empty, too long, or with characters that no tag may have.
    #[error("{0:?} can't be a tag's key: use 1 to 128 letters, digits, spaces and + - = . _ : / @")]
    Key(String),
    /// Too long, or with characters that no tag may have.
    #[error("{0:?} can't be a tag's value: use up to 256 letters, digits, spaces and + - = . _ : / @")]
    Value(String),
    /// A key that is AWS's own.
    #[error("{0:?} can't be a tag's key: those that begin with aws: are AWS's own")]
    System(String),
    /// Not UTF-8.
    #[error("tags must be UTF-8, percent-encoded as in a URL's query")]
    Unreadable,
}

impl ObjectTags {
    /// Takes tags.
    ///
    /// # Errors
    /// For what breaks S3's rules, by the first tag that does.
    pub fn new(tags: impl IntoIterator<Item = (String, String)>) -> Result<Self, InvalidTags> {
        let mut taken = BTreeMap::new();
        for (key, value) in tags {
            if taken.len() == TAGS_MAX {
                return Err(InvalidTags::TooMany);
            }
            if key.is_empty() || !is_taken(&key, KEY_CHARACTERS_MAX) {
                return Err(InvalidTags::Key(key));
            }
            if key.starts_with(SYSTEM_PREFIX) {
                return Err(InvalidTags::System(key));
            }
            if !is_taken(&value, VALUE_CHARACTERS_MAX) {
                return Err(InvalidTags::Value(value));
            }
            if taken.insert(key.clone(), value).is_some() {
                return Err(InvalidTags::Repeated(key));
            }
        }
        Ok(Self(taken))
    }

    /// Reads `key=value&key=value`, percent-encoded as a URL's query; empty for none. A plus is a space.
    ///
    /// # Errors
    /// As [`Self::new`], and for what isn't UTF-8 once decoded.
    pub fn parse(text: &str) -> Result<Self, InvalidTags> {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decoded(key)?, decoded(value)?))
        });
        Self::new(pairs.collect::<Result<Vec<_>, _>>()?)
    }

    /// Reads the tags that an entry's metadata has; none if it has none.
    ///
    /// # Errors
    /// If what is there under [`TAGS_NAME`] isn't tags, which no endpoint takes.
    pub fn kept_in(metadata: &BTreeMap<String, String>) -> Result<Self, InvalidTags> {
        metadata.get(TAGS_NAME).map_or_else(|| Ok(Self::default()), |text| Self::parse(text))
    }

    /// Puts the tags into an entry's metadata, in place of those that it has.
    pub fn keep_in(&self, metadata: &mut BTreeMap<String, String>) {
        match self.0.is_empty() {
            true => metadata.remove(TAGS_NAME),
            false => metadata.insert(TAGS_NAME.to_owned(), self.to_string()),
        };
    }

    /// The keys and values, in the order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

/// What [`ObjectTags::parse`] reads.
impl fmt::Display for ObjectTags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (key, value)) in self.iter().enumerate() {
            let separator = if at == 0 { "" } else { "&" };
            write!(f, "{separator}{}={}", utf8_percent_encode(key, ESCAPES), utf8_percent_encode(value, ESCAPES))?;
        }
        Ok(())
    }
}

impl Entry {
    /// The object's tags.
    ///
    /// # Errors
    /// As [`ObjectTags::kept_in`].
    pub fn tags(&self) -> Result<ObjectTags, InvalidTags> {
        ObjectTags::kept_in(&self.metadata)
    }
}

/// Returns whether a text has no more characters than it may, and only those that a tag may have: letters, digits,
/// separators and some punctuation, of any script. S3 counts them in UTF-16.
fn is_taken(text: &str, characters_max: usize) -> bool {
    let is_separator = |c: char| c.is_whitespace() && !c.is_control();
    text.encode_utf16().count() <= characters_max
        && text.chars().all(|c| c.is_alphanumeric() || is_separator(c) || "+-=._:/@".contains(c))
}

fn decoded(text: &str) -> Result<String, InvalidTags> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().map_err(|_| InvalidTags::Unreadable)?;
    Ok(decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> Result<ObjectTags, InvalidTags> {
        ObjectTags::new(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn tags_keep_the_rules_of_s3() {
        assert!(tags(&[("team", "data lake"), ("größe", "1+1=2 @ a.b_c:d/e-f"), ("empty", "")]).is_ok());
        assert!(tags(&[(&"k".repeat(128), &"v".repeat(256))]).is_ok());
        for (key, value, why) in [
            ("", "v", InvalidTags::Key(String::new())),
            ("a&b", "v", InvalidTags::Key("a&b".into())),
            ("a\nb", "v", InvalidTags::Key("a\nb".into())),
            (&*"k".repeat(129), "v", InvalidTags::Key("k".repeat(129))),
            // Two units of UTF-16 each.
            (&*"𝐤".repeat(65), "v", InvalidTags::Key("𝐤".repeat(65))),
            ("aws:cost", "v", InvalidTags::System("aws:cost".into())),
            ("k", "a%b", InvalidTags::Value("a%b".into())),
            ("k", &*"v".repeat(257), InvalidTags::Value("v".repeat(257))),
        ] {
            assert_eq!(tags(&[(key, value)]), Err(why));
        }
        assert_eq!(tags(&[("a", "1"), ("a", "1")]), Err(InvalidTags::Repeated("a".into())));
        let many = |count: usize| ObjectTags::new((0..count).map(|n| (n.to_string(), String::new())));
        assert_eq!((many(10).unwrap().count(), many(11)), (10, Err(InvalidTags::TooMany)));
    }

    #[test]
    fn tags_are_kept_as_the_text_that_s3_s_header_has() {
        let read = ObjectTags::parse("team=data+lake&a%3Db=1%2B1&empty&").unwrap();
        assert_eq!(read, tags(&[("team", "data lake"), ("a=b", "1+1"), ("empty", "")]).unwrap());
        assert_eq!(read.to_string(), "a%3Db=1%2B1&empty=&team=data%20lake");
        assert_eq!(ObjectTags::parse("a=%FF"), Err(InvalidTags::Unreadable));
        assert_eq!(ObjectTags::parse("a=1&a=2"), Err(InvalidTags::Repeated("a".into())));
        let mut metadata = BTreeMap::from([("k".to_owned(), "v".to_owned())]);
        read.keep_in(&mut metadata);
        assert_eq!(ObjectTags::kept_in(&metadata), Ok(read));
        ObjectTags::default().keep_in(&mut metadata);
        assert_eq!(metadata, BTreeMap::from([("k".to_owned(), "v".to_owned())]));
    }

    proptest! {
        #[test]
        fn what_is_kept_is_read_back(pairs in proptest::collection::btree_map("[\\p{L}\\p{N} +=./@]{1,9}", "[\\p{L} +=:]{0,9}", 0..9)) {
            let tags = ObjectTags::new(pairs).unwrap();
            prop_assert_eq!(ObjectTags::parse(&tags.to_string()).unwrap(), tags);
        }
    }
}
