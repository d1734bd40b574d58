//! Who may what: users, groups, policies, access keys and sessions.

use futures::stream::BoxStream;
use model::{Group, GroupName, Policy, PolicyHolder, PolicyName, RepositoryName, Timestamp, UserId, UserName};
use proto::api::{parse, time_from_wire};
use proto::generated::api as wire;
use secrecy::SecretString;
use wire::begin_session_request::Narrowing as WireNarrowing;

use crate::client::new_request_id;
use crate::paging::{PAGE_ITEMS, Page, pages};
use crate::{Error, Lakebed};

/// Somebody who may have keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their id for ever: a user made again under the name has another.
    pub id: UserId,
    /// Their name.
    pub name: UserName,
    /// When they were made.
    pub created_at: Timestamp,
}

/// An access key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// The public half.
    pub access_key_id: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A new access key, told this once.
#[derive(Debug, Clone)]
pub struct NewAccessKey {
    /// The public half.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: SecretString,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a session is narrowed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Narrowing {
    /// A policy document.
    Policy(String),
    /// The objects of a ref, or of any, under a prefix.
    Objects {
        /// Where.
        repository: RepositoryName,
        /// A branch, tag or commit id.
        reference: Option<String>,
        /// Paths begin so.
        prefix: String,
        /// Whether they can only be read.
        read_only: bool,
    },
}

/// A session with its keys, told this once.
#[derive(Debug, Clone)]
pub struct Session {
    /// The public half of its key.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: SecretString,
    /// Goes with the key.
    pub session_token: SecretString,
    /// A proof by itself, for REST.
    pub bearer_token: SecretString,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

fn user(user: &wire::User) -> Result<User, Error> {
    Ok(User { id: UserId(user.id), name: parse("name", &user.name)?, created_at: time_from_wire(user.created_at) })
}

fn group(group: &wire::Group) -> Result<Group, Error> {
    Ok(Group { name: parse("name", &group.name)?, created_at: time_from_wire(group.created_at) })
}

fn policy(policy: wire::Policy) -> Result<Policy, Error> {
    Ok(Policy {
        name: parse("name", &policy.name)?,
        document: policy.document,
        created_at: time_from_wire(policy.created_at),
    })
}

fn holder(holder: &PolicyHolder) -> wire::Holder {
    let kind = match holder {
        PolicyHolder::User(name) => wire::holder::Kind::User(name.to_string()),
        PolicyHolder::Group(name) => wire::holder::Kind::Group(name.to_string()),
    };
    wire::Holder { kind: Some(kind) }
}

/// Users.
impl Lakebed {
    /// Makes a user, who may nothing yet and has no key.
    pub async fn create_user(&self, name: &UserName) -> Result<User, Error> {
        let request = wire::CreateUserRequest { request_id: new_request_id(), name: name.to_string() };
        user(self.access().create_user(request).await?.get_ref())
    }

    /// Finds a user.
    pub async fn get_user(&self, name: &UserName) -> Result<User, Error> {
        user(self.access().get_user(wire::GetUserRequest { name: name.to_string() }).await?.get_ref())
    }

    /// Lists users: all, or a group's.
    pub fn list_users(&self, group: Option<&GroupName>, prefix: &str) -> BoxStream<'static, Result<User, Error>> {
        let (lakebed, prefix) = (self.clone(), prefix.to_owned());
        let group = group.map(ToString::to_string).unwrap_or_default();
        pages(String::new(), move |after| {
            let mut client = lakebed.access();
            let (group, prefix) = (group.clone(), prefix.clone());
            let request = wire::ListUsersRequest { group, prefix, after, amount: PAGE_ITEMS };
            async move {
                let page = client.list_users(request).await?.into_inner();
                let items = page.users.iter().map(user).collect::<Result<_, _>>()?;
                Ok(Page::new(items, page.more, page.next_after))
            }
        })
    }

    /// Forgets a user with keys, memberships, attached policies and sessions.
    pub async fn delete_user(&self, name: &UserName) -> Result<(), Error> {
        self.access().delete_user(wire::DeleteUserRequest { name: name.to_string() }).await?;
        Ok(())
    }

    /// Ends all sessions of a user.
    pub async fn end_sessions(&self, user: &UserName) -> Result<(), Error> {
        self.access().end_sessions(wire::EndSessionsRequest { user: user.to_string() }).await?;
        Ok(())
    }
}

/// Groups.
impl Lakebed {
    /// Makes a group without members.
    pub async fn create_group(&self, name: &GroupName) -> Result<Group, Error> {
        let request = wire::CreateGroupRequest { request_id: new_request_id(), name: name.to_string() };
        group(self.access().create_group(request).await?.get_ref())
    }

    /// Finds a group.
    pub async fn get_group(&self, name: &GroupName) -> Result<Group, Error> {
        group(self.access().get_group(wire::GetGroupRequest { name: name.to_string() }).await?.get_ref())
    }

    /// Lists groups: all, or a user's.
    pub fn list_groups(&self, of: Option<&UserName>, prefix: &str) -> BoxStream<'static, Result<Group, Error>> {
        let (lakebed, prefix) = (self.clone(), prefix.to_owned());
        let user = of.map(ToString::to_string).unwrap_or_default();
        pages(String::new(), move |after| {
            let mut client = lakebed.access();
            let (user, prefix) = (user.clone(), prefix.clone());
            let request = wire::ListGroupsRequest { user, prefix, after, amount: PAGE_ITEMS };
            async move {
                let page = client.list_groups(request).await?.into_inner();
                let items = page.groups.iter().map(group).collect::<Result<_, _>>()?;
                Ok(Page::new(items, page.more, page.next_after))
            }
        })
    }

    /// Forgets a group.
    pub async fn delete_group(&self, name: &GroupName) -> Result<(), Error> {
        self.access().delete_group(wire::DeleteGroupRequest { name: name.to_string() }).await?;
        Ok(())
    }

    /// Takes a user into a group.
    pub async fn add_member(&self, group: &GroupName, user: &UserName) -> Result<(), Error> {
        let request = wire::MemberRequest { group: group.to_string(), user: user.to_string() };
        self.access().add_member(request).await?;
        Ok(())
    }

    /// Takes a user out of a group.
    pub async fn remove_member(&self, group: &GroupName, user: &UserName) -> Result<(), Error> {
        let request = wire::MemberRequest { group: group.to_string(), user: user.to_string() };
        self.access().remove_member(request).await?;
        Ok(())
    }
}

/// Policies.
impl Lakebed {
    /// Makes a policy of a JSON document.
    pub async fn create_policy(&self, name: &PolicyName, document: &str) -> Result<Policy, Error> {
        let request = wire::CreatePolicyRequest {
            request_id: new_request_id(),
            name: name.to_string(),
            document: document.to_owned(),
        };
        policy(self.access().create_policy(request).await?.into_inner())
    }

    /// Gives a policy another document.
    pub async fn update_policy(&self, name: &PolicyName, document: &str) -> Result<Policy, Error> {
        let request = wire::UpdatePolicyRequest { name: name.to_string(), document: document.to_owned() };
        policy(self.access().update_policy(request).await?.into_inner())
    }

    /// Finds a policy.
    pub async fn get_policy(&self, name: &PolicyName) -> Result<Policy, Error> {
        policy(self.access().get_policy(wire::GetPolicyRequest { name: name.to_string() }).await?.into_inner())
    }

    /// Lists policies: all, or those attached to one; `effective` adds to a user's those of their groups.
    pub fn list_policies(
        &self,
        of: Option<&PolicyHolder>,
        effective: bool,
        prefix: &str,
    ) -> BoxStream<'static, Result<Policy, Error>> {
        let (lakebed, of, prefix) = (self.clone(), of.map(holder), prefix.to_owned());
        pages(String::new(), move |after| {
            let mut client = lakebed.access();
            let (of, prefix) = (of.clone(), prefix.clone());
            let request = wire::ListPoliciesRequest { of, effective, prefix, after, amount: PAGE_ITEMS };
            async move {
                let page = client.list_policies(request).await?.into_inner();
                let items = page.policies.into_iter().map(policy).collect::<Result<_, _>>()?;
                Ok(Page::new(items, page.more, page.next_after))
            }
        })
    }

    /// Forgets a policy and takes it from all who hold it.
    pub async fn delete_policy(&self, name: &PolicyName) -> Result<(), Error> {
        self.access().delete_policy(wire::DeletePolicyRequest { name: name.to_string() }).await?;
        Ok(())
    }

    /// Attaches a policy to a user or group.
    pub async fn attach_policy(&self, policy: &PolicyName, to: &PolicyHolder) -> Result<(), Error> {
        let request = wire::AttachmentRequest { policy: policy.to_string(), holder: Some(holder(to)) };
        self.access().attach_policy(request).await?;
        Ok(())
    }

    /// Detaches a policy from a user or group.
    pub async fn detach_policy(&self, policy: &PolicyName, from: &PolicyHolder) -> Result<(), Error> {
        let request = wire::AttachmentRequest { policy: policy.to_string(), holder: Some(holder(from)) };
        self.access().detach_policy(request).await?;
        Ok(())
    }
}

/// Access keys and sessions.
impl Lakebed {
    /// Makes an access key for a user; its secret is told this once.
    pub async fn create_credential(&self, user: &UserName) -> Result<NewAccessKey, Error> {
        let request = wire::CreateCredentialRequest { user: user.to_string() };
        let made = self.access().create_credential(request).await?.into_inner();
        Ok(NewAccessKey {
            access_key_id: made.access_key_id,
            secret_access_key: made.secret_access_key.into(),
            created_at: time_from_wire(made.created_at),
        })
    }

    /// Lists a user's access keys.
    pub fn list_credentials(&self, user: &UserName) -> BoxStream<'static, Result<AccessKey, Error>> {
        let (lakebed, user) = (self.clone(), user.to_string());
        pages(String::new(), move |after| {
            let mut client = lakebed.access();
            let (user, prefix) = (user.clone(), String::new());
            let request = wire::ListCredentialsRequest { user, prefix, after, amount: PAGE_ITEMS };
            async move {
                let page = client.list_credentials(request).await?.into_inner();
                let items = page.credentials.into_iter().map(|key| AccessKey {
                    access_key_id: key.access_key_id,
                    created_at: time_from_wire(key.created_at),
                });
                Ok(Page::new(items.collect(), page.more, page.next_after))
            }
        })
    }

    /// Takes an access key away, and the sessions that it began.
    pub async fn delete_credential(&self, user: &UserName, access_key_id: &str) -> Result<(), Error> {
        let request = wire::DeleteCredentialRequest { user: user.to_string(), access_key_id: access_key_id.to_owned() };
        self.access().delete_credential(request).await?;
        Ok(())
    }

    /// Begins a session of one's own: 15 minutes to 12 hours, an hour if not said.
    pub async fn begin_session(&self, seconds: Option<u64>, narrowing: Option<Narrowing>) -> Result<Session, Error> {
        let narrowing = narrowing.map(|narrowing| match narrowing {
            Narrowing::Policy(document) => WireNarrowing::Policy(document),
            Narrowing::Objects { repository, reference, prefix, read_only } => {
                let r#ref = reference.unwrap_or_default();
                WireNarrowing::Scope(wire::SessionScope { repository: repository.into(), r#ref, prefix, read_only })
            }
        });
        let request = wire::BeginSessionRequest { seconds: seconds.unwrap_or_default(), narrowing };
        let begun = self.access().begin_session(request).await?.into_inner();
        Ok(Session {
            access_key_id: begun.access_key_id,
            secret_access_key: begun.secret_access_key.into(),
            session_token: begun.session_token.into(),
            bearer_token: begun.bearer_token.into(),
            expires_at: time_from_wire(begun.expires_at),
        })
    }

    /// Ends the session by which this handle calls.
    pub async fn end_session(&self) -> Result<(), Error> {
        self.access().end_session(wire::EndSessionRequest {}).await?;
        Ok(())
    }
}
