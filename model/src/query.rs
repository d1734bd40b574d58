//! The questions that the metadata service answers, each from one linearizable point in time. Owns the list of them; each has
//! its shape in a file by its noun. `metadata-server/query/` answers them; `proto` encodes them for the wire.

mod access;
mod installation;
mod jobs;
mod page;
mod refs;
mod repositories;
mod staging;
mod uploads;

use serde::{Deserialize, Serialize};

use crate::{
    Access, Branch, CommitId, CompletedUpload, Credential, Group, Installation, Job, MetaError, Part, Policy,
    ReflogEntry, Refusal, Repository, Tag, Upload, User,
};

pub use access::{
    CredentialOfUser, GetAccess, GetCredential, GetGroup, GetPolicy, GetUser, GetUserByName, ListCredentials,
    ListGroups, ListMembers, ListPolicies, ListUsers,
};
pub use installation::GetInstallation;
pub use jobs::{GetJob, ListJobs, ListOpenJobs};
pub use page::{PAGE_MAX, Page, PageRequest};
pub use refs::{FindCommitOfToken, ListBranches, ListDeletedBranches, ListTags, Lookup, ReadReflog, ResolveRef};
pub use repositories::{GetRepository, GetSettings, ListRepositories, SettingsOfRepository};
pub use staging::{ListStaged, StagedPage};
pub use uploads::{GetCompletedUpload, GetUpload, ListParts, ListUploads};

/// Calls a macro with all questions and their answers. The one list of them.
#[macro_export]
macro_rules! for_each_query {
    ($macro:ident) => {
        $macro! {
            GetRepository -> Repository(Repository),
            GetSettings -> Settings(Box<SettingsOfRepository>),
            ListRepositories -> Repositories(Page<Repository>),
            ResolveRef -> Lookup(Box<Lookup>),
            ListBranches -> Branches(Page<Branch>),
            ListDeletedBranches -> Moves(Page<ReflogEntry>),
            ReadReflog -> Moves(Page<ReflogEntry>),
            ListTags -> Tags(Page<Tag>),
            FindCommitOfToken -> CommitOfToken(Option<CommitId>),
            ListStaged -> Staged(StagedPage),
            GetUpload -> Upload(Upload),
            GetCompletedUpload -> CompletedUpload(CompletedUpload),
            ListUploads -> Uploads(Page<Upload>),
            ListParts -> Parts(Page<Part>),
            GetUser -> User(User),
            GetUserByName -> User(User),
            ListUsers -> Users(Page<User>),
            GetCredential -> Credential(CredentialOfUser),
            ListCredentials -> Credentials(Page<Credential>),
            GetGroup -> Group(Group),
            ListGroups -> Groups(Page<Group>),
            ListMembers -> Users(Page<User>),
            GetPolicy -> Policy(Policy),
            ListPolicies -> Policies(Page<Policy>),
            GetAccess -> Access(Box<Access>),
            GetJob -> Job(Box<Job>),
            ListJobs -> Jobs(Page<Job>),
            ListOpenJobs -> Jobs(Page<Job>),
            GetInstallation -> Installation(Option<Installation>),
        }
    };
}

/// A question whose answer has a type: [`crate::MetaStore`]'s `ask` takes it.
pub trait Question: Into<Query> {
    /// What the service answers.
    type Answer;

    /// Takes the answer.
    ///
    /// # Errors
    /// [`MetaError::Refused`]; [`MetaError::Internal`] when it answers another question.
    fn take(answer: Answer) -> Result<Self::Answer, MetaError>;
}

macro_rules! queries {
    ($($name:ident -> $variant:ident($value:ty),)*) => {
        /// A question.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Query {
            $(
                #[doc = concat!("See [`", stringify!($name), "`].")]
                $name($name),
            )*
        }

        $(
            impl From<$name> for Query {
                fn from(question: $name) -> Self {
                    Self::$name(question)
                }
            }

            impl Question for $name {
                type Answer = $value;

                fn take(answer: Answer) -> Result<$value, MetaError> {
                    match answer {
                        Answer::$variant(value) => Ok(value),
                        Answer::Refused(refusal) => Err(refusal.into()),
                        _ => Err(MetaError::Internal(concat!(
                            "the metadata service answered another question than ", stringify!($name)
                        ).into())),
                    }
                }
            }
        )*
    };
}

for_each_query!(queries);

/// An answer; which one, [`for_each_query`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// No.
    Refused(Refusal),
    /// A repository.
    Repository(Repository),
    /// A repository and its settings.
    Settings(Box<SettingsOfRepository>),
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
    /// The commit that holds a token's changes; `None` if they were thrown away, or it isn't known any more.
    CommitOfToken(Option<CommitId>),
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
    /// A user.
    User(User),
    /// Users.
    Users(Page<User>),
    /// An access key and its user.
    Credential(CredentialOfUser),
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
    /// A job.
    Job(Box<Job>),
    /// Jobs.
    Jobs(Page<Job>),
    /// The installation, once it has an id.
    Installation(Option<Installation>),
}
