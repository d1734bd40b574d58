//! What an S3 key names here: `ref/path`. Owns the split at the first slash and what a key without a path means; leaves
//! resolving refs to graveler. Invariant: a path is everything after the first slash, taken as it is.

use model::{BranchName, ObjectPath};

use crate::protocol::{ErrorCode, S3Error};

/// A key, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Key<'a> {
    /// `main`: no slash, so no object is ever there. Clients ask for it to find out whether it is a folder.
    Bare(&'a str),
    /// `main/`: the folder that a ref is. It exists as long as its ref does; clients create and probe it as a marker.
    Root(&'a str),
    /// `main/path`: an object of a ref.
    Object(&'a str, ObjectPath),
}

impl<'a> Key<'a> {
    /// Takes a key apart.
    pub(crate) fn parse(key: &'a str) -> Result<Self, S3Error> {
        match key.split_once('/') {
            None => Ok(Self::Bare(key)),
            Some((reference, "")) => Ok(Self::Root(reference)),
            Some((reference, path)) => {
                let path = path.parse().map_err(|_| S3Error::from(ErrorCode::KeyTooLongError))?;
                Ok(Self::Object(reference, path))
            }
        }
    }
}

/// Takes a ref's text as the branch that a write needs.
pub(crate) fn branch_to_write(reference: &str) -> Result<BranchName, S3Error> {
    reference.parse().map_err(|_| not_a_branch(reference))
}

/// The answer to a write that isn't to a branch. 405, since the resource is there and takes no writes; no client tries
/// that again.
pub(crate) fn not_a_branch(reference: &str) -> S3Error {
    let why =
        format!("{reference:?} is not a branch: only branches can be written to, as in s3://repository/branch/path");
    S3Error::new(ErrorCode::MethodNotAllowed, why)
}

/// The answer to a write to a branch that isn't there. `NoSuchBucket`, since clients take that as "where you write to
/// doesn't exist" and don't try again.
pub(crate) fn no_such_branch(reference: &str) -> S3Error {
    let why = format!("Branch {reference:?} does not exist: create it first, with lakebed branch create");
    S3Error::new(ErrorCode::NoSuchBucket, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_split_at_its_first_slash_only() {
        assert_eq!(Key::parse("main"), Ok(Key::Bare("main")));
        assert_eq!(Key::parse("main/"), Ok(Key::Root("main")));
        assert_eq!(Key::parse("main/a"), Ok(Key::Object("main", "a".parse().unwrap())));
        assert_eq!(Key::parse("main//a/"), Ok(Key::Object("main", "/a/".parse().unwrap())));
        assert_eq!(Key::parse("/a"), Ok(Key::Object("", "a".parse().unwrap())));
        let long = format!("main/{}", "x".repeat(1025));
        assert_eq!(Key::parse(&long).unwrap_err().code(), ErrorCode::KeyTooLongError);
    }

    #[test]
    fn only_a_branch_is_written_to() {
        assert!(branch_to_write("main").is_ok());
        for reference in ["main~1", "v1.0", "main@", ""] {
            assert_eq!(branch_to_write(reference).unwrap_err().code(), ErrorCode::MethodNotAllowed);
        }
    }
}
