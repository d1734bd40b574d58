//! Users.

use auth::{Action, Caller, Resource, authorize};
use model::{
    Command, CreateUser, DeleteUser, GetUserByName, ListUsers, MetaStore, Page, PageRequest, RequestId, User, UserName,
};

use crate::Error;
use crate::escapes::check_new_name;

/// Makes a user, who may nothing yet and has no key.
pub(crate) async fn create_user(
    meta: &dyn MetaStore,
    caller: &Caller,
    request: RequestId,
    name: &UserName,
) -> Result<User, Error> {
    authorize(caller, Action::CreateUser, &Resource::User(name.clone()))?;
    check_new_name("name", name.as_str())?;
    let command = Command::CreateUser(CreateUser {
        request,
        name: name.clone(),
        first_key: None,
        groups: vec![],
        only_first: false,
    });
    Ok(meta.write(command).await?.user()?)
}

/// Finds a user.
pub(crate) async fn get_user(meta: &dyn MetaStore, caller: &Caller, name: &UserName) -> Result<User, Error> {
    authorize(caller, Action::ReadUser, &Resource::User(name.clone()))?;
    Ok(meta.ask(GetUserByName { name: name.clone() }).await?)
}

/// Lists users.
pub(crate) async fn list_users(meta: &dyn MetaStore, caller: &Caller, page: PageRequest) -> Result<Page<User>, Error> {
    authorize(caller, Action::ListUsers, &Resource::All)?;
    Ok(meta.ask(ListUsers { page }).await?)
}

/// Forgets a user with keys, memberships, attached policies and sessions.
pub(crate) async fn delete_user(meta: &dyn MetaStore, caller: &Caller, name: &UserName) -> Result<(), Error> {
    authorize(caller, Action::DeleteUser, &Resource::User(name.clone()))?;
    meta.write(Command::DeleteUser(DeleteUser { name: name.clone() })).await?.done()?;
    tracing::info!(user = %name, by = %caller.user.name, "user deleted");
    Ok(())
}
