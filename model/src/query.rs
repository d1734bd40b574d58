//! The questions that the metadata service answers, each from one linearizable point in time. Owns their shapes.

use serde::{Deserialize, Serialize};

use crate::{
    Access, AccessBy, Branch, BranchName, CommitId, CompletedUpload, Credential, Group, GroupName, Installation, Job,
    ObjectPath, Part, Policy, PolicyHolder, PolicyName, RefName, RefTarget, ReflogEntry, Refusal, Repository,
    RepositoryName, RequestId, Settings, StagedValue, StagingToken, Tag, TagName, Upload, UploadId, User, UserId,
    UserName,
};

/// The most items that one page may hold; larger amounts are taken as this.
pub const PAGE_MAX: usize = 1000;

/// A question. Names in `after` are excluded; an empty text means from the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// → [`Answer::Repository`]
    Repository {
        /// Which.
        name: RepositoryName,
    },
    /// What was decided about a repository. → [`Answer::Settings`]
    Settings {
        /// Which.
        repository: RepositoryName,
    },
    /// In the order of their names. → [`Answer::Repositories`]
    Repositories {
        /// Names begin so.
        prefix: String,
        /// Names are larger.
        after: String,
        /// How many at most.
        amount: usize,
    },
    /// What a ref names and what is staged at a path of it, in one go. → [`Answer::Lookup`]
    Lookup {
        /// Where.
        repository: RepositoryName,
        /// A branch, tag, or commit id.
        reference: RefName,
        /// Where to look for a staged value, if the ref is a branch.
        path: Option<ObjectPath>,
    },
    /// In the order of their names. → [`Answer::Branches`]
    Branches {
        /// Where.
        repository: RepositoryName,
        /// Names begin so.
        prefix: String,
        /// Names are larger.
        after: String,
        /// How many at most.
        amount: usize,
    },
    /// The moves of a branch's head, newest first; also of one that is deleted. A name of which nothing is remembered
    /// has none. → [`Answer::Moves`]
    Reflog {
        /// Where.
        repository: RepositoryName,
        /// Of which branch.
        branch: BranchName,
        /// Numbers are smaller.
        before: Option<u64>,
        /// How many at most.
        amount: usize,
    },
    /// The deletions of the branches that can be undeleted, in the order of their names. → [`Answer::Moves`]
    DeletedBranches {
        /// Where.
        repository: RepositoryName,
        /// Names begin so.
        prefix: String,
        /// Names are larger.
        after: String,
        /// How many at most.
        amount: usize,
    },
    /// In the order of their names. → [`Answer::Tags`]
    Tags {
        /// Where.
        repository: RepositoryName,
        /// Names begin so.
        prefix: String,
        /// Names are larger.
        after: String,
        /// How many at most.
        amount: usize,
    },
    /// What is staged on a branch, in the order of paths, the newest token winning; tombstones included.
    /// → [`Answer::Staged`]
    Staged {
        /// Where.
        repository: RepositoryName,
        /// On which branch.
        branch: BranchName,
        /// Which tokens; `None` is all of the branch. Unknown tokens are empty.
        tokens: Option<Vec<StagingToken>>,
        /// Paths begin so.
        prefix: String,
        /// Paths are this or larger (to skip, pass the first path behind what is skipped).
        from: String,
        /// How many at most.
        amount: usize,
    },
    /// One upload. → [`Answer::Upload`]
    Upload {
        /// Where.
        repository: RepositoryName,
        /// Which.
        upload: UploadId,
    },
    /// An upload that was completed, of the last day. → [`Answer::CompletedUpload`]
    CompletedUpload {
        /// Where.
        repository: RepositoryName,
        /// Which.
        upload: UploadId,
    },
    /// A branch's uploads in the order of (path, id). → [`Answer::Uploads`]
    Uploads {
        /// Where.
        repository: RepositoryName,
        /// Of which branch.
        branch: BranchName,
        /// Paths begin so.
        prefix: String,
        /// Uploads behind this one.
        after: Option<(ObjectPath, UploadId)>,
        /// How many at most.
        amount: usize,
    },
    /// An upload's parts in the order of their numbers. → [`Answer::Parts`]
    Parts {
        /// Where.
        repository: RepositoryName,
        /// Of which upload.
        upload: UploadId,
        /// Numbers are larger.
        after: u32,
        /// How many at most.
        amount: usize,
    },
    /// Whose access key this is. → [`Answer::Credential`]
    Credential {
        /// The public half.
        access_key_id: String,
    },
    /// A user. → [`Answer::User`]
    User {
        /// Which.
        id: UserId,
    },
    /// A user by their name. → [`Answer::User`]
    UserNamed {
        /// Which.
        name: UserName,
    },
    /// In the order of their names. → [`Answer::Users`]
    Users {
        /// Names begin so.
        prefix: String,
        /// Names are larger.
        after: String,
        /// How many at most.
        amount: usize,
    },
    /// A user's access keys, in the order of their ids. → [`Answer::Credentials`]
    Credentials {
        /// Whose.
        user: UserName,
        /// Ids begin so.
        prefix: String,
        /// Ids are larger.
        after: String,
        /// How many at most.
        amount: usize,
    },
    /// A group. → [`Answer::Group`]
    Group {
        /// Which.
        name: GroupName,
    },
    /// In the order of their names. → [`Answer::Groups`]
    Groups {
        /// Only those that this user is in.
        of: Option<UserName>,
        /// Names begin so.
        prefix: String,
        /// Names are larger.
        after: String,
        /// How many at most.
        amount: usize,
    },
    /// Which commit holds what a consumed token of a branch held; known of the last few. → [`Answer::Holder`]
    Holder {
        /// Where.
        repository: RepositoryName,
        /// Of which branch.
        branch: BranchName,
        /// Which token.
        token: StagingToken,
    },
    /// A job. → [`Answer::Job`]
    Job {
        /// Which.
        id: RequestId,
    },
    /// A repository's jobs, newest first. → [`Answer::Jobs`]
    Jobs {
        /// Of which repository.
        repository: RepositoryName,
        /// Jobs behind this one.
        after: Option<RequestId>,
        /// How many at most.
        amount: usize,
    },
    /// Jobs of all repositories that haven't ended, in the order of their ids. → [`Answer::Jobs`]
    OpenJobs {
        /// Ids are larger.
        after: Option<RequestId>,
        /// How many at most.
        amount: usize,
    },
    /// A group's users, in the order of their names. → [`Answer::Users`]
    Members {
        /// Whose.
        group: GroupName,
        /// Names begin so.
        prefix: String,
        /// Names are larger.
        after: String,
        /// How many at most.
        amount: usize,
    },
    /// A policy. → [`Answer::Policy`]
    Policy {
        /// Which.
        name: PolicyName,
    },
    /// In the order of their names. → [`Answer::Policies`]
    Policies {
        /// Only those that are attached so.
        of: Option<PolicyHolder>,
        /// Of a user, also those of their groups.
        effective: bool,
        /// Names begin so.
        prefix: String,
        /// Names are larger.
        after: String,
        /// How many at most.
        amount: usize,
    },
    /// What a key or session comes to, in one go. → [`Answer::Access`]
    Access {
        /// What the caller shows.
        by: AccessBy,
    },
    /// Which installation this is. → [`Answer::Installation`]
    Installation,
}

/// One page of an ordered listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// In order.
    pub items: Vec<T>,
    /// Whether more come behind the last item.
    pub more: bool,
}

/// What [`Query::Lookup`] finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// The repository.
    pub repository: Repository,
    /// What the ref names.
    pub target: RefTarget,
    /// What is staged at the path, if the ref is a branch and a path was asked for.
    pub staged: Option<StagedValue>,
}

/// What [`Query::Staged`] finds: a page, and the branch at the same point in time. Between two pages a commit may
/// have been published; who pages sees it by the branch's head and tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedPage {
    /// The branch.
    pub branch: Branch,
    /// Its staged values.
    pub page: Page<(ObjectPath, StagedValue)>,
}

/// An answer; which one, each query's documentation says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// No.
    Refused(Refusal),
    /// A repository.
    Repository(Repository),
    /// A repository and its settings.
    Settings(Box<(Repository, Settings)>),
    /// Repositories.
    Repositories(Page<Repository>),
    /// A ref and a staged value.
    Lookup(Box<Lookup>),
    /// Branches.
    Branches(Page<Branch>),
    /// Moves of branches.
    Moves(Page<ReflogEntry>),
    /// Tags.
    Tags(Page<Tag>),
    /// Staged values.
    Staged(StagedPage),
    /// An upload.
    Upload(Upload),
    /// An upload that was completed.
    CompletedUpload(CompletedUpload),
    /// Uploads.
    Uploads(Page<Upload>),
    /// Parts.
    Parts(Page<Part>),
    /// An access key and its user.
    Credential(Credential, User),
    /// A user.
    User(User),
    /// Users.
    Users(Page<User>),
    /// The commit that holds a token's changes; `None` if they were thrown away, or it isn't known any more.
    Holder(Option<CommitId>),
    /// A job.
    Job(Box<Job>),
    /// Jobs.
    Jobs(Page<Job>),
    /// Access keys.
    Credentials(Page<Credential>),
    /// A group.
    Group(Group),
    /// Groups.
    Groups(Page<Group>),
    /// A policy.
    Policy(Policy),
    /// Policies.
    Policies(Page<Policy>),
    /// What a key or session comes to.
    Access(Box<Access>),
    /// The installation, once it has an id.
    Installation(Option<Installation>),
}

macro_rules! typed {
    ($($method:ident -> $variant:ident($value:ty);)*) => {
        impl Answer {
            $(
                /// Takes the value of a query that answers so, or its refusal.
                ///
                /// # Panics
                /// When the service answered with another kind than the query's documentation says.
                pub fn $method(self) -> Result<$value, Refusal> {
                    match self {
                        Self::$variant(value) => Ok(value),
                        Self::Refused(refusal) => Err(refusal),
                        other => panic!("the metadata service answered {other:?} where {} was due", stringify!($variant)),
                    }
                }
            )*
        }
    };
}

typed! {
    repository -> Repository(Repository);
    settings -> Settings(Box<(Repository, Settings)>);
    repositories -> Repositories(Page<Repository>);
    lookup -> Lookup(Box<Lookup>);
    branches -> Branches(Page<Branch>);
    moves -> Moves(Page<ReflogEntry>);
    tags -> Tags(Page<Tag>);
    staged -> Staged(StagedPage);
    upload -> Upload(Upload);
    completed_upload -> CompletedUpload(CompletedUpload);
    uploads -> Uploads(Page<Upload>);
    parts -> Parts(Page<Part>);
    user -> User(User);
    users -> Users(Page<User>);
    holder -> Holder(Option<CommitId>);
    job -> Job(Box<Job>);
    jobs -> Jobs(Page<Job>);
    credentials -> Credentials(Page<Credential>);
    group -> Group(Group);
    groups -> Groups(Page<Group>);
    policy -> Policy(Policy);
    policies -> Policies(Page<Policy>);
    access -> Access(Box<Access>);
    installation -> Installation(Option<Installation>);
}

impl Answer {
    /// Takes the access key and its user, or the refusal.
    ///
    /// # Panics
    /// When the service answered with another kind.
    pub fn credential(self) -> Result<(Credential, User), Refusal> {
        match self {
            Self::Credential(credential, user) => Ok((credential, user)),
            Self::Refused(refusal) => Err(refusal),
            other => panic!("the metadata service answered {other:?} where Credential was due"),
        }
    }
}

/// A tag's or branch's name as [`Query::Lookup`] takes it.
impl From<&TagName> for RefName {
    fn from(name: &TagName) -> Self {
        name.clone().into()
    }
}

impl From<&BranchName> for RefName {
    fn from(name: &BranchName) -> Self {
        name.clone().into()
    }
}
