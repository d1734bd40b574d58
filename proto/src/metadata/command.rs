//! Conversions of commands, and of the conditions that they carry.

use model::{
    AbortUpload, AddMember, AttachPolicy, BeginJob, CancelJob, ChangeSettings, ClaimJob, ClaimNamespace, Command,
    CommitId, CompleteUpload, CompletedRequest, Condition, CreateBranch, CreateCredential, CreateGroup, CreatePolicy,
    CreateRepository, CreateTag, CreateUpload, CreateUser, DeleteBranch, DeleteCredential, DeleteGroup, DeletePolicy,
    DeleteRepository, DeleteTag, DeleteUser, DetachPolicy, EndRequest, EndSession, EndSessions, Entry, Identify,
    JobProgress, NewUpload, Note, Once, Part, PolicyHolder, Publish, PutPart, RemoveMember, ReportJob, RepositoryUid,
    RequestId, Require, Seal, SealedSecret, SetUpAccess, Stage, StagedChange, StagingToken, Timestamp, UndeleteBranch,
    Unstage, UnstageScope, UpdatePolicy, UploadId, UserId, Version,
};

use super::jobs::{kind as job_kind, kind_number, runner, runner_bytes};
use super::{
    DecodeError, Wire, commit, digest, digest_bytes, name, needed, optional, request, request_bytes, session,
    session_bytes, store_bytes,
};
use crate::generated::metadata::{self as pb, command::Kind, condition, unstage};

impl Wire for Condition {
    type Message = pb::Condition;

    fn to_message(&self) -> pb::Condition {
        let require = match &self.require {
            Require::Absent => condition::Require::Absent(pb::Absent {}),
            Require::Present(e_tag) => condition::Require::Present(pb::Present { e_tag: e_tag.clone() }),
        };
        pb::Condition {
            require: Some(require),
            commit: self.commit.as_bytes().to_vec(),
            committed_e_tag: self.committed_e_tag.clone(),
        }
    }

    fn from_message(message: pb::Condition) -> Result<Self, DecodeError> {
        let require = match message.require.ok_or(DecodeError::Missing("condition.require"))? {
            condition::Require::Absent(pb::Absent {}) => Require::Absent,
            condition::Require::Present(present) => Require::Present(present.e_tag),
        };
        Ok(Self {
            require,
            commit: commit("condition.commit", &message.commit)?,
            committed_e_tag: message.committed_e_tag,
        })
    }
}

impl Wire for StagedChange {
    type Message = pb::StagedChange;

    fn to_message(&self) -> pb::StagedChange {
        pb::StagedChange {
            path: self.path.to_string(),
            value: Some(self.value.to_message()),
            condition: self.condition.as_ref().map(Wire::to_message),
            once: self.once.as_ref().map(Wire::to_message),
        }
    }

    fn from_message(message: pb::StagedChange) -> Result<Self, DecodeError> {
        Ok(Self {
            path: name("change.path", message.path)?,
            value: needed("change.value", message.value)?,
            condition: optional(message.condition)?,
            once: optional(message.once)?,
        })
    }
}

impl Wire for Once {
    type Message = pb::Once;

    fn to_message(&self) -> pb::Once {
        pb::Once { id: request_bytes(self.id), until_ms: self.until.as_millis() }
    }

    fn from_message(pb::Once { id, until_ms }: pb::Once) -> Result<Self, DecodeError> {
        Ok(Self { id: request(&id)?, until: Timestamp::from_millis(until_ms) })
    }
}

impl Wire for Note {
    type Message = pb::Note;

    fn to_message(&self) -> pb::Note {
        pb::Note { who: self.who.clone(), why: self.why.clone(), kept_ms: self.kept_ms }
    }

    fn from_message(pb::Note { who, why, kept_ms }: pb::Note) -> Result<Self, DecodeError> {
        Ok(Self { who, why, kept_ms })
    }
}

fn note(message: Option<pb::Note>) -> Result<Note, DecodeError> {
    Ok(optional(message)?.unwrap_or_default())
}

fn scope_message(scope: &UnstageScope) -> unstage::Scope {
    match scope {
        UnstageScope::All => unstage::Scope::All(pb::UnstageAll {}),
        UnstageScope::Prefix(prefix) => unstage::Scope::Prefix(prefix.clone()),
        UnstageScope::Path(path) => unstage::Scope::Path(path.to_string()),
    }
}

fn scope(message: Option<unstage::Scope>) -> Result<UnstageScope, DecodeError> {
    Ok(match message.ok_or(DecodeError::Missing("unstage.scope"))? {
        unstage::Scope::All(pb::UnstageAll {}) => UnstageScope::All,
        unstage::Scope::Prefix(prefix) => UnstageScope::Prefix(prefix),
        unstage::Scope::Path(path) => UnstageScope::Path(name("unstage.path", path)?),
    })
}

impl Wire for Command {
    type Message = pb::Command;

    fn to_message(&self) -> pb::Command {
        pb::Command { kind: Some(kind(self)) }
    }

    fn from_message(message: pb::Command) -> Result<Self, DecodeError> {
        command(message.kind.ok_or(DecodeError::Missing("command.kind"))?)
    }
}

fn kind(command: &Command) -> Kind {
    match command {
        Command::ClaimNamespace(ClaimNamespace { request, name, namespace }) => {
            Kind::ClaimNamespace(pb::ClaimNamespace {
                request: request_bytes(*request),
                name: name.to_string(),
                namespace: namespace.to_string(),
            })
        }
        Command::CreateRepository(CreateRepository {
            request,
            name,
            namespace,
            default_branch,
            commit,
            claim,
            note,
        }) => Kind::CreateRepository(pb::CreateRepository {
            request: request_bytes(*request),
            name: name.to_string(),
            namespace: namespace.to_string(),
            default_branch: default_branch.to_string(),
            commit: commit.map(|commit| commit.as_bytes().to_vec()).unwrap_or_default(),
            claim: claim.map(request_bytes).unwrap_or_default(),
            note: Some(note.to_message()),
        }),
        Command::DeleteRepository(DeleteRepository { name }) => {
            Kind::DeleteRepository(pb::DeleteRepository { name: name.to_string() })
        }
        Command::ChangeSettings(ChangeSettings { repository, change }) => Kind::ChangeSettings(pb::ChangeSettings {
            repository: repository.to_string(),
            change: Some(super::settings::change_message(change)),
        }),
        Command::CreateBranch(CreateBranch { request, repository, branch, commit, hidden, note }) => {
            Kind::CreateBranch(pb::CreateBranch {
                request: request_bytes(*request),
                repository: repository.to_string(),
                branch: branch.to_string(),
                commit: commit.as_bytes().to_vec(),
                hidden: *hidden,
                note: Some(note.to_message()),
            })
        }
        Command::DeleteBranch(DeleteBranch { repository, branch, note }) => Kind::DeleteBranch(pb::DeleteBranch {
            repository: repository.to_string(),
            branch: branch.to_string(),
            note: Some(note.to_message()),
        }),
        Command::UndeleteBranch(UndeleteBranch { request, repository, branch, note }) => {
            Kind::UndeleteBranch(pb::UndeleteBranch {
                request: request_bytes(*request),
                repository: repository.to_string(),
                branch: branch.to_string(),
                note: Some(note.to_message()),
            })
        }
        Command::CreateTag(CreateTag { request, repository, tag, commit }) => Kind::CreateTag(pb::CreateTag {
            request: request_bytes(*request),
            repository: repository.to_string(),
            tag: tag.to_string(),
            commit: commit.as_bytes().to_vec(),
        }),
        Command::DeleteTag(DeleteTag { repository, tag }) => {
            Kind::DeleteTag(pb::DeleteTag { repository: repository.to_string(), tag: tag.to_string() })
        }
        Command::Stage(Stage { repository, uid, branch, changes }) => Kind::Stage(pb::Stage {
            repository: repository.to_string(),
            branch: branch.to_string(),
            changes: changes.iter().map(Wire::to_message).collect(),
            uid: uid.map(|uid| uid.0),
        }),
        Command::Unstage(Unstage { repository, branch, scope }) => Kind::Unstage(pb::Unstage {
            repository: repository.to_string(),
            branch: branch.to_string(),
            scope: Some(scope_message(scope)),
        }),
        Command::Seal(Seal { repository, branch }) => {
            Kind::Seal(pb::Seal { repository: repository.to_string(), branch: branch.to_string() })
        }
        Command::Publish(Publish {
            request,
            repository,
            branch,
            expected,
            head,
            consumed,
            held_by,
            read_at,
            require_clean,
            ended,
            passed,
            note,
        }) => Kind::Publish(pb::Publish {
            repository: repository.to_string(),
            branch: branch.to_string(),
            expected: expected.as_bytes().to_vec(),
            head: head.as_bytes().to_vec(),
            consumed: consumed.iter().map(|token| token.0).collect(),
            require_clean: *require_clean,
            note: Some(note.to_message()),
            held_by: held_by.iter().map(|held| held.map_or_else(Vec::new, |id| id.as_bytes().to_vec())).collect(),
            read_at: read_at.map(|version| version.0),
            ended: ended.iter().map(Wire::to_message).collect(),
            passed: passed.iter().map(passed_message).collect(),
            request: request.map(request_bytes).unwrap_or_default(),
        }),
        Command::CreateUpload(CreateUpload { request, repository, upload }) => Kind::CreateUpload(pb::CreateUpload {
            request: request_bytes(*request),
            repository: repository.to_string(),
            upload: Some(upload.to_message()),
        }),
        Command::PutPart(PutPart { repository, upload, part }) => Kind::PutPart(pb::PutPart {
            repository: repository.to_string(),
            upload: upload.0,
            part: Some(part.to_message()),
        }),
        Command::CompleteUpload(CompleteUpload { repository, upload, entry, condition, request }) => {
            Kind::CompleteUpload(pb::CompleteUpload {
                repository: repository.to_string(),
                upload: upload.0,
                entry: Some(entry.to_message()),
                condition: condition.as_ref().map(Wire::to_message),
                request: digest_bytes(request.as_ref()),
            })
        }
        Command::AbortUpload(AbortUpload { repository, upload }) => {
            Kind::AbortUpload(pb::AbortUpload { repository: repository.to_string(), upload: upload.0 })
        }
        Command::CreateUser(CreateUser { request, name, first_key, groups, only_first }) => {
            Kind::CreateUser(pb::CreateUser {
                request: request_bytes(*request),
                name: name.to_string(),
                first_key: first_key
                    .clone()
                    .map(|(access_key_id, secret)| pb::FirstKey { access_key_id, secret: secret.0 }),
                groups: groups.iter().map(ToString::to_string).collect(),
                only_first: *only_first,
            })
        }
        Command::CreateCredential(CreateCredential { request, user, access_key_id, secret }) => {
            Kind::CreateCredential(pb::CreateCredential {
                request: request_bytes(*request),
                user: user.0,
                access_key_id: access_key_id.clone(),
                secret: secret.0.clone(),
            })
        }
        Command::BeginJob(BeginJob { request, repository, kind, user, caller, spec, runner }) => {
            Kind::BeginJob(pb::BeginJob {
                request: request_bytes(*request),
                repository: repository.to_string(),
                kind: kind_number(*kind),
                user: user.0,
                caller: caller.as_ref().map(Wire::to_message),
                spec: spec.clone(),
                runner: runner.map(|(runner, lease_ms)| pb::FirstLease { runner: runner_bytes(runner), lease_ms }),
            })
        }
        Command::ClaimJob(ClaimJob { job, runner, lease_ms }) => Kind::ClaimJob(pb::ClaimJob {
            job: request_bytes(*job),
            runner: runner_bytes(*runner),
            lease_ms: *lease_ms,
        }),
        Command::ReportJob(ReportJob { job, runner, lease_ms, progress, checkpoint }) => {
            Kind::ReportJob(pb::ReportJob {
                job: request_bytes(*job),
                runner: runner_bytes(*runner),
                lease_ms: *lease_ms,
                progress: Some(progress.to_message()),
                checkpoint: checkpoint.clone(),
            })
        }
        Command::CancelJob(CancelJob { job }) => Kind::CancelJob(pb::CancelJob { job: request_bytes(*job) }),
        Command::EndRequest(EndRequest { repository, runner, ended }) => Kind::EndRequest(pb::EndRequest {
            repository: repository.to_string(),
            runner: runner_bytes(*runner),
            ended: Some(ended.to_message()),
        }),
        Command::DeleteCredential(DeleteCredential { user, access_key_id }) => {
            Kind::DeleteCredential(pb::DeleteCredential {
                user: user.to_string(),
                access_key_id: access_key_id.clone(),
            })
        }
        Command::DeleteUser(DeleteUser { name }) => Kind::DeleteUser(pb::DeleteUser { name: name.to_string() }),
        Command::EndSession(EndSession { user, session, until }) => Kind::EndSession(pb::EndSession {
            user: user.0,
            session: session_bytes(*session),
            until_ms: until.as_millis(),
        }),
        Command::EndSessions(EndSessions { user }) => Kind::EndSessions(pb::EndSessions { user: user.to_string() }),
        Command::CreateGroup(CreateGroup { request, name }) => {
            Kind::CreateGroup(pb::CreateGroup { request: request_bytes(*request), name: name.to_string() })
        }
        Command::DeleteGroup(DeleteGroup { name }) => Kind::DeleteGroup(pb::DeleteGroup { name: name.to_string() }),
        Command::AddMember(AddMember { group, user }) => Kind::AddMember(membership(group, user)),
        Command::RemoveMember(RemoveMember { group, user }) => Kind::RemoveMember(membership(group, user)),
        Command::CreatePolicy(CreatePolicy { request, name, document }) => Kind::CreatePolicy(pb::CreatePolicy {
            request: request_bytes(*request),
            name: name.to_string(),
            document: document.clone(),
        }),
        Command::UpdatePolicy(UpdatePolicy { name, document }) => {
            Kind::UpdatePolicy(pb::UpdatePolicy { name: name.to_string(), document: document.clone() })
        }
        Command::DeletePolicy(DeletePolicy { name }) => Kind::DeletePolicy(pb::DeletePolicy { name: name.to_string() }),
        Command::AttachPolicy(AttachPolicy { policy, holder }) => Kind::AttachPolicy(attachment(policy, holder)),
        Command::DetachPolicy(DetachPolicy { policy, holder }) => Kind::DetachPolicy(attachment(policy, holder)),
        Command::SetUpAccess(SetUpAccess { policies, groups, members }) => Kind::SetUpAccess(pb::SetUpAccess {
            policies: policies
                .iter()
                .map(|(name, document)| pb::NewPolicy { name: name.to_string(), document: document.clone() })
                .collect(),
            groups: groups
                .iter()
                .map(|(name, policies)| pb::NewGroup {
                    name: name.to_string(),
                    policies: policies.iter().map(ToString::to_string).collect(),
                })
                .collect(),
            members: members.iter().map(|(group, user)| membership(group, user)).collect(),
        }),
        Command::Identify(Identify { installation, store, replaces }) => Kind::Identify(pb::Identify {
            installation: installation.0.to_be_bytes().to_vec(),
            store: store.map(store_bytes),
            replaces: replaces.map(store_bytes),
        }),
        Command::Forced(command) => Kind::Forced(Box::new(command.to_message())),
    }
}

fn passed_message((commit, note): &(CommitId, Note)) -> pb::PassedCommit {
    pb::PassedCommit { commit: commit.as_bytes().to_vec(), note: Some(note.to_message()) }
}

fn passed(message: pb::PassedCommit) -> Result<(CommitId, Note), DecodeError> {
    Ok((commit("passed.commit", &message.commit)?, note(message.note)?))
}

fn optional_commit(field: &'static str, bytes: &[u8]) -> Result<Option<CommitId>, DecodeError> {
    if bytes.is_empty() { Ok(None) } else { commit(field, bytes).map(Some) }
}

fn optional_request(bytes: &[u8]) -> Result<Option<RequestId>, DecodeError> {
    if bytes.is_empty() { Ok(None) } else { request(bytes).map(Some) }
}

fn command(kind: Kind) -> Result<Command, DecodeError> {
    Ok(match kind {
        Kind::ClaimNamespace(m) => Command::ClaimNamespace(ClaimNamespace {
            request: request(&m.request)?,
            name: name("name", m.name)?,
            namespace: name("namespace", m.namespace)?,
        }),
        Kind::CreateRepository(m) => Command::CreateRepository(CreateRepository {
            request: request(&m.request)?,
            name: name("name", m.name)?,
            namespace: name("namespace", m.namespace)?,
            default_branch: name("default_branch", m.default_branch)?,
            commit: optional_commit("commit", &m.commit)?,
            claim: optional_request(&m.claim)?,
            note: note(m.note)?,
        }),
        Kind::DeleteRepository(m) => Command::DeleteRepository(DeleteRepository { name: name("name", m.name)? }),
        Kind::ChangeSettings(m) => Command::ChangeSettings(ChangeSettings {
            repository: name("change_settings.repository", m.repository)?,
            change: super::settings::change(m.change)?,
        }),
        Kind::CreateBranch(m) => Command::CreateBranch(CreateBranch {
            request: request(&m.request)?,
            repository: name("repository", m.repository)?,
            branch: name("branch", m.branch)?,
            commit: commit("commit", &m.commit)?,
            hidden: m.hidden,
            note: note(m.note)?,
        }),
        Kind::DeleteBranch(m) => Command::DeleteBranch(DeleteBranch {
            repository: name("repository", m.repository)?,
            branch: name("branch", m.branch)?,
            note: note(m.note)?,
        }),
        Kind::UndeleteBranch(m) => Command::UndeleteBranch(UndeleteBranch {
            request: request(&m.request)?,
            repository: name("repository", m.repository)?,
            branch: name("branch", m.branch)?,
            note: note(m.note)?,
        }),
        Kind::CreateTag(m) => Command::CreateTag(CreateTag {
            request: request(&m.request)?,
            repository: name("repository", m.repository)?,
            tag: name("tag", m.tag)?,
            commit: commit("commit", &m.commit)?,
        }),
        Kind::DeleteTag(m) => {
            Command::DeleteTag(DeleteTag { repository: name("repository", m.repository)?, tag: name("tag", m.tag)? })
        }
        Kind::Stage(m) => Command::Stage(Stage {
            repository: name("repository", m.repository)?,
            uid: m.uid.map(RepositoryUid),
            branch: name("branch", m.branch)?,
            changes: m.changes.into_iter().map(StagedChange::from_message).collect::<Result<_, _>>()?,
        }),
        Kind::Unstage(m) => Command::Unstage(Unstage {
            repository: name("repository", m.repository)?,
            branch: name("branch", m.branch)?,
            scope: scope(m.scope)?,
        }),
        Kind::Seal(m) => {
            Command::Seal(Seal { repository: name("repository", m.repository)?, branch: name("branch", m.branch)? })
        }
        Kind::Publish(m) => Command::Publish(Publish {
            request: optional_request(&m.request)?,
            repository: name("repository", m.repository)?,
            branch: name("branch", m.branch)?,
            expected: commit("expected", &m.expected)?,
            head: commit("head", &m.head)?,
            held_by: m.held_by.iter().map(|bytes| optional_commit("held_by", bytes)).collect::<Result<_, _>>()?,
            consumed: m.consumed.into_iter().map(StagingToken).collect(),
            read_at: m.read_at.map(Version),
            require_clean: m.require_clean,
            ended: m.ended.into_iter().map(CompletedRequest::from_message).collect::<Result<_, _>>()?,
            passed: m.passed.into_iter().map(passed).collect::<Result<_, _>>()?,
            note: note(m.note)?,
        }),
        Kind::CreateUpload(m) => Command::CreateUpload(CreateUpload {
            request: request(&m.request)?,
            repository: name("repository", m.repository)?,
            upload: needed::<NewUpload>("upload", m.upload)?,
        }),
        Kind::PutPart(m) => Command::PutPart(PutPart {
            repository: name("repository", m.repository)?,
            upload: UploadId(m.upload),
            part: needed::<Part>("part", m.part)?,
        }),
        Kind::CompleteUpload(m) => Command::CompleteUpload(CompleteUpload {
            repository: name("repository", m.repository)?,
            upload: UploadId(m.upload),
            entry: needed::<Entry>("entry", m.entry)?,
            condition: optional(m.condition)?,
            request: digest("request", &m.request)?,
        }),
        Kind::AbortUpload(m) => Command::AbortUpload(AbortUpload {
            repository: name("repository", m.repository)?,
            upload: UploadId(m.upload),
        }),
        Kind::CreateUser(m) => Command::CreateUser(CreateUser {
            request: request(&m.request)?,
            name: name("name", m.name)?,
            first_key: m.first_key.map(|key| (key.access_key_id, SealedSecret(key.secret))),
            groups: m.groups.into_iter().map(|group| name("groups", group)).collect::<Result<_, _>>()?,
            only_first: m.only_first,
        }),
        Kind::CreateCredential(m) => Command::CreateCredential(CreateCredential {
            request: request(&m.request)?,
            user: UserId(m.user),
            access_key_id: m.access_key_id,
            secret: SealedSecret(m.secret),
        }),
        Kind::BeginJob(m) => Command::BeginJob(BeginJob {
            request: request(&m.request)?,
            repository: name("repository", m.repository)?,
            kind: job_kind(m.kind)?,
            user: UserId(m.user),
            caller: optional(m.caller)?,
            spec: m.spec,
            runner: m.runner.map(|first| Ok::<_, DecodeError>((runner(&first.runner)?, first.lease_ms))).transpose()?,
        }),
        Kind::ClaimJob(m) => {
            Command::ClaimJob(ClaimJob { job: request(&m.job)?, runner: runner(&m.runner)?, lease_ms: m.lease_ms })
        }
        Kind::ReportJob(m) => Command::ReportJob(ReportJob {
            job: request(&m.job)?,
            runner: runner(&m.runner)?,
            lease_ms: m.lease_ms,
            progress: needed::<JobProgress>("progress", m.progress)?,
            checkpoint: m.checkpoint,
        }),
        Kind::CancelJob(m) => Command::CancelJob(CancelJob { job: request(&m.job)? }),
        Kind::EndRequest(m) => Command::EndRequest(EndRequest {
            repository: name("repository", m.repository)?,
            runner: runner(&m.runner)?,
            ended: needed::<CompletedRequest>("ended", m.ended)?,
        }),
        Kind::DeleteCredential(m) => {
            Command::DeleteCredential(DeleteCredential { user: name("user", m.user)?, access_key_id: m.access_key_id })
        }
        Kind::DeleteUser(m) => Command::DeleteUser(DeleteUser { name: name("name", m.name)? }),
        Kind::EndSession(m) => Command::EndSession(EndSession {
            user: UserId(m.user),
            session: session(&m.session)?,
            until: Timestamp::from_millis(m.until_ms),
        }),
        Kind::EndSessions(m) => Command::EndSessions(EndSessions { user: name("user", m.user)? }),
        Kind::CreateGroup(m) => {
            Command::CreateGroup(CreateGroup { request: request(&m.request)?, name: name("name", m.name)? })
        }
        Kind::DeleteGroup(m) => Command::DeleteGroup(DeleteGroup { name: name("name", m.name)? }),
        Kind::AddMember(m) => {
            Command::AddMember(AddMember { group: name("group", m.group)?, user: name("user", m.user)? })
        }
        Kind::RemoveMember(m) => {
            Command::RemoveMember(RemoveMember { group: name("group", m.group)?, user: name("user", m.user)? })
        }
        Kind::CreatePolicy(m) => Command::CreatePolicy(CreatePolicy {
            request: request(&m.request)?,
            name: name("name", m.name)?,
            document: m.document,
        }),
        Kind::UpdatePolicy(m) => {
            Command::UpdatePolicy(UpdatePolicy { name: name("name", m.name)?, document: m.document })
        }
        Kind::DeletePolicy(m) => Command::DeletePolicy(DeletePolicy { name: name("name", m.name)? }),
        Kind::AttachPolicy(m) => Command::AttachPolicy(AttachPolicy {
            policy: name("policy", m.policy)?,
            holder: needed::<PolicyHolder>("holder", m.holder)?,
        }),
        Kind::DetachPolicy(m) => Command::DetachPolicy(DetachPolicy {
            policy: name("policy", m.policy)?,
            holder: needed::<PolicyHolder>("holder", m.holder)?,
        }),
        Kind::SetUpAccess(m) => set_up_access(m)?,
        Kind::Identify(m) => Command::Identify(Identify {
            installation: super::installation(&m.installation)?,
            store: m.store.as_deref().map(super::store).transpose()?,
            replaces: m.replaces.as_deref().map(super::store).transpose()?,
        }),
        Kind::Forced(m) => Command::Forced(Box::new(Command::from_message(*m)?)),
    })
}

fn membership(group: &model::GroupName, user: &model::UserName) -> pb::Membership {
    pb::Membership { group: group.to_string(), user: user.to_string() }
}

fn attachment(policy: &model::PolicyName, holder: &PolicyHolder) -> pb::Attachment {
    pb::Attachment { policy: policy.to_string(), holder: Some(holder.to_message()) }
}

fn set_up_access(message: pb::SetUpAccess) -> Result<Command, DecodeError> {
    let policy = |new: pb::NewPolicy| Ok((name("policies.name", new.name)?, new.document));
    let group = |new: pb::NewGroup| {
        let policies = new.policies.into_iter().map(|policy| name("groups.policies", policy));
        Ok((name("groups.name", new.name)?, policies.collect::<Result<_, DecodeError>>()?))
    };
    let member = |new: pb::Membership| Ok((name("members.group", new.group)?, name("members.user", new.user)?));
    Ok(Command::SetUpAccess(SetUpAccess {
        policies: message.policies.into_iter().map(policy).collect::<Result<_, DecodeError>>()?,
        groups: message.groups.into_iter().map(group).collect::<Result<_, DecodeError>>()?,
        members: message.members.into_iter().map(member).collect::<Result<_, DecodeError>>()?,
    }))
}
