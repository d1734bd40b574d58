//! Access keys. Invariant: a secret is told once, to who made its key, and kept encrypted.

use auth::{Action, Caller, Directory, NewCredentials, Resource, authorize, generate_credentials};
use model::{
    Command, CreateCredential, Credential, CredentialOfUser, DeleteCredential, GetCredential, GetUserByName,
    ListCredentials, MetaStore, Page, PageRequest, Refusal, RequestId, UserName,
};

use crate::Error;

/// Makes a key for a user.
pub(crate) async fn create_credential(
    meta: &dyn MetaStore,
    directory: &Directory,
    caller: &Caller,
    user: &UserName,
) -> Result<(NewCredentials, Credential), Error> {
    authorize(caller, Action::CreateCredentials, &Resource::User(user.clone()))?;
    let owner = meta.ask(GetUserByName { name: user.clone() }).await?;
    let keys = generate_credentials();
    let command = Command::CreateCredential(CreateCredential {
        request: RequestId(rand::random()),
        user: owner.id,
        access_key_id: keys.access_key_id.clone(),
        secret: directory.secrets().seal(&keys.access_key_id, &keys.secret_access_key),
    });
    let made = meta.write(command).await?.credential()?;
    tracing::info!(user = %user, access_key_id = made.access_key_id, by = %caller.user.name, "access key made");
    Ok((keys, made))
}

/// Finds a key of a user, without its secret.
pub(crate) async fn get_credential(
    meta: &dyn MetaStore,
    caller: &Caller,
    user: &UserName,
    access_key_id: &str,
) -> Result<Credential, Error> {
    authorize(caller, Action::ReadCredentials, &Resource::User(user.clone()))?;
    let owner = meta.ask(GetUserByName { name: user.clone() }).await?;
    let found = meta.ask(GetCredential { access_key_id: access_key_id.to_owned() }).await?;
    match found {
        CredentialOfUser { credential, user } if user.id == owner.id => Ok(credential),
        _ => Err(Refusal::CredentialNotFound(access_key_id.to_owned()).into()),
    }
}

/// Lists a user's keys, without secrets.
pub(crate) async fn list_credentials(
    meta: &dyn MetaStore,
    caller: &Caller,
    user: UserName,
    page: PageRequest,
) -> Result<Page<Credential>, Error> {
    authorize(caller, Action::ListCredentials, &Resource::User(user.clone()))?;
    Ok(meta.ask(ListCredentials { user, page }).await?)
}

/// Takes a key away, and the sessions that it began.
pub(crate) async fn delete_credential(
    meta: &dyn MetaStore,
    caller: &Caller,
    user: &UserName,
    access_key_id: &str,
) -> Result<(), Error> {
    authorize(caller, Action::DeleteCredentials, &Resource::User(user.clone()))?;
    let command =
        Command::DeleteCredential(DeleteCredential { user: user.clone(), access_key_id: access_key_id.to_owned() });
    meta.write(command).await?.done()?;
    tracing::info!(user = %user, access_key_id, by = %caller.user.name, "access key deleted");
    Ok(())
}
