//! The nouns of Lakebed and its seams.
//!
//! Owns typed ids, names that are valid by construction, entries, commits, refs, the replicated [`Command`]s and
//! [`Query`]s, and the traits where the world is swapped: [`MetaStore`] and [`Clock`]. Leaves encodings to `proto`
//! (wire, log) and `graveler` (object store). Does no I/O.

mod id;
mod name;
mod path;
mod wildcard;

mod access;
mod check;
mod commit;
mod entry;
mod installation;
mod job;
mod job_spec;
mod object_tags;
mod part_sizes;
mod reflog;
mod refs;
mod repository;
mod settings;
mod staging;
mod upload;
mod user;

mod clock;
mod command;
mod meta_store;
mod query;
mod refusal;

pub use access::{
    Access, AccessBy, CREDENTIALS_MAX, GROUPS_MAX, Group, HOLDERS_MAX, MEMBERS_MAX, POLICIES_MAX, POLICY_BYTES_MAX,
    Policy, PolicyHolder, SESSIONS_ENDED_MAX,
};
pub use check::CheckSummary;
pub use clock::{CLOCK_TOLERANCE_MS, Clock, SystemClock, Timestamp};
pub use command::{
    AbortUpload, AddMember, AttachPolicy, BeginJob, CancelJob, ChangeSettings, ClaimJob, ClaimNamespace, Command,
    CompleteUpload, CreateBranch, CreateCredential, CreateGroup, CreatePolicy, CreateRepository, CreateTag,
    CreateUpload, CreateUser, DeleteBranch, DeleteCredential, DeleteGroup, DeletePolicy, DeleteRepository, DeleteTag,
    DeleteUser, DetachPolicy, EndRequest, EndSession, EndSessions, Identify, Outcome, Publish, PutPart, RemoveMember,
    ReportJob, Seal, SetUpAccess, Stage, UndeleteBranch, Unstage, UpdatePolicy,
};
pub use commit::Commit;
pub use entry::{Address, Checksum, ChecksumAlgorithm, ChecksumKind, Entry, IDENTITY_BYTES, Identity};
pub use id::{
    BranchUid, CommitId, CompletionDigest, DumpId, InstallationId, InvalidId, JobDigest, MetaRangeId, RangeId,
    RepositoryUid, RequestId, SessionId, StagingToken, StoreId, UploadId, UserId, Version,
};
pub use installation::Installation;
pub use job::{
    ANSWER_BYTES_MAX, CHECKPOINT_BYTES_MAX, CompletedRequest, JOB_BYTES_MAX, Job, JobCaller, JobFailure, JobKind,
    JobProgress, JobState, Lease, OPEN_JOBS_MAX, RunnerId,
};
pub use job_spec::JobSpec;
pub use meta_store::{MetaError, MetaStore};
pub use name::{
    BranchName, GroupName, InvalidName, PolicyName, RefName, RepositoryName, StorageNamespace, TagName, UserName,
};
pub use object_tags::{InvalidTags, ObjectTags, TAGS_NAME};
pub use part_sizes::{InvalidParts, PART_RUNS_MAX, PartRun, PartSizes};
pub use path::{InvalidPath, ObjectPath, PATH_BYTES_MAX};
pub use query::{
    Answer, CredentialOfUser, FindCommitOfToken, GetAccess, GetCompletedUpload, GetCredential, GetGroup,
    GetInstallation, GetJob, GetPolicy, GetRepository, GetSettings, GetUpload, GetUser, GetUserByName, ListBranches,
    ListCredentials, ListDeletedBranches, ListGroups, ListJobs, ListMembers, ListOpenJobs, ListParts, ListPolicies,
    ListRepositories, ListStaged, ListTags, ListUploads, ListUsers, Lookup, PAGE_MAX, Page, PageRequest, Query,
    Question, ReadReflog, ResolveRef, SettingsOfRepository, StagedPage,
};
pub use reflog::{DeletedBranch, Note, REFLOG_KEPT_DEFAULT, REFLOG_MOVES_MAX, ReflogEntry, Uncommitted, Undeleted};
pub use refs::{Branch, RefTarget, Tag};
pub use refusal::Refusal;
pub use repository::Repository;
pub use settings::{
    BranchPattern, InvalidPattern, PROTECTED_PATTERNS_MAX, REPOSITORY_METADATA_BYTES_MAX, RETENTION_BRANCHES_MAX,
    Retention, Settings, SettingsChange,
};
pub use staging::{Condition, Once, Require, SEALED_TOKENS_MAX, StageOutcome, StagedChange, StagedValue, UnstageScope};
pub use upload::{CompletedUpload, NewUpload, PART_NUMBER_MAX, Part, Upload};
pub use user::{Credential, SealedSecret, User};
pub use wildcard::{Wildcard, WildcardPiece};
