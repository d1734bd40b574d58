//! Why a call failed, as one word that programs may match. Owns the words; `api-server` says which error has which, and
//! clients in any language read them from the status's metadata. Invariant: a word that was released keeps its meaning.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// The entry of a failed call's metadata that holds the reason.
pub const REASON_KEY: &str = "lakebed-reason";

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why a call failed. `Display` is the word on the wire.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            $($(#[$doc])* $name,)*
        }

        impl Reason {
            /// All reasons.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

reasons! {
    /// A word that this build doesn't know, or none: the failure isn't Lakebed's own, or a newer server's.
    Unknown = "UNKNOWN",
    /// Told by clients: the server can't be reached.
    Unreachable = "UNREACHABLE",
    /// No credentials, or wrong ones.
    Unauthenticated = "UNAUTHENTICATED",
    /// The caller may not do that.
    AccessDenied = "ACCESS_DENIED",
    /// A field breaks its rule.
    InvalidArgument = "INVALID_ARGUMENT",
    /// No such repository.
    RepositoryNotFound = "REPOSITORY_NOT_FOUND",
    /// The repository's name is taken.
    RepositoryExists = "REPOSITORY_EXISTS",
    /// Another repository lives in the storage namespace.
    NamespaceTaken = "NAMESPACE_TAKEN",
    /// No such branch.
    BranchNotFound = "BRANCH_NOT_FOUND",
    /// The default branch can't be deleted.
    DefaultBranch = "DEFAULT_BRANCH",
    /// The branch changes by merges only.
    ProtectedBranch = "PROTECTED_BRANCH",
    /// The repository takes no writes.
    ReadOnly = "READ_ONLY",
    /// The settings changed meanwhile; nothing was changed.
    SettingsChanged = "SETTINGS_CHANGED",
    /// No such tag.
    TagNotFound = "TAG_NOT_FOUND",
    /// A branch or tag has this name.
    RefExists = "REF_EXISTS",
    /// The expression names no commit.
    RefNotFound = "REF_NOT_FOUND",
    /// A prefix of several commits' ids.
    RefAmbiguous = "REF_AMBIGUOUS",
    /// Only a branch will do, and this is none.
    NotABranch = "NOT_A_BRANCH",
    /// No such object.
    ObjectNotFound = "OBJECT_NOT_FOUND",
    /// The range begins after the object's end.
    RangeNotSatisfiable = "RANGE_NOT_SATISFIABLE",
    /// The condition of a write doesn't hold.
    PreconditionFailed = "PRECONDITION_FAILED",
    /// Nothing to commit.
    NoChanges = "NO_CHANGES",
    /// The branch has uncommitted changes.
    DirtyBranch = "DIRTY_BRANCH",
    /// A merge of a branch into itself.
    SameBranch = "SAME_BRANCH",
    /// An action file asks for hooks, which aren't run; nothing was changed.
    HooksDue = "HOOKS_DUE",
    /// The two have no commit in common.
    NothingInCommon = "NOTHING_IN_COMMON",
    /// A merge commit is reverted or picked without a parent's number.
    ParentNeeded = "PARENT_NEEDED",
    /// Others changed the same thing too often meanwhile; nothing changed, try again.
    Contended = "CONTENDED",
    /// No such job, or it is forgotten.
    JobNotFound = "JOB_NOT_FOUND",
    /// The job was cancelled before it was done.
    JobCancelled = "JOB_CANCELLED",
    /// The request id was used for another request.
    RequestReused = "REQUEST_REUSED",
    /// Too much waits already; nothing was begun, try again later.
    Busy = "BUSY",
    /// No such multipart upload.
    UploadNotFound = "UPLOAD_NOT_FOUND",
    /// No such user.
    UserNotFound = "USER_NOT_FOUND",
    /// The user's name is taken.
    UserExists = "USER_EXISTS",
    /// No such access key.
    CredentialNotFound = "CREDENTIAL_NOT_FOUND",
    /// The access key's id is taken.
    CredentialExists = "CREDENTIAL_EXISTS",
    /// No such group.
    GroupNotFound = "GROUP_NOT_FOUND",
    /// The group's name is taken.
    GroupExists = "GROUP_EXISTS",
    /// No such policy.
    PolicyNotFound = "POLICY_NOT_FOUND",
    /// The policy's name is taken.
    PolicyExists = "POLICY_EXISTS",
    /// One more would be over a bound.
    TooMany = "TOO_MANY",
    /// Too many failed attempts to prove who calls; try again later.
    TooManyAttempts = "TOO_MANY_ATTEMPTS",
    /// The client's bytes stopped or weren't as announced.
    BodyFailed = "BODY_FAILED",
    /// Whether the change was made is unknown: look before trying again.
    OutcomeUnknown = "OUTCOME_UNKNOWN",
    /// The metadata service can't be reached; nothing changed, try again.
    MetadataUnavailable = "METADATA_UNAVAILABLE",
    /// The identity provider can't be asked for its keys.
    IssuerUnavailable = "ISSUER_UNAVAILABLE",
    /// The object store can't be reached; try again.
    StorageUnavailable = "STORAGE_UNAVAILABLE",
    /// The object store has no space left.
    StorageFull = "STORAGE_FULL",
    /// The object store refuses the server's own credentials, or the way to it is wrong: bucket, region.
    StorageDenied = "STORAGE_DENIED",
    /// The object store lacks an object that must be there.
    DataMissing = "DATA_MISSING",
    /// An object in the object store isn't what was written there.
    DataCorrupt = "DATA_CORRUPT",
    /// An operator doesn't allow the server to read there.
    SourceNotAllowed = "SOURCE_NOT_ALLOWED",
    /// What was to be imported isn't there.
    SourceNotFound = "SOURCE_NOT_FOUND",
    /// An imported object is no longer in its source.
    SourceGone = "SOURCE_GONE",
    /// An imported object was changed in its source.
    SourceChanged = "SOURCE_CHANGED",
    /// A bug.
    Internal = "INTERNAL",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Reason {
    type Err = Infallible;

    /// Reads a word; one of a newer server is [`Reason::Unknown`].
    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::ALL.iter().find(|reason| reason.as_str() == text).copied().unwrap_or(Self::Unknown))
    }
}
