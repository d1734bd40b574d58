//! Conversions of answers.

use model::{
    Access, Answer, Branch, CompletedUpload, CredentialOfUser, Group, Installation, Job, Lookup, Page, Part, Policy,
    RefTarget, Refusal, Repository, StagedPage, Tag, Upload, User,
};

use super::{DecodeError, Wire, commit, name, needed, optional};
use crate::generated::metadata::{self as pb, answer::Kind, lookup};

impl Wire for Answer {
    type Message = pb::Answer;

    fn to_message(&self) -> pb::Answer {
        let kind = match self {
            Self::Refused(refusal) => Kind::Refused(refusal.to_message()),
            Self::Repository(repository) => Kind::Repository(repository.to_message()),
            Self::Settings(found) => Kind::Settings(pb::SettingsOfRepository {
                repository: Some(found.repository.to_message()),
                settings: Some(found.settings.to_message()),
            }),
            Self::Repositories(page) => {
                Kind::Repositories(pb::Repositories { items: messages(&page.items), more: page.more })
            }
            Self::Lookup(lookup) => Kind::Lookup(lookup.to_message()),
            Self::Branches(page) => Kind::Branches(pb::Branches { items: messages(&page.items), more: page.more }),
            Self::Moves(page) => Kind::Moves(pb::ReflogEntries { items: messages(&page.items), more: page.more }),
            Self::Tags(page) => Kind::Tags(pb::Tags { items: messages(&page.items), more: page.more }),
            Self::Staged(page) => Kind::Staged(page.to_message()),
            Self::Upload(upload) => Kind::Upload(upload.to_message()),
            Self::CompletedUpload(completed) => Kind::CompletedUpload(completed.to_message()),
            Self::Uploads(page) => Kind::Uploads(pb::Uploads { items: messages(&page.items), more: page.more }),
            Self::Parts(page) => Kind::Parts(pb::Parts { items: messages(&page.items), more: page.more }),
            Self::Credential(found) => Kind::Credential(pb::CredentialOfUser {
                credential: Some(found.credential.to_message()),
                user: Some(found.user.to_message()),
            }),
            Self::User(user) => Kind::User(user.to_message()),
            Self::Users(page) => Kind::Users(pb::Users { items: messages(&page.items), more: page.more }),
            Self::CommitOfToken(found) => {
                Kind::CommitOfToken(pb::CommitOfToken { commit: found.map(|id| id.as_bytes().to_vec()) })
            }
            Self::Job(job) => Kind::Job(job.to_message()),
            Self::Jobs(page) => Kind::Jobs(pb::Jobs { items: messages(&page.items), more: page.more }),
            Self::Credentials(page) => {
                Kind::Credentials(pb::Credentials { items: messages(&page.items), more: page.more })
            }
            Self::Group(group) => Kind::Group(group.to_message()),
            Self::Groups(page) => Kind::Groups(pb::Groups { items: messages(&page.items), more: page.more }),
            Self::Policy(policy) => Kind::Policy(policy.to_message()),
            Self::Policies(page) => Kind::Policies(pb::Policies { items: messages(&page.items), more: page.more }),
            Self::Access(access) => Kind::Access(access.to_message()),
            Self::Installation(found) => {
                Kind::Installation(pb::FoundInstallation { installation: found.as_ref().map(Wire::to_message) })
            }
        };
        pb::Answer { kind: Some(kind) }
    }

    fn from_message(message: pb::Answer) -> Result<Self, DecodeError> {
        Ok(match message.kind.ok_or(DecodeError::Missing("answer.kind"))? {
            Kind::Refused(m) => Self::Refused(Refusal::from_message(m)?),
            Kind::Repository(m) => Self::Repository(Repository::from_message(m)?),
            Kind::Settings(m) => Self::Settings(super::settings::of_repository(m)?),
            Kind::Repositories(m) => Self::Repositories(page(m.items, m.more)?),
            Kind::Lookup(m) => Self::Lookup(Box::new(Lookup::from_message(m)?)),
            Kind::Branches(m) => Self::Branches(page(m.items, m.more)?),
            Kind::Moves(m) => Self::Moves(page(m.items, m.more)?),
            Kind::Tags(m) => Self::Tags(page(m.items, m.more)?),
            Kind::Staged(m) => Self::Staged(StagedPage::from_message(m)?),
            Kind::Upload(m) => Self::Upload(Upload::from_message(m)?),
            Kind::CompletedUpload(m) => Self::CompletedUpload(CompletedUpload::from_message(m)?),
            Kind::Uploads(m) => Self::Uploads(page(m.items, m.more)?),
            Kind::Parts(m) => Self::Parts(page::<Part>(m.items, m.more)?),
            Kind::Credential(m) => Self::Credential(CredentialOfUser {
                credential: needed("credential.credential", m.credential)?,
                user: needed("credential.user", m.user)?,
            }),
            Kind::User(m) => Self::User(User::from_message(m)?),
            Kind::Users(m) => Self::Users(page(m.items, m.more)?),
            Kind::CommitOfToken(m) => {
                Self::CommitOfToken(m.commit.map(|id| commit("commit_of_token.commit", &id)).transpose()?)
            }
            Kind::Job(m) => Self::Job(Box::new(Job::from_message(m)?)),
            Kind::Jobs(m) => Self::Jobs(page(m.items, m.more)?),
            Kind::Credentials(m) => Self::Credentials(page(m.items, m.more)?),
            Kind::Group(m) => Self::Group(Group::from_message(m)?),
            Kind::Groups(m) => Self::Groups(page(m.items, m.more)?),
            Kind::Policy(m) => Self::Policy(Policy::from_message(m)?),
            Kind::Policies(m) => Self::Policies(page(m.items, m.more)?),
            Kind::Access(m) => Self::Access(Box::new(Access::from_message(m)?)),
            Kind::Installation(m) => Self::Installation(optional::<Installation>(m.installation)?),
        })
    }
}

fn messages<T: Wire>(items: &[T]) -> Vec<T::Message> {
    items.iter().map(Wire::to_message).collect()
}

fn page<T: Wire>(items: Vec<T::Message>, more: bool) -> Result<Page<T>, DecodeError> {
    Ok(Page { items: items.into_iter().map(T::from_message).collect::<Result<_, _>>()?, more })
}

impl Wire for Access {
    type Message = pb::Access;

    fn to_message(&self) -> pb::Access {
        pb::Access {
            user: Some(self.user.to_message()),
            credential: self.credential.as_ref().map(Wire::to_message),
            policies: messages(&self.policies),
        }
    }

    fn from_message(message: pb::Access) -> Result<Self, DecodeError> {
        Ok(Self {
            user: needed("access.user", message.user)?,
            credential: optional(message.credential)?,
            policies: message.policies.into_iter().map(Policy::from_message).collect::<Result<_, _>>()?,
        })
    }
}

impl Wire for Lookup {
    type Message = pb::Lookup;

    fn to_message(&self) -> pb::Lookup {
        let target = match &self.target {
            RefTarget::Branch(branch) => lookup::Target::Branch(branch.to_message()),
            RefTarget::Tag(tag) => lookup::Target::Tag(tag.to_message()),
            RefTarget::Unknown => lookup::Target::Unknown(pb::UnknownRef {}),
        };
        pb::Lookup {
            repository: Some(self.repository.to_message()),
            target: Some(target),
            staged: self.staged.as_ref().map(Wire::to_message),
        }
    }

    fn from_message(message: pb::Lookup) -> Result<Self, DecodeError> {
        let target = match message.target.ok_or(DecodeError::Missing("lookup.target"))? {
            lookup::Target::Branch(m) => RefTarget::Branch(Branch::from_message(m)?),
            lookup::Target::Tag(m) => RefTarget::Tag(Tag::from_message(m)?),
            lookup::Target::Unknown(pb::UnknownRef {}) => RefTarget::Unknown,
        };
        let repository = needed("lookup.repository", message.repository)?;
        Ok(Self { repository, target, staged: optional(message.staged)? })
    }
}

impl Wire for StagedPage {
    type Message = pb::StagedPage;

    fn to_message(&self) -> pb::StagedPage {
        let item = |(path, value): &(model::ObjectPath, model::StagedValue)| pb::StagedItem {
            path: path.to_string(),
            value: Some(value.to_message()),
        };
        pb::StagedPage {
            branch: Some(self.branch.to_message()),
            items: self.page.items.iter().map(item).collect(),
            more: self.page.more,
        }
    }

    fn from_message(message: pb::StagedPage) -> Result<Self, DecodeError> {
        let item = |item: pb::StagedItem| Ok((name("item.path", item.path)?, needed("item.value", item.value)?));
        let items = message.items.into_iter().map(item).collect::<Result<_, DecodeError>>()?;
        Ok(Self { branch: needed("staged.branch", message.branch)?, page: Page { items, more: message.more } })
    }
}
