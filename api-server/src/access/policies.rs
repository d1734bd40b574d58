//! Policies and whom they are attached to. Invariant: no document that can't be judged gets into the metadata service.

use auth::{Action, Caller, PolicyDocument, Resource, authorize};
use model::{
    AttachPolicy, Command, CreatePolicy, DeletePolicy, DetachPolicy, GetPolicy, ListPolicies, MetaStore, Page,
    PageRequest, Policy, PolicyHolder, PolicyName, RequestId, UpdatePolicy,
};
use proto::api::InvalidField;

use crate::Error;
use crate::escapes::check_new_name;

/// Makes a policy.
pub(crate) async fn create_policy(
    meta: &dyn MetaStore,
    caller: &Caller,
    request: RequestId,
    name: &PolicyName,
    document: &str,
) -> Result<Policy, Error> {
    authorize(caller, Action::CreatePolicy, &Resource::Policy(name.clone()))?;
    check_new_name("name", name.as_str())?;
    let document = checked(document)?;
    Ok(meta.write(Command::CreatePolicy(CreatePolicy { request, name: name.clone(), document })).await?.policy()?)
}

/// Gives a policy another document.
pub(crate) async fn update_policy(
    meta: &dyn MetaStore,
    caller: &Caller,
    name: &PolicyName,
    document: &str,
) -> Result<Policy, Error> {
    authorize(caller, Action::UpdatePolicy, &Resource::Policy(name.clone()))?;
    let document = checked(document)?;
    Ok(meta.write(Command::UpdatePolicy(UpdatePolicy { name: name.clone(), document })).await?.policy()?)
}

/// The document as it is kept: every part known, nothing else.
fn checked(document: &str) -> Result<String, InvalidField> {
    match PolicyDocument::parse_new(document) {
        Ok(document) => Ok(document.to_text()),
        Err(why) => Err(InvalidField::new("document", why)),
    }
}

/// Finds a policy.
pub(crate) async fn get_policy(meta: &dyn MetaStore, caller: &Caller, name: &PolicyName) -> Result<Policy, Error> {
    authorize(caller, Action::ReadPolicy, &Resource::Policy(name.clone()))?;
    Ok(meta.ask(GetPolicy { name: name.clone() }).await?)
}

/// Lists policies: all, or those attached to one; of a user the effective ones too, which come by their groups.
pub(crate) async fn list_policies(
    meta: &dyn MetaStore,
    caller: &Caller,
    of: Option<PolicyHolder>,
    effective: bool,
    page: PageRequest,
) -> Result<Page<Policy>, Error> {
    match &of {
        None => authorize(caller, Action::ListPolicies, &Resource::All)?,
        Some(PolicyHolder::User(name)) => authorize(caller, Action::ReadUser, &Resource::User(name.clone()))?,
        Some(PolicyHolder::Group(name)) => authorize(caller, Action::ReadGroup, &Resource::Group(name.clone()))?,
    }
    Ok(meta.ask(ListPolicies { of, effective, page }).await?)
}

/// Forgets a policy.
pub(crate) async fn delete_policy(meta: &dyn MetaStore, caller: &Caller, name: &PolicyName) -> Result<(), Error> {
    authorize(caller, Action::DeletePolicy, &Resource::Policy(name.clone()))?;
    Ok(meta.write(Command::DeletePolicy(DeletePolicy { name: name.clone() })).await?.done()?)
}

/// Attaches a policy to a user or group.
pub(crate) async fn attach_policy(
    meta: &dyn MetaStore,
    caller: &Caller,
    policy: &PolicyName,
    holder: &PolicyHolder,
) -> Result<(), Error> {
    authorize(caller, Action::AttachPolicy, &resource(holder))?;
    Ok(meta
        .write(Command::AttachPolicy(AttachPolicy { policy: policy.clone(), holder: holder.clone() }))
        .await?
        .done()?)
}

/// Detaches a policy from a user or group.
pub(crate) async fn detach_policy(
    meta: &dyn MetaStore,
    caller: &Caller,
    policy: &PolicyName,
    holder: &PolicyHolder,
) -> Result<(), Error> {
    authorize(caller, Action::DetachPolicy, &resource(holder))?;
    Ok(meta
        .write(Command::DetachPolicy(DetachPolicy { policy: policy.clone(), holder: holder.clone() }))
        .await?
        .done()?)
}

fn resource(holder: &PolicyHolder) -> Resource {
    match holder {
        PolicyHolder::User(name) => Resource::User(name.clone()),
        PolicyHolder::Group(name) => Resource::Group(name.clone()),
    }
}
