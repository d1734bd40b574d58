//! Names that users choose, valid by construction. Owns the rules; the same as lakeFS's, whose clients are ours too.
//! Invariant: a branch or tag name holds no `/`, so `ref/path` has one meaning.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::CommitId;

/// A name that breaks its rule; says the rule.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("invalid {kind} {text:?}: {rule}")]
pub struct InvalidName {
    kind: &'static str,
    text: String,
    rule: &'static str,
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidName { kind: $kind, text: text.chars().take(100).collect(), rule: $rule })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", self.0)
            }
        }
    };
}

name_type!(
    /// A repository's name, which is also its S3 bucket: `^[a-z0-9][a-z0-9-]{2,62}$`.
    RepositoryName,
    "repository name",
    "use 3 to 63 lower-case letters, digits and hyphens, and begin with a letter or digit",
    |t| (3..=63).contains(&t.len())
        && !t.starts_with('-')
        && t.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);
name_type!(
    /// A branch's name: `^\w[-\w]*$`, at most 255 bytes. Never what a commit id looks like, so that no branch can pose as
    /// a commit.
    BranchName,
    "branch name",
    "use letters, digits, underscores and hyphens, at most 255, don't begin with a hyphen, and don't use a commit id",
    valid_branch
);
name_type!(
    /// A tag's name: as git's check-ref-format has it, without `/`, at most 255 bytes. Never what a commit id looks like.
    TagName,
    "tag name",
    "use at most 255 bytes without spaces, control characters, any of / ~ ^ : ? * [ \\ $ or '..' or '@{'; it can't be '@', \
     begin with '-' or '.', end with '.' or '.lock', or be a commit id",
    valid_tag
);
name_type!(
    /// What a ref expression begins with: the name of a branch or of a tag, or (a prefix of) a commit id.
    RefName,
    "ref",
    "use a branch, a tag or a commit id",
    |t| is_commit_id(t) || valid_branch(t) || valid_tag(t)
);
name_type!(
    /// A user's name: 1 to 128 characters without control characters.
    UserName,
    "user name",
    "use 1 to 128 bytes without control characters",
    |t| (1..=128).contains(&t.len()) && !t.chars().any(char::is_control)
);
name_type!(
    /// The name of a group of users: as a user's.
    GroupName,
    "group name",
    "use 1 to 128 bytes without control characters",
    |t| (1..=128).contains(&t.len()) && !t.chars().any(char::is_control)
);
name_type!(
    /// The name of a policy: as a user's.
    PolicyName,
    "policy name",
    "use 1 to 128 bytes without control characters",
    |t| (1..=128).contains(&t.len()) && !t.chars().any(char::is_control)
);
name_type!(
    /// Where a repository lives in an object store: `s3://bucket/prefix`, `gs://…`, `az://container/prefix`,
    /// `local://name`, `mem://name`, without a slash at the end.
    StorageNamespace,
    "storage namespace",
    "use a URL like s3://bucket/prefix, gs://bucket/prefix, az://container/prefix, local://name or mem://name, \
     with no empty, '.' or '..' part",
    valid_namespace
);

impl From<BranchName> for RefName {
    fn from(name: BranchName) -> Self {
        Self(name.0)
    }
}

impl From<TagName> for RefName {
    fn from(name: TagName) -> Self {
        Self(name.0)
    }
}

fn valid_branch(text: &str) -> bool {
    (1..=255).contains(&text.len())
        && !text.starts_with('-')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        && !is_commit_id(text)
}

fn valid_tag(text: &str) -> bool {
    let forbidden = |c: char| c.is_control() || " /~^:?*[\\$".contains(c);
    (1..=255).contains(&text.len())
        && text != "@"
        && !text.starts_with(['-', '.'])
        && !text.ends_with('.')
        && !text.ends_with(".lock")
        && !text.contains("..")
        && !text.contains("@{")
        && !text.contains(forbidden)
        && !is_commit_id(text)
}

/// The length first, since parsing what isn't an id makes an error to describe it, and names are parsed for every request.
fn is_commit_id(text: &str) -> bool {
    text.len() == 64 && text.parse::<CommitId>().is_ok()
}

fn valid_namespace(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    ["s3", "gs", "az", "local", "mem"].contains(&scheme)
        && text.len() <= 1024
        && !rest.contains(char::is_control)
        && rest.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok<T: FromStr>(text: &str) -> bool {
        text.parse::<T>().is_ok()
    }

    #[test]
    fn repository_names_are_buckets() {
        assert!(ok::<RepositoryName>("trips") && ok::<RepositoryName>("a-1") && ok::<RepositoryName>(&"x".repeat(63)));
        for bad in ["", "ab", "-ab", "Trips", "a_b", "a.b", "a/b", &"x".repeat(64)] {
            assert!(!ok::<RepositoryName>(bad), "{bad:?}");
        }
    }

    #[test]
    fn branch_names_have_no_slash_dot_or_leading_hyphen() {
        assert!(ok::<BranchName>("main") && ok::<BranchName>("_a-B9"));
        for bad in ["", "-a", "a/b", "a.b", "é", "a b", "main~1"] {
            assert!(!ok::<BranchName>(bad), "{bad:?}");
        }
    }

    #[test]
    fn tag_names_follow_git() {
        assert!(ok::<TagName>("v1.0.2") && ok::<TagName>("é"));
        for bad in ["", "@", ".a", "a.", "a..b", "a/b", "a~1", "a^", "a b", "a@{b", "-a", "x.lock", "a$"] {
            assert!(!ok::<TagName>(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_commit_id_is_a_ref_but_no_branch_or_tag() {
        let id = "0123456789abcdef".repeat(4);
        assert!(ok::<RefName>(&id));
        assert!(!ok::<BranchName>(&id) && !ok::<TagName>(&id));
        assert!(ok::<BranchName>(&id[1..]) && ok::<TagName>(&id.to_uppercase()));
    }

    #[test]
    fn namespaces_never_climb() {
        assert!(ok::<StorageNamespace>("s3://bucket/a/b") && ok::<StorageNamespace>("local://trips"));
        for bad in ["", "trips", "local://", "local://../x", "s3://b//x", "s3://b/x/", "ftp://x/y", "local://a/../b"] {
            assert!(!ok::<StorageNamespace>(bad), "{bad:?}");
        }
    }
}
