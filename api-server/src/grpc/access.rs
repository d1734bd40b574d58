//! Users, groups, policies, access keys and sessions over gRPC.

use auth::Caller;
use model::{Group, Policy, PolicyHolder, User, UserName};
use proto::api::{InvalidField, parse_optional, time_to_wire};
use proto::generated::api as wire;
use secrecy::ExposeSecret;
use tonic::{Request, Response, Status};
use wire::access_server::Access;
use wire::begin_session_request::Narrowing as WireNarrowing;

use super::Grpc;
use super::authentication::authenticated;
use super::fields::{next_after, page, request_id, text};
use crate::Error;
use crate::access::{self, Narrowing};

fn user(user: User) -> wire::User {
    wire::User { id: user.id.0, name: user.name.into(), created_at: Some(time_to_wire(user.created_at)) }
}

fn group(group: Group) -> wire::Group {
    wire::Group { name: group.name.into(), created_at: Some(time_to_wire(group.created_at)) }
}

fn policy(policy: Policy) -> wire::Policy {
    wire::Policy {
        name: policy.name.into(),
        document: policy.document,
        created_at: Some(time_to_wire(policy.created_at)),
    }
}

fn credential(credential: model::Credential) -> wire::Credential {
    wire::Credential { access_key_id: credential.access_key_id, created_at: Some(time_to_wire(credential.created_at)) }
}

fn holder(holder: Option<wire::Holder>) -> Result<Option<PolicyHolder>, Status> {
    match holder.and_then(|holder| holder.kind) {
        None => Ok(None),
        Some(wire::holder::Kind::User(name)) => Ok(Some(PolicyHolder::User(text("holder.user", &name)?))),
        Some(wire::holder::Kind::Group(name)) => Ok(Some(PolicyHolder::Group(text("holder.group", &name)?))),
    }
}

fn needed(found: Option<PolicyHolder>) -> Result<PolicyHolder, Status> {
    found.ok_or_else(|| Error::from(InvalidField::new("holder", "name a user or a group")).into())
}

#[tonic::async_trait]
impl Access for Grpc {
    async fn create_user(&self, request: Request<wire::CreateUserRequest>) -> Result<Response<wire::User>, Status> {
        let (caller, message) = authenticated(request)?;
        let id = request_id(&message.request_id)?;
        let made = access::create_user(self.meta(), &caller, id, &text("name", &message.name)?).await?;
        Ok(Response::new(user(made)))
    }

    async fn get_user(&self, request: Request<wire::GetUserRequest>) -> Result<Response<wire::User>, Status> {
        let (caller, message) = authenticated(request)?;
        Ok(Response::new(user(access::get_user(self.meta(), &caller, &text("name", &message.name)?).await?)))
    }

    async fn list_users(
        &self,
        request: Request<wire::ListUsersRequest>,
    ) -> Result<Response<wire::ListUsersResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let page = page(message.prefix, message.after, message.amount);
        let page = match parse_optional("group", &message.group).map_err(Error::from)? {
            None => access::list_users(self.meta(), &caller, page).await?,
            Some(group) => access::list_members(self.meta(), &caller, group, page).await?,
        };
        Ok(Response::new(wire::ListUsersResponse {
            more: page.more,
            next_after: next_after(page.more, &page.items, |user| user.name.to_string()),
            users: page.items.into_iter().map(user).collect(),
        }))
    }

    async fn delete_user(
        &self,
        request: Request<wire::DeleteUserRequest>,
    ) -> Result<Response<wire::DeleteUserResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        access::delete_user(self.meta(), &caller, &text("name", &message.name)?).await?;
        Ok(Response::new(wire::DeleteUserResponse {}))
    }

    async fn end_sessions(
        &self,
        request: Request<wire::EndSessionsRequest>,
    ) -> Result<Response<wire::EndSessionsResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        access::end_sessions(self.meta(), &caller, &text("user", &message.user)?).await?;
        Ok(Response::new(wire::EndSessionsResponse {}))
    }

    async fn create_group(&self, request: Request<wire::CreateGroupRequest>) -> Result<Response<wire::Group>, Status> {
        let (caller, message) = authenticated(request)?;
        let id = request_id(&message.request_id)?;
        let made = access::create_group(self.meta(), &caller, id, &text("name", &message.name)?).await?;
        Ok(Response::new(group(made)))
    }

    async fn get_group(&self, request: Request<wire::GetGroupRequest>) -> Result<Response<wire::Group>, Status> {
        let (caller, message) = authenticated(request)?;
        Ok(Response::new(group(access::get_group(self.meta(), &caller, &text("name", &message.name)?).await?)))
    }

    async fn list_groups(
        &self,
        request: Request<wire::ListGroupsRequest>,
    ) -> Result<Response<wire::ListGroupsResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let of = parse_optional("user", &message.user).map_err(Error::from)?;
        let page = page(message.prefix, message.after, message.amount);
        let page = access::list_groups(self.meta(), &caller, of, page).await?;
        Ok(Response::new(wire::ListGroupsResponse {
            more: page.more,
            next_after: next_after(page.more, &page.items, |group| group.name.to_string()),
            groups: page.items.into_iter().map(group).collect(),
        }))
    }

    async fn delete_group(
        &self,
        request: Request<wire::DeleteGroupRequest>,
    ) -> Result<Response<wire::DeleteGroupResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        access::delete_group(self.meta(), &caller, &text("name", &message.name)?).await?;
        Ok(Response::new(wire::DeleteGroupResponse {}))
    }

    async fn add_member(
        &self,
        request: Request<wire::MemberRequest>,
    ) -> Result<Response<wire::MemberResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let (group, user) = (text("group", &message.group)?, text("user", &message.user)?);
        access::add_member(self.meta(), &caller, &group, &user).await?;
        Ok(Response::new(wire::MemberResponse {}))
    }

    async fn remove_member(
        &self,
        request: Request<wire::MemberRequest>,
    ) -> Result<Response<wire::MemberResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let (group, user) = (text("group", &message.group)?, text("user", &message.user)?);
        access::remove_member(self.meta(), &caller, &group, &user).await?;
        Ok(Response::new(wire::MemberResponse {}))
    }

    async fn create_policy(
        &self,
        request: Request<wire::CreatePolicyRequest>,
    ) -> Result<Response<wire::Policy>, Status> {
        let (caller, message) = authenticated(request)?;
        let (id, name) = (request_id(&message.request_id)?, text("name", &message.name)?);
        let made = access::create_policy(self.meta(), &caller, id, &name, &message.document).await?;
        Ok(Response::new(policy(made)))
    }

    async fn update_policy(
        &self,
        request: Request<wire::UpdatePolicyRequest>,
    ) -> Result<Response<wire::Policy>, Status> {
        let (caller, message) = authenticated(request)?;
        let name = text("name", &message.name)?;
        let updated = access::update_policy(self.meta(), &caller, &name, &message.document).await?;
        Ok(Response::new(policy(updated)))
    }

    async fn get_policy(&self, request: Request<wire::GetPolicyRequest>) -> Result<Response<wire::Policy>, Status> {
        let (caller, message) = authenticated(request)?;
        Ok(Response::new(policy(access::get_policy(self.meta(), &caller, &text("name", &message.name)?).await?)))
    }

    async fn list_policies(
        &self,
        request: Request<wire::ListPoliciesRequest>,
    ) -> Result<Response<wire::ListPoliciesResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let page = page(message.prefix, message.after, message.amount);
        let of = holder(message.of)?;
        let page = access::list_policies(self.meta(), &caller, of, message.effective, page).await?;
        Ok(Response::new(wire::ListPoliciesResponse {
            more: page.more,
            next_after: next_after(page.more, &page.items, |policy| policy.name.to_string()),
            policies: page.items.into_iter().map(policy).collect(),
        }))
    }

    async fn delete_policy(
        &self,
        request: Request<wire::DeletePolicyRequest>,
    ) -> Result<Response<wire::DeletePolicyResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        access::delete_policy(self.meta(), &caller, &text("name", &message.name)?).await?;
        Ok(Response::new(wire::DeletePolicyResponse {}))
    }

    async fn attach_policy(
        &self,
        request: Request<wire::AttachmentRequest>,
    ) -> Result<Response<wire::AttachmentResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let (policy, holder) = (text("policy", &message.policy)?, needed(holder(message.holder)?)?);
        access::attach_policy(self.meta(), &caller, &policy, &holder).await?;
        Ok(Response::new(wire::AttachmentResponse {}))
    }

    async fn detach_policy(
        &self,
        request: Request<wire::AttachmentRequest>,
    ) -> Result<Response<wire::AttachmentResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let (policy, holder) = (text("policy", &message.policy)?, needed(holder(message.holder)?)?);
        access::detach_policy(self.meta(), &caller, &policy, &holder).await?;
        Ok(Response::new(wire::AttachmentResponse {}))
    }

    async fn create_credential(
        &self,
        request: Request<wire::CreateCredentialRequest>,
    ) -> Result<Response<wire::NewCredential>, Status> {
        let (caller, message) = authenticated(request)?;
        let user: UserName = text("user", &message.user)?;
        let (keys, made) = access::create_credential(self.meta(), &self.directory, &caller, &user).await?;
        Ok(Response::new(wire::NewCredential {
            access_key_id: made.access_key_id,
            secret_access_key: keys.secret_access_key.expose_secret().to_owned(),
            created_at: Some(time_to_wire(made.created_at)),
        }))
    }

    async fn get_credential(
        &self,
        request: Request<wire::GetCredentialRequest>,
    ) -> Result<Response<wire::Credential>, Status> {
        let (caller, message) = authenticated(request)?;
        let user = text("user", &message.user)?;
        let found = access::get_credential(self.meta(), &caller, &user, &message.access_key_id).await?;
        Ok(Response::new(credential(found)))
    }

    async fn list_credentials(
        &self,
        request: Request<wire::ListCredentialsRequest>,
    ) -> Result<Response<wire::ListCredentialsResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let page = page(message.prefix, message.after, message.amount);
        let page = access::list_credentials(self.meta(), &caller, text("user", &message.user)?, page).await?;
        Ok(Response::new(wire::ListCredentialsResponse {
            more: page.more,
            next_after: next_after(page.more, &page.items, |credential| credential.access_key_id.clone()),
            credentials: page.items.into_iter().map(credential).collect(),
        }))
    }

    async fn delete_credential(
        &self,
        request: Request<wire::DeleteCredentialRequest>,
    ) -> Result<Response<wire::DeleteCredentialResponse>, Status> {
        let (caller, message) = authenticated(request)?;
        let user = text("user", &message.user)?;
        access::delete_credential(self.meta(), &caller, &user, &message.access_key_id).await?;
        Ok(Response::new(wire::DeleteCredentialResponse {}))
    }

    async fn begin_session(
        &self,
        request: Request<wire::BeginSessionRequest>,
    ) -> Result<Response<wire::Session>, Status> {
        let (caller, message): (Caller, _) = authenticated(request)?;
        let narrowing = match message.narrowing {
            None => None,
            Some(WireNarrowing::Policy(policy)) => Some(Narrowing::Policy(policy)),
            Some(WireNarrowing::Scope(scope)) => Some(Narrowing::Objects {
                repository: text("scope.repository", &scope.repository)?,
                reference: Some(scope.r#ref).filter(|reference| !reference.is_empty()),
                prefix: scope.prefix,
                read_only: scope.read_only,
            }),
        };
        let seconds = Some(message.seconds).filter(|seconds| *seconds > 0);
        let begun = access::begin_session(&self.directory, &caller, seconds, narrowing)?;
        Ok(Response::new(wire::Session {
            access_key_id: begun.access_key_id,
            secret_access_key: begun.secret_access_key.expose_secret().to_owned(),
            session_token: begun.session_token.expose_secret().to_owned(),
            bearer_token: begun.bearer_token.expose_secret().to_owned(),
            expires_at: Some(time_to_wire(begun.expires_at)),
        }))
    }

    async fn end_session(
        &self,
        request: Request<wire::EndSessionRequest>,
    ) -> Result<Response<wire::EndSessionResponse>, Status> {
        let (caller, _) = authenticated(request)?;
        access::end_session(self.meta(), &caller).await?;
        Ok(Response::new(wire::EndSessionResponse {}))
    }
}
