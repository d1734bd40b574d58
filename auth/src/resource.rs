//! What an action is done to. Owns resources' names, which are lakeFS's, since policies match on them.
//! Owns too what something is reached through, which lakeFS's names don't tell.
//! Invariant: a resource's text holds users' text only at its end or between `/`, as lakeFS's does.

use std::borrow::Cow;
use std::fmt;

use model::{
    BranchName, GroupName, ObjectPath, PolicyName, RefName, RepositoryName, StorageNamespace, TagName, UserName,
};

/// How many hex digits a commit's id has, and the least that stand for one.
const ID_DIGITS_MAX: usize = 64;
const ID_DIGITS_MIN: usize = 4;

/// What objects, commits and branches are reached through: what conditions on `Ref` are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Through {
    /// The branch or tag of this name, where it can be nothing else: what is written to, or shown by a list of refs.
    Ref(String),
    /// The base of a ref expression: the name of a branch or tag, or a commit's id, of which no policy knows by which
    /// refs it is reached.
    Expression(String),
    /// Each ref of a repository: the question before one about each of them.
    EachRef,
}

impl Through {
    /// The text that policies' patterns are compared with.
    fn text(&self) -> &str {
        match self {
            Self::Ref(text) | Self::Expression(text) => text,
            Self::EachRef => "*",
        }
    }

    /// Whether this may be a commit's id: it is an expression of at least four hex digits and nothing else.
    pub(crate) fn may_be_id(&self) -> bool {
        let Self::Expression(text) = self else { return false };
        (ID_DIGITS_MIN..=ID_DIGITS_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit())
    }
}

impl From<&BranchName> for Through {
    fn from(name: &BranchName) -> Self {
        Self::Ref(name.to_string())
    }
}

impl From<&TagName> for Through {
    fn from(name: &TagName) -> Self {
        Self::Ref(name.to_string())
    }
}

impl From<&RefName> for Through {
    fn from(base: &RefName) -> Self {
        Self::Expression(base.to_string())
    }
}

/// Something that actions are done to. `Display` is its ARN, such as `arn:lakefs:fs:::repository/trips/object/a/b`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// Everything; what a server-wide action such as `fs:ListRepositories` is asked of.
    All,
    /// A repository, with all of its refs where an action reaches them.
    Repository(RepositoryName),
    /// What a repository has at a ref. Its ARN is the repository's; conditions know the ref.
    AtRef(RepositoryName, Through),
    /// An object as a ref has it. Its ARN is the object's, as lakeFS's policies know no refs; conditions on `Ref` do.
    Object(RepositoryName, Through, ObjectPath),
    /// All objects whose paths begin so, each as an object of its own; as a ref has them, or as any may have them.
    ObjectsUnder(RepositoryName, Option<Through>, String),
    /// The objects of a ref whose paths begin so. Its ARN is the repository's; conditions know ref and prefix.
    Listing(RepositoryName, Through, String),
    /// A branch, or what stands for one in a log.
    Branch(RepositoryName, Through),
    /// A tag.
    Tag(RepositoryName, TagName),
    /// A storage namespace.
    Namespace(StorageNamespace),
    /// A place that objects are imported from: a URL.
    Source(String),
    /// All places whose URLs begin so, each by itself.
    SourcesUnder(String),
    /// A user.
    User(UserName),
    /// A group of users.
    Group(GroupName),
    /// A policy.
    Policy(PolicyName),
}

impl Resource {
    /// What a repository has at a ref.
    pub fn at_ref(repository: &RepositoryName, through: impl Into<Through>) -> Self {
        Self::AtRef(repository.clone(), through.into())
    }

    /// What a repository has at its refs, of which each is asked about by itself before it is shown.
    pub fn at_each_ref(repository: &RepositoryName) -> Self {
        Self::AtRef(repository.clone(), Through::EachRef)
    }

    /// A branch; or a tag or commit, where its history is read as a branch's.
    pub fn branch(repository: &RepositoryName, through: impl Into<Through>) -> Self {
        Self::Branch(repository.clone(), through.into())
    }

    /// An object as a ref has it; of an expression such as `main~2`, its base counts.
    pub fn object_of(repository: &RepositoryName, through: impl Into<Through>, path: &ObjectPath) -> Self {
        Self::Object(repository.clone(), through.into(), path.clone())
    }

    /// The objects of a ref whose paths begin so.
    pub fn listing(repository: &RepositoryName, through: impl Into<Through>, prefix: &str) -> Self {
        Self::Listing(repository.clone(), through.into(), prefix.to_owned())
    }

    /// What it is reached through, for conditions.
    pub(crate) fn through(&self) -> Option<Cow<'_, Through>> {
        match self {
            Self::AtRef(_, through)
            | Self::Object(_, through, _)
            | Self::Listing(_, through, _)
            | Self::Branch(_, through)
            | Self::ObjectsUnder(_, Some(through), _) => Some(Cow::Borrowed(through)),
            Self::Tag(_, tag) => Some(Cow::Owned(tag.into())),
            _ => None,
        }
    }

    /// The one ref that it is reached through, as the request names it: for the audit.
    pub(crate) fn reference(&self) -> Option<String> {
        self.through().filter(|through| **through != Through::EachRef).map(|through| through.text().to_owned())
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
            Self::Repository(name) | Self::AtRef(name, _) | Self::Listing(name, ..) => {
                write!(f, "arn:lakefs:fs:::repository/{name}")
            }
            Self::Object(name, _, path) => write!(f, "arn:lakefs:fs:::repository/{name}/object/{path}"),
            Self::ObjectsUnder(name, _, prefix) => write!(f, "arn:lakefs:fs:::repository/{name}/object/{prefix}*"),
            Self::Branch(name, branch) => write!(f, "arn:lakefs:fs:::repository/{name}/branch/{}", branch.text()),
            Self::Tag(name, tag) => write!(f, "arn:lakefs:fs:::repository/{name}/tag/{tag}"),
            Self::Namespace(namespace) => write!(f, "arn:lakefs:fs:::namespace/{namespace}"),
            Self::Source(url) => write!(f, "arn:lakefs:fs:::namespace/{url}"),
            Self::SourcesUnder(prefix) => write!(f, "arn:lakefs:fs:::namespace/{prefix}*"),
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
        let main: BranchName = "main".parse().unwrap();
        let object = Resource::object_of(&trips, &main, &"a/b c".parse().unwrap());
        assert_eq!(object.to_string(), "arn:lakefs:fs:::repository/trips/object/a/b c");
        let branch = Resource::branch(&trips, &main);
        assert_eq!(branch.to_string(), "arn:lakefs:fs:::repository/trips/branch/main");
        let tag = Resource::Tag(trips.clone(), "v1".parse().unwrap());
        assert_eq!(tag.to_string(), "arn:lakefs:fs:::repository/trips/tag/v1");
        for whole in
            [Resource::Repository(trips.clone()), Resource::at_ref(&trips, &main), Resource::at_each_ref(&trips)]
        {
            assert_eq!(whole.to_string(), "arn:lakefs:fs:::repository/trips");
        }
        let namespace = Resource::Namespace("s3://bucket/x".parse().unwrap());
        assert_eq!(namespace.to_string(), "arn:lakefs:fs:::namespace/s3://bucket/x");
        assert_eq!(Resource::All.to_string(), "*");
    }
    #[test]
    fn only_hex_digits_can_be_an_id() {
        let expression = |text: &str| Through::from(&text.parse::<RefName>().unwrap());
        for id in ["abcd", "20261121", &"0".repeat(64)] {
            assert!(expression(id).may_be_id(), "{id}");
        }
        for name in ["abc", "main", "abcd-1", "abcdefg"] {
            assert!(!expression(name).may_be_id(), "{name}");
        }
        assert!(!Through::from(&"abcd".parse::<BranchName>().unwrap()).may_be_id(), "it is known to be a branch");
    }
}
