//! The replicated commands, as data: the only way in which the metadata service's state changes. Owns the list of them; each
//! has its shape in a file by its noun. `metadata-server/command/` applies them, one file each; `proto` encodes them for wire
//! and log. Invariant: a command holds all that its effect depends on but the state, the log index and the stamped time.

mod access;
mod installation;
mod jobs;
mod refs;
mod repositories;
mod staging;
mod uploads;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    Branch, Credential, Group, Installation, Job, Policy, Refusal, Repository, RequestId, StageOutcome, Tag, Undeleted,
    Upload, User,
};

pub use access::{
    AddMember, AttachPolicy, CreateCredential, CreateGroup, CreatePolicy, CreateUser, DeleteCredential, DeleteGroup,
    DeletePolicy, DeleteUser, DetachPolicy, EndSession, EndSessions, RemoveMember, SetUpAccess, UpdatePolicy,
};
pub use installation::Identify;
pub use jobs::{BeginJob, CancelJob, ClaimJob, EndRequest, ReportJob};
pub use refs::{CreateBranch, CreateTag, DeleteBranch, DeleteTag, Publish, UndeleteBranch};
pub use repositories::{ChangeSettings, ClaimNamespace, CreateRepository, DeleteRepository};
pub use staging::{Seal, Stage, Unstage};
pub use uploads::{AbortUpload, CompleteUpload, CreateUpload, PutPart};

/// Calls a macro with the names of all commands but `Forced`, which holds another. The one list of them.
#[macro_export]
macro_rules! for_each_command {
    ($macro:ident) => {
        $macro! {
            ClaimNamespace,
            CreateRepository,
            DeleteRepository,
            ChangeSettings,
            CreateBranch,
            DeleteBranch,
            UndeleteBranch,
            CreateTag,
            DeleteTag,
            Stage,
            Unstage,
            Seal,
            Publish,
            CreateUpload,
            PutPart,
            CompleteUpload,
            AbortUpload,
            CreateUser,
            CreateCredential,
            BeginJob,
            ClaimJob,
            ReportJob,
            CancelJob,
            EndRequest,
            DeleteCredential,
            DeleteUser,
            EndSession,
            EndSessions,
            CreateGroup,
            DeleteGroup,
            AddMember,
            RemoveMember,
            CreatePolicy,
            UpdatePolicy,
            DeletePolicy,
            AttachPolicy,
            DetachPolicy,
            SetUpAccess,
            Identify,
        }
    };
}

macro_rules! commands {
    ($($name:ident,)*) => {
        /// A change of replicated state. Those that aren't idempotent carry a request id: within a day, the same id gets the
        /// first answer again.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Command {
            $(
                #[doc = concat!("See [`", stringify!($name), "`].")]
                $name($name),
            )*
            /// Carries another command out even if its repository takes no writes; protected branches stay protected.
            /// → what that answers
            Forced(Box<Self>),
        }

        $(
            impl From<$name> for Command {
                fn from(command: $name) -> Self {
                    Self::$name(command)
                }
            }
        )*

        impl fmt::Display for Command {
            /// One line for logs: what, where, how much; never a secret or a user's data.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name(command) => command.fmt(f),)*
                    Self::Forced(command) => write!(f, "force {command}"),
                }
            }
        }
    };
}

for_each_command!(commands);

impl Command {
    /// How many changes one `Stage` may hold.
    pub const STAGED_CHANGES_MAX: usize = 1000;
    /// How many requests one `Publish` may carry out.
    pub const ENDED_MAX: usize = 64;
}

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Done; nothing to tell.
    Done,
    /// No; nothing changed.
    Refused(Refusal),
    /// The id of the claim on a namespace.
    Claimed(RequestId),
    /// The repository made.
    Repository(Repository),
    /// The branch as it is now.
    Branch(Branch),
    /// The branch that is back.
    Undeleted(Undeleted),
    /// The tag made.
    Tag(Tag),
    /// What became of each change, in their order.
    Staged(Vec<StageOutcome>),
    /// The upload begun or ended.
    Upload(Upload),
    /// The user made.
    User(User),
    /// The access key made.
    Credential(Credential),
    /// The job as it is now.
    Job(Box<Job>),
    /// The group made.
    Group(Group),
    /// The policy as it is now.
    Policy(Policy),
    /// The installation as it is now.
    Installation(Installation),
}

macro_rules! typed {
    ($($method:ident -> $variant:ident($value:ty);)*) => {
        impl Outcome {
            $(
                /// Takes the value of a command that answers so, or its refusal.
                ///
                /// # Panics
                /// When the state machine answered with another kind than the command's documentation says.
                pub fn $method(self) -> Result<$value, Refusal> {
                    match self {
                        Self::$variant(value) => Ok(value),
                        Self::Refused(refusal) => Err(refusal),
                        other => panic!("the state machine answered {other:?} where {} was due", stringify!($variant)),
                    }
                }
            )*
        }
    };
}

typed! {
    claimed -> Claimed(RequestId);
    repository -> Repository(Repository);
    branch -> Branch(Branch);
    undeleted -> Undeleted(Undeleted);
    tag -> Tag(Tag);
    staged -> Staged(Vec<StageOutcome>);
    upload -> Upload(Upload);
    user -> User(User);
    credential -> Credential(Credential);
    job -> Job(Box<Job>);
    group -> Group(Group);
    policy -> Policy(Policy);
    installation -> Installation(Installation);
}

impl Outcome {
    /// Takes the nothing of a command that answers so, or its refusal.
    pub fn done(self) -> Result<(), Refusal> {
        match self {
            Self::Refused(refusal) => Err(refusal),
            _ => Ok(()),
        }
    }
}
