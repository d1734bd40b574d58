//! What a repository's owners decide about it: which branches are protected, how long history is kept, what is noted of
//! it. Owns the nouns and their bounds; the metadata service keeps and enforces them.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{BranchName, Wildcard};

/// How many patterns of protected branches a repository may have: each write looks at them.
pub const PROTECTED_PATTERNS_MAX: usize = 100;

/// How many bytes a repository's metadata may have, names and values together.
pub const REPOSITORY_METADATA_BYTES_MAX: usize = 64 << 10;

/// For how many branches a repository may have rules of their own about garbage.
pub const RETENTION_BRANCHES_MAX: usize = 1000;

/// A text that isn't a pattern of branches' names.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "invalid pattern {0:?}: use 1 to 255 letters, digits, underscores and hyphens, * for any text and ? for any character"
)]
pub struct InvalidPattern(String);

/// A pattern of branches' names: `*` stands for any text, `?` for any one character.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BranchPattern(String);

impl BranchPattern {
    /// Returns whether a branch's name fits.
    pub fn matches(&self, branch: &BranchName) -> bool {
        Wildcard::new(&self.0).matches(branch.as_str())
    }
}

impl FromStr for BranchPattern {
    type Err = InvalidPattern;

    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-*?".contains(&byte);
        match (1..=255).contains(&text.len()) && text.bytes().all(allowed) {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidPattern(text.chars().take(100).collect())),
        }
    }
}

impl TryFrom<String> for BranchPattern {
    type Error = InvalidPattern;

    fn try_from(text: String) -> Result<Self, InvalidPattern> {
        text.parse()
    }
}

impl From<BranchPattern> for String {
    fn from(pattern: BranchPattern) -> Self {
        pattern.0
    }
}

impl fmt::Display for BranchPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How long objects that no head holds any more are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// Of all branches that have no rule of their own.
    pub default_days: u32,
    /// Of some branches.
    pub branches: BTreeMap<BranchName, u32>,
}

/// What is kept of a repository beside its record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// What users note of it.
    pub metadata: BTreeMap<String, String>,
    /// How long garbage is kept, if somebody has decided that.
    pub retention: Option<Retention>,
}

/// One decision about a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum SettingsChange {
    /// Protects the branches that fit these patterns and no others.
    Protect {
        /// Which.
        patterns: Vec<BranchPattern>,
        /// What must be protected now, for a change that was decided upon that.
        expected: Option<Vec<BranchPattern>>,
    },
    /// Takes no more writes, or takes them again.
    ReadOnly(bool),
    /// Notes some things and forgets others.
    Metadata {
        /// Names with their values.
        set: BTreeMap<String, String>,
        /// Names.
        remove: Vec<String>,
    },
    /// Decides how long garbage is kept; `None` takes the decision back.
    Retention(Option<Retention>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_names() {
        let table = [
            ("main", "main", true),
            ("main", "mainly", false),
            ("release-*", "release-", true),
            ("release-*", "release-1-2", true),
            ("*-x-*", "a-x-x-b", true),
            ("*-x", "a-x-y", false),
            ("*a*b", "aab", true),
            ("v?", "v1", true),
            ("v?", "v", false),
            ("v?", "v12", false),
            ("*", "anything", true),
            ("**", "anything", true),
        ];
        for (pattern, name, fits) in table {
            let pattern: BranchPattern = pattern.parse().unwrap();
            assert_eq!(pattern.matches(&name.parse().unwrap()), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn other_texts_are_no_patterns() {
        for bad in ["", "a/b", "[ab]", "{a,b}", "a b", &"x".repeat(256)] {
            assert!(bad.parse::<BranchPattern>().is_err(), "{bad:?}");
        }
    }
}
