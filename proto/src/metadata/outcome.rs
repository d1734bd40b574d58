//! Conversions of what commands come to, refusals included.

use model::{
    Branch, Credential, Group, Installation, Job, Outcome, Policy, Refusal, Repository, StageOutcome, Tag, Uncommitted,
    Undeleted, Upload, UploadId, User,
};

use super::{DecodeError, Wire, commit, invalid, name, needed, request, request_bytes};
use crate::generated::metadata::{self as pb, outcome, refusal};

fn stage_outcome_number(outcome: StageOutcome) -> i32 {
    let wire = match outcome {
        StageOutcome::Staged => pb::StageOutcome::Staged,
        StageOutcome::ConditionFailed => pb::StageOutcome::ConditionFailed,
        StageOutcome::NotFound => pb::StageOutcome::NotFound,
        StageOutcome::HeadMoved => pb::StageOutcome::HeadMoved,
        StageOutcome::Spent => pb::StageOutcome::Spent,
    };
    wire.into()
}

fn stage_outcome(number: i32) -> Result<StageOutcome, DecodeError> {
    match pb::StageOutcome::try_from(number) {
        Ok(pb::StageOutcome::Staged) => Ok(StageOutcome::Staged),
        Ok(pb::StageOutcome::ConditionFailed) => Ok(StageOutcome::ConditionFailed),
        Ok(pb::StageOutcome::NotFound) => Ok(StageOutcome::NotFound),
        Ok(pb::StageOutcome::HeadMoved) => Ok(StageOutcome::HeadMoved),
        Ok(pb::StageOutcome::Spent) => Ok(StageOutcome::Spent),
        Ok(pb::StageOutcome::Unspecified) | Err(_) => {
            Err(invalid("staged.outcomes", format_args!("{number} is none that is known")))
        }
    }
}

impl Wire for Outcome {
    type Message = pb::Outcome;

    fn to_message(&self) -> pb::Outcome {
        let kind = match self {
            Self::Done => outcome::Kind::Done(pb::Done {}),
            Self::Refused(refusal) => outcome::Kind::Refused(refusal.to_message()),
            Self::Claimed(claim) => outcome::Kind::Claimed(request_bytes(*claim)),
            Self::Repository(repository) => outcome::Kind::Repository(repository.to_message()),
            Self::Branch(branch) => outcome::Kind::Branch(branch.to_message()),
            Self::Undeleted(undeleted) => outcome::Kind::Undeleted(undeleted.to_message()),
            Self::Tag(tag) => outcome::Kind::Tag(tag.to_message()),
            Self::Staged(outcomes) => outcome::Kind::Staged(pb::Staged {
                outcomes: outcomes.iter().copied().map(stage_outcome_number).collect(),
            }),
            Self::Upload(upload) => outcome::Kind::Upload(upload.to_message()),
            Self::User(user) => outcome::Kind::User(user.to_message()),
            Self::Credential(credential) => outcome::Kind::Credential(credential.to_message()),
            Self::Job(job) => outcome::Kind::Job(Box::new(job.to_message())),
            Self::Group(group) => outcome::Kind::Group(group.to_message()),
            Self::Policy(policy) => outcome::Kind::Policy(policy.to_message()),
            Self::Installation(installation) => outcome::Kind::Installation(installation.to_message()),
        };
        pb::Outcome { kind: Some(kind) }
    }

    fn from_message(message: pb::Outcome) -> Result<Self, DecodeError> {
        Ok(match message.kind.ok_or(DecodeError::Missing("outcome.kind"))? {
            outcome::Kind::Done(pb::Done {}) => Self::Done,
            outcome::Kind::Refused(m) => Self::Refused(Refusal::from_message(m)?),
            outcome::Kind::Claimed(claim) => Self::Claimed(request(&claim)?),
            outcome::Kind::Repository(m) => Self::Repository(Repository::from_message(m)?),
            outcome::Kind::Branch(m) => Self::Branch(Branch::from_message(m)?),
            outcome::Kind::Undeleted(m) => Self::Undeleted(Undeleted::from_message(m)?),
            outcome::Kind::Tag(m) => Self::Tag(Tag::from_message(m)?),
            outcome::Kind::Staged(m) => {
                Self::Staged(m.outcomes.into_iter().map(stage_outcome).collect::<Result<_, _>>()?)
            }
            outcome::Kind::Upload(m) => Self::Upload(Upload::from_message(m)?),
            outcome::Kind::User(m) => Self::User(User::from_message(m)?),
            outcome::Kind::Credential(m) => Self::Credential(Credential::from_message(m)?),
            outcome::Kind::Job(m) => Self::Job(Box::new(Job::from_message(*m)?)),
            outcome::Kind::Group(m) => Self::Group(Group::from_message(m)?),
            outcome::Kind::Policy(m) => Self::Policy(Policy::from_message(m)?),
            outcome::Kind::Installation(m) => Self::Installation(Installation::from_message(m)?),
        })
    }
}

impl Wire for Undeleted {
    type Message = pb::Undeleted;

    fn to_message(&self) -> pb::Undeleted {
        pb::Undeleted { branch: Some(self.branch.to_message()), uncommitted: Some(self.uncommitted.to_message()) }
    }

    fn from_message(message: pb::Undeleted) -> Result<Self, DecodeError> {
        Ok(Self {
            branch: needed::<Branch>("undeleted.branch", message.branch)?,
            uncommitted: needed::<Uncommitted>("undeleted.uncommitted", message.uncommitted)?,
        })
    }
}

impl Wire for Refusal {
    type Message = pb::Refusal;

    fn to_message(&self) -> pb::Refusal {
        use refusal::Kind;
        let kind = match self {
            Self::RepositoryNotFound(name) => Kind::RepositoryNotFound(name.to_string()),
            Self::RepositoryExists(name) => Kind::RepositoryExists(name.to_string()),
            Self::NamespaceTaken(namespace) => Kind::NamespaceTaken(namespace.to_string()),
            Self::BranchNotFound(name) => Kind::BranchNotFound(name.to_string()),
            Self::TagIsNoBranch(name) => Kind::TagIsNoBranch(name.to_string()),
            Self::DeletionNotFound(name) => Kind::DeletionNotFound(name.to_string()),
            Self::RefExists(name) => Kind::RefExists(name.clone()),
            Self::DefaultBranch(name) => Kind::DefaultBranch(name.to_string()),
            Self::ProtectedBranch(name) => Kind::ProtectedBranch(name.to_string()),
            Self::ReadOnly(name) => Kind::ReadOnly(name.to_string()),
            Self::SettingsChanged(name) => Kind::SettingsChanged(name.to_string()),
            Self::SettingsTooLarge(name) => Kind::SettingsTooLarge(name.to_string()),
            Self::TagNotFound(name) => Kind::TagNotFound(name.to_string()),
            Self::BranchIsNoTag(name) => Kind::BranchIsNoTag(name.to_string()),
            Self::HeadMoved { branch, head } => {
                Kind::HeadMoved(pb::HeadMoved { branch: branch.to_string(), head: head.as_bytes().to_vec() })
            }
            Self::DirtyBranch(name) => Kind::DirtyBranch(name.to_string()),
            Self::TooManySealed(name) => Kind::TooManySealed(name.to_string()),
            Self::UploadNotFound(id) => Kind::UploadNotFound(id.0),
            Self::UserExists(name) => Kind::UserExists(name.to_string()),
            Self::UserNotFound(name) => {
                let name = name.as_ref().map(ToString::to_string).unwrap_or_default();
                Kind::UserNotFound(pb::UserNotFound { name })
            }
            Self::CredentialExists(id) => Kind::CredentialExists(id.clone()),
            Self::CredentialNotFound(id) => Kind::CredentialNotFound(id.clone()),
            Self::JobNotFound(id) => Kind::JobNotFound(request_bytes(*id)),
            Self::JobTaken(id) => Kind::JobTaken(request_bytes(*id)),
            Self::RequestAnswered(id) => Kind::RequestAnswered(request_bytes(*id)),
            Self::RequestReused(id) => Kind::RequestReused(request_bytes(*id)),
            Self::TooManyJobs => Kind::TooManyJobs(pb::TooManyJobs {}),
            Self::GroupExists(name) => Kind::GroupExists(name.to_string()),
            Self::GroupNotFound(name) => Kind::GroupNotFound(name.to_string()),
            Self::PolicyExists(name) => Kind::PolicyExists(name.to_string()),
            Self::PolicyNotFound(name) => Kind::PolicyNotFound(name.to_string()),
            Self::SessionEnded => Kind::SessionEnded(pb::SessionEnded {}),
            Self::AlreadySetUp => Kind::AlreadySetUp(pb::AlreadySetUp {}),
            Self::TooMany { what, max } => Kind::TooMany(pb::TooMany { what: what.clone(), max: *max }),
        };
        pb::Refusal { kind: Some(kind) }
    }

    fn from_message(message: pb::Refusal) -> Result<Self, DecodeError> {
        use refusal::Kind;
        Ok(match message.kind.ok_or(DecodeError::Missing("refusal.kind"))? {
            Kind::RepositoryNotFound(text) => Self::RepositoryNotFound(name("repository_not_found", text)?),
            Kind::RepositoryExists(text) => Self::RepositoryExists(name("repository_exists", text)?),
            Kind::NamespaceTaken(text) => Self::NamespaceTaken(name("namespace_taken", text)?),
            Kind::BranchNotFound(text) => Self::BranchNotFound(name("branch_not_found", text)?),
            Kind::TagIsNoBranch(text) => Self::TagIsNoBranch(name("tag_is_no_branch", text)?),
            Kind::DeletionNotFound(text) => Self::DeletionNotFound(name("deletion_not_found", text)?),
            Kind::RefExists(text) => Self::RefExists(text),
            Kind::DefaultBranch(text) => Self::DefaultBranch(name("default_branch", text)?),
            Kind::ProtectedBranch(text) => Self::ProtectedBranch(name("protected_branch", text)?),
            Kind::ReadOnly(text) => Self::ReadOnly(name("read_only", text)?),
            Kind::SettingsChanged(text) => Self::SettingsChanged(name("settings_changed", text)?),
            Kind::SettingsTooLarge(text) => Self::SettingsTooLarge(name("settings_too_large", text)?),
            Kind::TagNotFound(text) => Self::TagNotFound(name("tag_not_found", text)?),
            Kind::BranchIsNoTag(text) => Self::BranchIsNoTag(name("branch_is_no_tag", text)?),
            Kind::HeadMoved(m) => Self::HeadMoved {
                branch: name("head_moved.branch", m.branch)?,
                head: commit("head_moved.head", &m.head)?,
            },
            Kind::DirtyBranch(text) => Self::DirtyBranch(name("dirty_branch", text)?),
            Kind::TooManySealed(text) => Self::TooManySealed(name("too_many_sealed", text)?),
            Kind::UploadNotFound(id) => Self::UploadNotFound(UploadId(id)),
            Kind::UserExists(text) => Self::UserExists(name("user_exists", text)?),
            Kind::UserNotFound(m) if m.name.is_empty() => Self::UserNotFound(None),
            Kind::UserNotFound(m) => Self::UserNotFound(Some(name("user_not_found", m.name)?)),
            Kind::CredentialExists(id) => Self::CredentialExists(id),
            Kind::CredentialNotFound(id) => Self::CredentialNotFound(id),
            Kind::JobNotFound(id) => Self::JobNotFound(request(&id)?),
            Kind::JobTaken(id) => Self::JobTaken(request(&id)?),
            Kind::RequestAnswered(id) => Self::RequestAnswered(request(&id)?),
            Kind::RequestReused(id) => Self::RequestReused(request(&id)?),
            Kind::TooManyJobs(pb::TooManyJobs {}) => Self::TooManyJobs,
            Kind::GroupExists(text) => Self::GroupExists(name("group_exists", text)?),
            Kind::GroupNotFound(text) => Self::GroupNotFound(name("group_not_found", text)?),
            Kind::PolicyExists(text) => Self::PolicyExists(name("policy_exists", text)?),
            Kind::PolicyNotFound(text) => Self::PolicyNotFound(name("policy_not_found", text)?),
            Kind::SessionEnded(pb::SessionEnded {}) => Self::SessionEnded,
            Kind::AlreadySetUp(pb::AlreadySetUp {}) => Self::AlreadySetUp,
            Kind::TooMany(m) => Self::TooMany { what: m.what, max: m.max },
        })
    }
}
