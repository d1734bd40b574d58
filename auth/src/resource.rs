//! What an action is done to. Owns resources' names, which are lakeFS's, since policies match on them.
//! Invariant: a resource's text holds users' text only at its end or between `/`, as lakeFS's does.

use std::fmt;

use model::{
    BranchName, GroupName, ObjectPath, PolicyName, RefName, RepositoryName, StorageNamespace, TagName, UserName,
};

/// Something that actions are done to. `Display` is its ARN, such as `arn:lakefs:fs:::repository/trips/object/a/b`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// Everything; what a server-wide action such as `fs:ListRepositories` is asked of.
    All,
    /// A repository.
    Repository(RepositoryName),
    /// An object of a repository, whatever the ref.
    Object(RepositoryName, ObjectPath),
    /// An object as a ref has it. Its ARN is the object's, as lakeFS's policies know no refs; conditions on `Ref` do.
    ObjectOfRef(RepositoryName, String, ObjectPath),
    /// The objects of a ref whose paths begin so. Its ARN is the repository's; conditions know ref and prefix.
    Listing(RepositoryName, String, String),
    /// A branch, or what stands for one in a log.
    Branch(RepositoryName, RefName),
    /// A tag.
    Tag(RepositoryName, TagName),
    /// A storage namespace.
    Namespace(StorageNamespace),
    /// A place that objects are imported from: a URL.
    Source(String),
    /// A user.
    User(UserName),
    /// A group of users.
    Group(GroupName),
    /// A policy.
    Policy(PolicyName),
}

impl Resource {
    /// The branch of a repository.
    pub fn branch(repository: &RepositoryName, branch: &BranchName) -> Self {
        Self::Branch(repository.clone(), branch.into())
    }

    /// An object of a repository.
    pub fn object(repository: &RepositoryName, path: &ObjectPath) -> Self {
        Self::Object(repository.clone(), path.clone())
    }

    /// An object as a ref has it; of an expression such as `main~2`, its base counts.
    pub fn object_of(repository: &RepositoryName, reference: impl fmt::Display, path: &ObjectPath) -> Self {
        Self::ObjectOfRef(repository.clone(), reference.to_string(), path.clone())
    }

    /// The objects of a ref whose paths begin so.
    pub fn listing(repository: &RepositoryName, reference: impl fmt::Display, prefix: &str) -> Self {
        Self::Listing(repository.clone(), reference.to_string(), prefix.to_owned())
    }

    /// The ref that it is seen through, for conditions.
    pub(crate) fn reference(&self) -> Option<&str> {
        match self {
            Self::ObjectOfRef(_, reference, _) | Self::Listing(_, reference, _) => Some(reference),
            Self::Branch(_, reference) => Some(reference.as_str()),
            Self::Tag(_, tag) => Some(tag.as_str()),
            _ => None,
        }
    }

    /// What is listed, for conditions.
    pub(crate) fn prefix(&self) -> Option<&str> {
        match self {
            Self::Listing(_, _, prefix) => Some(prefix),
            _ => None,
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("*"),
            Self::Repository(name) | Self::Listing(name, ..) => write!(f, "arn:lakefs:fs:::repository/{name}"),
            Self::Object(name, path) | Self::ObjectOfRef(name, _, path) => {
                write!(f, "arn:lakefs:fs:::repository/{name}/object/{path}")
            }
            Self::Branch(name, branch) => write!(f, "arn:lakefs:fs:::repository/{name}/branch/{branch}"),
            Self::Tag(name, tag) => write!(f, "arn:lakefs:fs:::repository/{name}/tag/{tag}"),
            Self::Namespace(namespace) => write!(f, "arn:lakefs:fs:::namespace/{namespace}"),
            Self::Source(url) => write!(f, "arn:lakefs:fs:::namespace/{url}"),
            Self::User(name) => write!(f, "arn:lakefs:auth:::user/{name}"),
            Self::Group(name) => write!(f, "arn:lakefs:auth:::group/{name}"),
            Self::Policy(name) => write!(f, "arn:lakefs:auth:::policy/{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_are_lakefs_s() {
        let trips: RepositoryName = "trips".parse().unwrap();
        let object = Resource::object(&trips, &"a/b c".parse().unwrap());
        assert_eq!(object.to_string(), "arn:lakefs:fs:::repository/trips/object/a/b c");
        let branch = Resource::branch(&trips, &"main".parse().unwrap());
        assert_eq!(branch.to_string(), "arn:lakefs:fs:::repository/trips/branch/main");
        let tag = Resource::Tag(trips.clone(), "v1".parse().unwrap());
        assert_eq!(tag.to_string(), "arn:lakefs:fs:::repository/trips/tag/v1");
        assert_eq!(Resource::Repository(trips).to_string(), "arn:lakefs:fs:::repository/trips");
        let namespace = Resource::Namespace("s3://bucket/x".parse().unwrap());
        assert_eq!(namespace.to_string(), "arn:lakefs:fs:::namespace/s3://bucket/x");
        assert_eq!(Resource::All.to_string(), "*");
    }
}
