//! The replicated commands, as data: the only way in which the metadata service's state changes. Owns their shapes;
//! `metadata-server/command/` applies them, one file each; `proto` encodes them for wire and log.
//! Invariant: a command holds all that its effect depends on but the state, the log index and the stamped time.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    Branch, BranchName, CommitId, CompletedRequest, Credential, Entry, Group, GroupName, Installation, InstallationId,
    Job, JobCaller, JobKind, JobProgress, NewUpload, Note, Part, Policy, PolicyHolder, PolicyName, Refusal, Repository,
    RepositoryName, RepositoryUid, RequestId, RunnerId, SealedSecret, SessionId, SettingsChange, StageOutcome,
    StagedChange, StagingToken, StorageNamespace, StoreId, Tag, TagName, Timestamp, Undeleted, UnstageScope, Upload,
    UploadId, User, UserId, UserName, Version,
};

/// A change of replicated state. Those that aren't idempotent carry a request id: within a day, the same id gets the
/// first answer again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Claims a storage namespace for a repository that is about to be made, before anything is written there. One that
    /// was claimed before and has no repository yet keeps its claim: that creation was cut off, and this one goes on with
    /// it. → [`Outcome::Claimed`], or [`Outcome::Repository`] if the request has made its repository already
    ClaimNamespace {
        /// The request that will make the repository; the claim's id, unless there is one.
        request: RequestId,
        /// The repository's name.
        name: RepositoryName,
        /// Where it shall live.
        namespace: StorageNamespace,
    },
    /// Makes a repository whose default branch points at a first commit. → [`Outcome::Repository`]
    CreateRepository {
        /// So that a retry finds its own repository.
        request: RequestId,
        /// Its name.
        name: RepositoryName,
        /// Where it lives.
        namespace: StorageNamespace,
        /// Its first branch.
        default_branch: BranchName,
        /// What that points at, already in the object store; a repository without it begins without a branch.
        commit: Option<CommitId>,
        /// The claim on its namespace, which must be there still and ends with this. Logs of earlier versions have none.
        claim: Option<RequestId>,
        /// For that branch's reflog.
        note: Note,
    },
    /// Forgets a repository with all refs, staged entries and uploads; leaves its objects alone. → [`Outcome::Done`]
    DeleteRepository {
        /// Which.
        name: RepositoryName,
    },
    /// Decides something about a repository. → [`Outcome::Done`]
    ChangeSettings {
        /// Which.
        repository: RepositoryName,
        /// What.
        change: SettingsChange,
    },
    /// Makes a branch at a commit. → [`Outcome::Branch`]
    CreateBranch {
        /// So that a retry finds its own branch.
        request: RequestId,
        /// Where.
        repository: RepositoryName,
        /// Its name.
        branch: BranchName,
        /// What it points at.
        commit: CommitId,
        /// Whether lists leave it out.
        hidden: bool,
        /// For the reflog.
        note: Note,
    },
    /// Deletes a branch. Its staged entries are kept apart for a while, for [`Self::UndeleteBranch`].
    /// → [`Outcome::Done`]
    DeleteBranch {
        /// Where.
        repository: RepositoryName,
        /// Which.
        branch: BranchName,
        /// For the reflog.
        note: Note,
    },
    /// Brings the branch back that was deleted last under a name, with the staged entries that are still kept.
    /// → [`Outcome::Undeleted`]
    UndeleteBranch {
        /// So that a retry finds its own branch.
        request: RequestId,
        /// Where.
        repository: RepositoryName,
        /// Which.
        branch: BranchName,
        /// For the reflog.
        note: Note,
    },
    /// Makes a tag. → [`Outcome::Tag`]
    CreateTag {
        /// So that a retry finds its own tag.
        request: RequestId,
        /// Where.
        repository: RepositoryName,
        /// Its name.
        tag: TagName,
        /// What it names.
        commit: CommitId,
    },
    /// Deletes a tag. → [`Outcome::Done`]
    DeleteTag {
        /// Where.
        repository: RepositoryName,
        /// Which.
        tag: TagName,
    },
    /// Stages changes on a branch, each judged by itself. → [`Outcome::Staged`], one outcome a change, in their order
    Stage {
        /// Where.
        repository: RepositoryName,
        /// The one that must have the name, if the changes' bytes lie in it: one that was made anew has other bytes.
        uid: Option<RepositoryUid>,
        /// Onto which branch.
        branch: BranchName,
        /// What; at most [`Command::STAGED_CHANGES_MAX`].
        changes: Vec<StagedChange>,
    },
    /// Drops staged changes. → [`Outcome::Branch`]
    Unstage {
        /// Where.
        repository: RepositoryName,
        /// On which branch.
        branch: BranchName,
        /// Which changes.
        scope: UnstageScope,
    },
    /// Gives the branch a new staging token, so that what is staged so far stays as it is, to be committed. A branch
    /// whose present token is empty keeps it. → [`Outcome::Branch`], whose sealed tokens are what to commit
    Seal {
        /// Where.
        repository: RepositoryName,
        /// Which.
        branch: BranchName,
    },
    /// Moves a branch from one head to the next, and drops the tokens that the new head holds; the one
    /// compare-and-swap that makes work visible. → [`Outcome::Branch`]
    Publish {
        /// So that one whose answer was lost can be sent again, and is carried out once. Logs of earlier versions have
        /// none.
        request: Option<RequestId>,
        /// Where.
        repository: RepositoryName,
        /// Which.
        branch: BranchName,
        /// Where it must be now.
        expected: CommitId,
        /// Where it goes; already in the object store.
        head: CommitId,
        /// Sealed tokens that are dropped. All must still be sealed, or the refusal is `HeadMoved`.
        consumed: Vec<StagingToken>,
        /// The commits, `head` or ancestors of it, that hold the tokens consumed, in their order; none for those whose
        /// changes are thrown away.
        held_by: Vec<Option<CommitId>>,
        /// The branch's `reset` when the tokens were read; another one refuses with `HeadMoved`. Any if `None`.
        read_at: Option<Version>,
        /// Whether anything else staged refuses the publication (as for a merge).
        require_clean: bool,
        /// The requests that this publication carries out, each at most once: one that was answered before refuses all
        /// with `RequestAnswered`.
        ended: Vec<CompletedRequest>,
        /// Where the head is on its way, one commit upon the other, each with its note for the reflog; without `head`.
        passed: Vec<(CommitId, Note)>,
        /// For the reflog, if the head is another than before.
        note: Note,
    },
    /// Begins a multipart upload. → [`Outcome::Upload`]
    CreateUpload {
        /// So that a retry finds its own upload.
        request: RequestId,
        /// Where.
        repository: RepositoryName,
        /// What.
        upload: NewUpload,
    },
    /// Records an uploaded part; replaces one of the same number. → [`Outcome::Done`]
    PutPart {
        /// Where.
        repository: RepositoryName,
        /// To which upload.
        upload: UploadId,
        /// What.
        part: Part,
    },
    /// Ends an upload and stages its object, both or neither. → [`Outcome::Staged`] with one outcome; the upload
    /// ends only if that is `Staged`
    CompleteUpload {
        /// Where.
        repository: RepositoryName,
        /// Which.
        upload: UploadId,
        /// The object; its bytes are already in place.
        entry: Entry,
        /// On what condition.
        condition: Option<crate::Condition>,
        /// What the client asked for, by which it is known if it asks again.
        request: Option<crate::CompletionDigest>,
    },
    /// Ends an upload without an object. → [`Outcome::Upload`], so that the caller can clean up behind it
    AbortUpload {
        /// Where.
        repository: RepositoryName,
        /// Which.
        upload: UploadId,
    },
    /// Makes a user, in groups, with a first access key or without. → [`Outcome::User`]
    CreateUser {
        /// So that a retry finds its own user.
        request: RequestId,
        /// The name.
        name: UserName,
        /// A key's public half and its secret, encrypted: both user and key are made or neither.
        first_key: Option<(String, SealedSecret)>,
        /// What the user is in from the beginning.
        groups: Vec<GroupName>,
        /// Only if there never was another user; else the refusal is `AlreadySetUp`. Once in an installation's life.
        only_first: bool,
    },
    /// Gives a user an access key. → [`Outcome::Credential`]
    CreateCredential {
        /// So that a retry finds its own key.
        request: RequestId,
        /// Whose.
        user: UserId,
        /// The public half.
        access_key_id: String,
        /// The secret half, encrypted.
        secret: SealedSecret,
    },
    /// Begins a job, to be carried out by the runner, or else by any. One that began under the same id is the answer, in
    /// whatever state it is. → [`Outcome::Job`]
    BeginJob {
        /// The job's id.
        request: RequestId,
        /// On what it works.
        repository: RepositoryName,
        /// What it does.
        kind: JobKind,
        /// For whom.
        user: UserId,
        /// What else they are.
        caller: Option<JobCaller>,
        /// The request.
        spec: Vec<u8>,
        /// Who takes it up at once, and for how many milliseconds.
        runner: Option<(RunnerId, u32)>,
    },
    /// Takes up a job that nobody carries out any more. → [`Outcome::Job`], which may have ended meanwhile
    ClaimJob {
        /// Which.
        job: RequestId,
        /// Who.
        runner: RunnerId,
        /// For how many milliseconds.
        lease_ms: u32,
    },
    /// Keeps a job's lease, and tells how far it is. → [`Outcome::Job`]
    ReportJob {
        /// Which.
        job: RequestId,
        /// Who.
        runner: RunnerId,
        /// For how many milliseconds more.
        lease_ms: u32,
        /// How far it is.
        progress: JobProgress,
        /// What to leave for the next runner; what was left stays if `None`.
        checkpoint: Option<Vec<u8>>,
    },
    /// Asks a job to end, or ends one that nobody carries out. → [`Outcome::Job`]
    CancelJob {
        /// Which.
        job: RequestId,
    },
    /// Remembers a request's end, whether it was a job or not. An end that is remembered already is the answer.
    /// → [`Outcome::Job`]
    EndRequest {
        /// On what it worked.
        repository: RepositoryName,
        /// Who carried it out.
        runner: RunnerId,
        /// The request and its end.
        ended: CompletedRequest,
    },
    /// Takes an access key of a user away, and with it the sessions that it began. → [`Outcome::Done`]
    DeleteCredential {
        /// Whose.
        user: UserName,
        /// The public half.
        access_key_id: String,
    },
    /// Forgets a user with all keys, memberships, attached policies and sessions: one made again under the name gets
    /// nothing of it. → [`Outcome::Done`]
    DeleteUser {
        /// Who.
        name: UserName,
    },
    /// Ends one session. → [`Outcome::Done`]
    EndSession {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
        /// When it would have ended by itself: until then it is remembered.
        until: Timestamp,
    },
    /// Ends all sessions of a user that were begun so far. → [`Outcome::User`]
    EndSessions {
        /// Whose.
        user: UserName,
    },
    /// Makes a group. → [`Outcome::Group`]
    CreateGroup {
        /// So that a retry finds its own group.
        request: RequestId,
        /// The name.
        name: GroupName,
    },
    /// Forgets a group with its memberships and attached policies. → [`Outcome::Done`]
    DeleteGroup {
        /// Which.
        name: GroupName,
    },
    /// Takes a user into a group; once is enough. → [`Outcome::Done`]
    AddMember {
        /// Into which.
        group: GroupName,
        /// Whom.
        user: UserName,
    },
    /// Takes a user out of a group, if they are in it. → [`Outcome::Done`]
    RemoveMember {
        /// Out of which.
        group: GroupName,
        /// Whom.
        user: UserName,
    },
    /// Makes a policy. → [`Outcome::Policy`]
    CreatePolicy {
        /// So that a retry finds its own policy.
        request: RequestId,
        /// The name.
        name: PolicyName,
        /// What it says; already checked.
        document: String,
    },
    /// Gives a policy another document. → [`Outcome::Policy`]
    UpdatePolicy {
        /// Which.
        name: PolicyName,
        /// What it says; already checked.
        document: String,
    },
    /// Forgets a policy and takes it from all who hold it. → [`Outcome::Done`]
    DeletePolicy {
        /// Which.
        name: PolicyName,
    },
    /// Attaches a policy; once is enough. → [`Outcome::Done`]
    AttachPolicy {
        /// Which.
        policy: PolicyName,
        /// To whom.
        holder: PolicyHolder,
    },
    /// Detaches a policy, if it is attached. → [`Outcome::Done`]
    DetachPolicy {
        /// Which.
        policy: PolicyName,
        /// From whom.
        holder: PolicyHolder,
    },
    /// Makes the default policies and groups, once in an installation's life: what operators deleted stays deleted.
    /// → [`Outcome::Done`]
    SetUpAccess {
        /// Names and documents.
        policies: Vec<(PolicyName, String)>,
        /// Names, and the policies attached.
        groups: Vec<(GroupName, Vec<PolicyName>)>,
        /// Users who are taken into groups, if they are there.
        members: Vec<(GroupName, UserName)>,
    },
    /// Gives the installation its id if it has none, and notes its object store if what is known of it is what was
    /// expected. → [`Outcome::Installation`], as it is then: of several who ask at once, the first decides
    Identify {
        /// Counts if there is no id yet.
        installation: InstallationId,
        /// Where the objects lie; nothing if that isn't known.
        store: Option<StoreId>,
        /// What must be noted now.
        replaces: Option<StoreId>,
    },
    /// Carries another command out even if its repository takes no writes; protected branches stay protected.
    /// → what that answers
    Forced(Box<Self>),
}

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

impl fmt::Display for Command {
    /// One line for logs: what, where, how much; never a secret or a user's data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClaimNamespace { name, namespace, .. } => write!(f, "claim {namespace} for repository {name}"),
            Self::CreateRepository { name, namespace, .. } => write!(f, "create repository {name} at {namespace}"),
            Self::DeleteRepository { name } => write!(f, "delete repository {name}"),
            Self::ChangeSettings { repository, .. } => write!(f, "change settings of repository {repository}"),
            Self::CreateBranch { repository, branch, commit, .. } => {
                write!(f, "create branch {repository}/{branch} at {commit}")
            }
            Self::DeleteBranch { repository, branch, .. } => write!(f, "delete branch {repository}/{branch}"),
            Self::UndeleteBranch { repository, branch, .. } => write!(f, "undelete branch {repository}/{branch}"),
            Self::CreateTag { repository, tag, commit, .. } => write!(f, "create tag {repository}/{tag} at {commit}"),
            Self::DeleteTag { repository, tag } => write!(f, "delete tag {repository}/{tag}"),
            Self::Stage { repository, branch, changes, .. } => {
                write!(f, "stage {} changes on {repository}/{branch}", changes.len())
            }
            Self::Unstage { repository, branch, .. } => write!(f, "unstage on {repository}/{branch}"),
            Self::Seal { repository, branch } => write!(f, "seal {repository}/{branch}"),
            Self::Publish { repository, branch, expected, head, consumed, .. } => {
                write!(f, "publish {repository}/{branch} {expected} → {head}, {} tokens", consumed.len())
            }
            Self::CreateUpload { repository, upload, .. } => {
                write!(f, "create upload on {repository}/{}", upload.branch)
            }
            Self::PutPart { repository, upload, part } => {
                write!(f, "put part {} of upload {upload} in {repository}", part.number)
            }
            Self::CompleteUpload { repository, upload, .. } => write!(f, "complete upload {upload} in {repository}"),
            Self::AbortUpload { repository, upload } => write!(f, "abort upload {upload} in {repository}"),
            Self::CreateUser { name, .. } => write!(f, "create user {name}"),
            Self::CreateCredential { user, access_key_id, .. } => {
                write!(f, "create access key {access_key_id} of user {user}")
            }
            Self::BeginJob { request, repository, kind, .. } => write!(f, "begin {kind} job {request} on {repository}"),
            Self::ClaimJob { job, .. } => write!(f, "claim job {job}"),
            Self::ReportJob { job, .. } => write!(f, "report job {job}"),
            Self::CancelJob { job } => write!(f, "cancel job {job}"),
            Self::EndRequest { repository, ended, .. } => {
                write!(f, "end {} request {} on {repository}", ended.kind, ended.id)
            }
            Self::DeleteCredential { user, access_key_id } => {
                write!(f, "delete access key {access_key_id} of user {user}")
            }
            Self::DeleteUser { name } => write!(f, "delete user {name}"),
            Self::EndSession { user, session, .. } => write!(f, "end session {session} of user {user}"),
            Self::EndSessions { user } => write!(f, "end all sessions of user {user}"),
            Self::CreateGroup { name, .. } => write!(f, "create group {name}"),
            Self::DeleteGroup { name } => write!(f, "delete group {name}"),
            Self::AddMember { group, user } => write!(f, "add user {user} to group {group}"),
            Self::RemoveMember { group, user } => write!(f, "remove user {user} from group {group}"),
            Self::CreatePolicy { name, .. } => write!(f, "create policy {name}"),
            Self::UpdatePolicy { name, .. } => write!(f, "update policy {name}"),
            Self::DeletePolicy { name } => write!(f, "delete policy {name}"),
            Self::AttachPolicy { policy, holder } => write!(f, "attach policy {policy} to {holder}"),
            Self::DetachPolicy { policy, holder } => write!(f, "detach policy {policy} from {holder}"),
            Self::SetUpAccess { policies, groups, .. } => {
                write!(f, "set up {} policies and {} groups", policies.len(), groups.len())
            }
            Self::Identify { installation, store: None, .. } => write!(f, "identify installation {installation}"),
            Self::Identify { installation, store: Some(store), .. } => {
                write!(f, "identify installation {installation} with store {store}")
            }
            Self::Forced(command) => write!(f, "force {command}"),
        }
    }
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
