//! `lakebed://repository/ref/path`, as people type it. Owns the three forms that commands take; `lakefs://` is
//! accepted too. Invariant: what is printed is what can be typed again, unless control characters had to be escaped.

use std::fmt;
use std::str::FromStr;

use model::{BranchName, CommitId, ObjectPath, RepositoryName, TagName};
use thiserror::Error;

use crate::output::shown;

/// A text that isn't the URI that a command takes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum InvalidUri {
    #[error("{0:?} isn't a Lakebed URI: begin with lakebed://, as in lakebed://repository/branch/path")]
    Scheme(String),
    #[error("{text:?} isn't {expected}")]
    Form { text: String, expected: &'static str },
    #[error(
        "{text:?} isn't a ref: a slash separates ref and path, so that no ref has one: name it {hyphenated}, perhaps"
    )]
    Slash { text: String, hyphenated: String },
    #[error("{0} is a commit's id, and commits don't change: name a branch")]
    Commit(String),
    #[error("{0} names a commit, and commits don't change: name a branch, without ~ ^ and @")]
    Expression(String),
    #[error(
        "{0} can only be a tag (a branch's name has letters, digits, _ and - alone), and tags don't move: name a branch"
    )]
    Tag(String),
    #[error(transparent)]
    Repository(#[from] model::InvalidName),
    #[error(transparent)]
    Path(#[from] model::InvalidPath),
}

/// `lakebed://repository`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RepositoryUri {
    pub(crate) repository: RepositoryName,
}

/// `lakebed://repository/ref`, where the ref is a branch, a tag, a commit or an expression over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RefUri {
    pub(crate) repository: RepositoryName,
    pub(crate) reference: String,
}

/// `lakebed://repository/ref/path`; the path, which may be empty where a command takes a prefix, is taken as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PathUri {
    pub(crate) repository: RepositoryName,
    pub(crate) reference: String,
    pub(crate) path: String,
}

impl RefUri {
    /// The branch that is to change.
    pub(crate) fn branch(&self) -> Result<BranchName, InvalidUri> {
        branch(&self.reference)
    }
}

impl PathUri {
    /// The path of one object: not empty.
    pub(crate) fn object(&self) -> Result<ObjectPath, InvalidUri> {
        Ok(self.path.parse()?)
    }

    /// The branch that is to change.
    pub(crate) fn branch(&self) -> Result<BranchName, InvalidUri> {
        branch(&self.reference)
    }

    /// The URI of another path on the same ref.
    pub(crate) fn with_path(&self, path: impl Into<String>) -> Self {
        Self { path: path.into(), ..self.clone() }
    }
}

/// The branch that a ref is; what is surely none is said to be what it is.
fn branch(reference: &str) -> Result<BranchName, InvalidUri> {
    reference.parse().map_err(|invalid: model::InvalidName| {
        let reference = shown(reference).into_owned();
        if reference.parse::<CommitId>().is_ok() {
            InvalidUri::Commit(reference)
        } else if reference.contains(['~', '^', '@']) {
            InvalidUri::Expression(reference)
        } else if reference.parse::<TagName>().is_ok() {
            InvalidUri::Tag(reference)
        } else {
            invalid.into()
        }
    })
}

/// Splits the scheme off, then the repository; the rest is as typed, `None` without a slash.
fn split(text: &str) -> Result<(RepositoryName, Option<&str>), InvalidUri> {
    let rest = text.strip_prefix("lakebed://").or_else(|| text.strip_prefix("lakefs://"));
    let rest = rest.ok_or_else(|| InvalidUri::Scheme(text.to_owned()))?;
    match rest.split_once('/') {
        Some((repository, rest)) => Ok((repository.parse()?, Some(rest))),
        None => Ok((rest.parse()?, None)),
    }
}

impl FromStr for RepositoryUri {
    type Err = InvalidUri;

    fn from_str(text: &str) -> Result<Self, InvalidUri> {
        match split(text)? {
            (repository, None | Some("")) => Ok(Self { repository }),
            _ => Err(InvalidUri::Form { text: text.to_owned(), expected: "a repository: lakebed://repository" }),
        }
    }
}

impl FromStr for RefUri {
    type Err = InvalidUri;

    fn from_str(text: &str) -> Result<Self, InvalidUri> {
        let form = || InvalidUri::Form { text: text.to_owned(), expected: "a ref: lakebed://repository/ref" };
        let (repository, rest) = split(text)?;
        let reference = rest.map(|rest| rest.strip_suffix('/').unwrap_or(rest)).unwrap_or_default();
        if reference.is_empty() {
            return Err(form());
        }
        if reference.contains('/') {
            return Err(InvalidUri::Slash { text: text.to_owned(), hyphenated: reference.replace('/', "-") });
        }
        Ok(Self { repository, reference: reference.to_owned() })
    }
}

impl FromStr for PathUri {
    type Err = InvalidUri;

    fn from_str(text: &str) -> Result<Self, InvalidUri> {
        let form = || InvalidUri::Form { text: text.to_owned(), expected: "a path: lakebed://repository/ref/path" };
        let (repository, rest) = split(text)?;
        let rest = rest.filter(|rest| !rest.is_empty() && !rest.starts_with('/')).ok_or_else(form)?;
        let (reference, path) = rest.split_once('/').unwrap_or((rest, ""));
        Ok(Self { repository, reference: reference.to_owned(), path: path.to_owned() })
    }
}

impl fmt::Display for RepositoryUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lakebed://{}", self.repository)
    }
}

impl fmt::Display for RefUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lakebed://{}/{}", self.repository, shown(&self.reference))
    }
}

impl fmt::Display for PathUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "lakebed://{}/{}/{}", self.repository, shown(&self.reference), shown(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_as_they_are() {
        for (text, reference, path) in [
            ("lakebed://trips/main/a/b", "main", "a/b"),
            ("lakebed://trips/main//a", "main", "/a"),
            ("lakebed://trips/main~2/a//b/", "main~2", "a//b/"),
            ("lakebed://trips/main/", "main", ""),
            ("lakebed://trips/main", "main", ""),
            ("lakebed://trips/main/a%20b+c", "main", "a%20b+c"),
            ("lakefs://trips/main/x", "main", "x"),
        ] {
            let uri: PathUri = text.parse().unwrap();
            assert_eq!((uri.reference.as_str(), uri.path.as_str()), (reference, path), "{text}");
        }
    }

    #[test]
    fn what_is_no_branch_is_said_to_be_what_it_is() {
        let branch = |reference: &str| format!("lakebed://trips/{reference}").parse::<RefUri>().unwrap().branch();
        assert_eq!(branch("fix").unwrap().as_str(), "fix");
        let id = "0123456789abcdef".repeat(4);
        for (reference, says) in [
            (id.as_str(), "a commit's id"),
            ("main~1", "names a commit"),
            ("main@", "names a commit"),
            ("v1.0", "a tag"),
        ] {
            let error = branch(reference).unwrap_err().to_string();
            assert!(error.starts_with(reference) && error.contains(says) && error.contains("name a branch"), "{error}");
        }
        assert!(branch("a b").unwrap_err().to_string().contains("invalid branch name"));
    }

    #[test]
    fn the_wrong_form_says_the_right_one() {
        for (error, hint) in [
            ("trips/main".parse::<PathUri>().unwrap_err(), "lakebed://"),
            ("lakebed://trips".parse::<RefUri>().unwrap_err(), "lakebed://repository/ref"),
            ("lakebed://trips/main/x".parse::<RefUri>().unwrap_err(), "a slash separates ref and path"),
            ("lakebed://trips/feature/x".parse::<RefUri>().unwrap_err(), "feature-x"),
            ("lakebed://trips/main".parse::<RepositoryUri>().unwrap_err(), "a repository"),
            ("lakebed://Trips/main".parse::<RefUri>().unwrap_err(), "lower-case"),
            ("lakebed://trips//x".parse::<PathUri>().unwrap_err(), "a path"),
        ] {
            assert!(error.to_string().contains(hint), "{error}");
        }
    }
}
