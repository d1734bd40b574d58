//! Groups and their members.

use auth::{Action, Caller, Resource, authorize};
use model::{
    AddMember, Command, CreateGroup, DeleteGroup, GetGroup, Group, GroupName, ListGroups, ListMembers, MetaStore, Page,
    PageRequest, RemoveMember, RequestId, User, UserName,
};

use crate::Error;
use crate::escapes::check_new_name;

/// Makes a group without members.
pub(crate) async fn create_group(
    meta: &dyn MetaStore,
    caller: &Caller,
    request: RequestId,
    name: &GroupName,
) -> Result<Group, Error> {
    authorize(caller, Action::CreateGroup, &Resource::Group(name.clone()))?;
    check_new_name("name", name.as_str())?;
    Ok(meta.write(Command::CreateGroup(CreateGroup { request, name: name.clone() })).await?.group()?)
}

/// Finds a group.
pub(crate) async fn get_group(meta: &dyn MetaStore, caller: &Caller, name: &GroupName) -> Result<Group, Error> {
    authorize(caller, Action::ReadGroup, &Resource::Group(name.clone()))?;
    Ok(meta.ask(GetGroup { name: name.clone() }).await?)
}

/// Lists groups: all, or those that a user is in.
pub(crate) async fn list_groups(
    meta: &dyn MetaStore,
    caller: &Caller,
    of: Option<UserName>,
    page: PageRequest,
) -> Result<Page<Group>, Error> {
    match &of {
        None => authorize(caller, Action::ListGroups, &Resource::All)?,
        Some(user) => authorize(caller, Action::ReadUser, &Resource::User(user.clone()))?,
    }
    Ok(meta.ask(ListGroups { of, page }).await?)
}

/// Lists a group's users.
pub(crate) async fn list_members(
    meta: &dyn MetaStore,
    caller: &Caller,
    group: GroupName,
    page: PageRequest,
) -> Result<Page<User>, Error> {
    authorize(caller, Action::ReadGroup, &Resource::Group(group.clone()))?;
    Ok(meta.ask(ListMembers { group, page }).await?)
}

/// Forgets a group.
pub(crate) async fn delete_group(meta: &dyn MetaStore, caller: &Caller, name: &GroupName) -> Result<(), Error> {
    authorize(caller, Action::DeleteGroup, &Resource::Group(name.clone()))?;
    Ok(meta.write(Command::DeleteGroup(DeleteGroup { name: name.clone() })).await?.done()?)
}

/// Takes a user into a group.
pub(crate) async fn add_member(
    meta: &dyn MetaStore,
    caller: &Caller,
    group: &GroupName,
    user: &UserName,
) -> Result<(), Error> {
    authorize(caller, Action::AddGroupMember, &Resource::Group(group.clone()))?;
    Ok(meta.write(Command::AddMember(AddMember { group: group.clone(), user: user.clone() })).await?.done()?)
}

/// Takes a user out of a group.
pub(crate) async fn remove_member(
    meta: &dyn MetaStore,
    caller: &Caller,
    group: &GroupName,
    user: &UserName,
) -> Result<(), Error> {
    authorize(caller, Action::RemoveGroupMember, &Resource::Group(group.clone()))?;
    Ok(meta.write(Command::RemoveMember(RemoveMember { group: group.clone(), user: user.clone() })).await?.done()?)
}
