//! Users.

use auth::{Action, Caller, Resource, authorize};
use model::{Command, CreateUser, DeleteUser, MetaStore, Page, Query, RequestId, User, UserName};

use super::Wanted;
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
    Ok(meta.read(Query::UserNamed { name: name.clone() }).await?.user()?)
}

/// Lists users.
pub(crate) async fn list_users(meta: &dyn MetaStore, caller: &Caller, wanted: Wanted) -> Result<Page<User>, Error> {
    authorize(caller, Action::ListUsers, &Resource::All)?;
    let Wanted { prefix, after, amount } = wanted;
    Ok(meta.read(Query::Users { prefix, after, amount }).await?.users()?)
}

/// Forgets a user with keys, memberships, attached policies and sessions.
pub(crate) async fn delete_user(meta: &dyn MetaStore, caller: &Caller, name: &UserName) -> Result<(), Error> {
    authorize(caller, Action::DeleteUser, &Resource::User(name.clone()))?;
    meta.write(Command::DeleteUser(DeleteUser { name: name.clone() })).await?.done()?;
    tracing::info!(user = %name, by = %caller.user.name, "user deleted");
    Ok(())
}
