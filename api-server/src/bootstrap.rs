//! The first administrator. Owns how they come to be; leaves telling the keys to the composition root, and who may ask for
//! them to `rest/setup`. Invariants: there are no default keys: they are random, or the operator's own; and an
//! installation has one first user in its life, even if that user is deleted later.

use auth::{
    InvalidCredentials, NewCredentials, OpenError, SecretBox, check_credentials, generate_credentials, secrets_match,
};
use model::{
    AddMember, AttachPolicy, Command, CreateCredential, CreateGroup, CreatePolicy, CreateUser, CredentialOfUser,
    GetCredential, GetUserByName, GroupName, ListUsers, MetaError, MetaStore, PageRequest, PolicyHolder, Refusal,
    RequestId, SetUpAccess, User, UserName,
};
use secrecy::SecretString;
use thiserror::Error;

/// The name of the user that the first start makes.
pub const ADMINISTRATOR: &str = "admin";

/// Why there is no administrator. For the operator.
#[derive(Debug, Error)]
pub enum BootstrapError {
    /// The preset key can't be one.
    #[error("the preset access key can't be used: {0}")]
    Invalid(#[from] InvalidCredentials),
    /// The preset key's id is taken, with another secret or by another user.
    #[error("the preset access key {0} exists already with another secret: preset another id, or the secret it has")]
    Taken(String),
    /// The stored keys are encrypted under another key.
    #[error(transparent)]
    Sealed(#[from] OpenError),
    /// The metadata service.
    #[error(transparent)]
    Meta(#[from] MetaError),
}

impl From<Refusal> for BootstrapError {
    fn from(refusal: Refusal) -> Self {
        Self::Meta(refusal.into())
    }
}

/// Makes sure that there is an administrator, and returns a key of theirs if it made one: the only time that its secret
/// is seen.
///
/// The first start makes the user `admin` with a random key, or with the preset one: both or neither, so a first start
/// that is cut off before is made up for by the next. Later starts make nothing, unless a key is preset that isn't known
/// yet: it is added to `admin`'s, who is made if need be and gets an administrator's rights again, so an operator who lost
/// all keys or locked everybody out gets in by presetting one. Keys that were made before stay. While the metadata service
/// takes no commands, its disk being full, all that is left to a later start: there are users already.
pub async fn bootstrap_administrator(
    meta: &dyn MetaStore,
    secrets: &SecretBox,
    preset: Option<(String, SecretString)>,
) -> Result<Option<NewCredentials>, BootstrapError> {
    let is_preset = preset.is_some();
    let keys = keys_of(preset)?;
    if !set_up_access_now(meta).await? {
        return Ok(None);
    }
    if is_preset && is_known(meta, secrets, &keys).await? {
        return Ok(None);
    }
    let name = administrator();
    if is_preset {
        restore_admins(meta).await?;
    }
    let first = make(meta, secrets, &name, &keys, true).await?;
    let again = is_preset && !first && make(meta, secrets, &name, &keys, false).await?;
    let added = is_preset && !first && !again && add_key(meta, secrets, &keys).await?;
    if !(first || again || added) {
        return Ok(None);
    }
    tracing::info!(access_key_id = keys.access_key_id, "the administrator got an access key");
    Ok(Some(keys))
}

/// Readies an installation for the first user that [`first_user`] makes. → whether there was one already
pub async fn await_first_user(meta: &dyn MetaStore) -> Result<bool, BootstrapError> {
    set_up_access_now(meta).await?;
    is_set_up(meta).await
}

/// Whether the installation has users.
pub(crate) async fn is_set_up(meta: &dyn MetaStore) -> Result<bool, BootstrapError> {
    let any = ListUsers { page: PageRequest::first(1) };
    Ok(!meta.ask(any).await?.items.is_empty())
}

/// Makes an installation's first user, an administrator, with the key that they chose or a random one. → nothing if there
/// ever was another
pub(crate) async fn first_user(
    meta: &dyn MetaStore,
    secrets: &SecretBox,
    name: &UserName,
    chosen: Option<(String, SecretString)>,
) -> Result<Option<NewCredentials>, BootstrapError> {
    let keys = keys_of(chosen)?;
    set_up_access(meta).await?;
    let made = make(meta, secrets, name, &keys, true).await?;
    Ok(made.then_some(keys))
}

/// The keys that somebody chose, or random ones.
fn keys_of(chosen: Option<(String, SecretString)>) -> Result<NewCredentials, InvalidCredentials> {
    let Some((access_key_id, secret_access_key)) = chosen else { return Ok(generate_credentials()) };
    check_credentials(&access_key_id, &secret_access_key)?;
    Ok(NewCredentials { access_key_id, secret_access_key })
}

/// Sets access up; leaves it to a later start, `false`, if no commands are taken now and there are users already.
async fn set_up_access_now(meta: &dyn MetaStore) -> Result<bool, BootstrapError> {
    match set_up_access(meta).await {
        Err(BootstrapError::Meta(error)) if error.is_retryable() && is_set_up(meta).await? => {
            tracing::warn!(%error, "the metadata service takes no commands now: whether access is set up is left to the next start");
            Ok(false)
        }
        set_up => set_up.map(|()| true),
    }
}

/// Makes the default groups and policies, once. An administrator from before there were groups becomes one of the `Admins`.
async fn set_up_access(meta: &dyn MetaStore) -> Result<(), BootstrapError> {
    let command = Command::SetUpAccess(SetUpAccess {
        policies: auth::default_policies::policies(),
        groups: auth::default_policies::groups(),
        members: vec![(admins(), administrator())],
    });
    Ok(meta.write(command).await?.done()?)
}

/// Makes the group of administrators whole again, with its policies, and `admin` one of them if there is such a user.
async fn restore_admins(meta: &dyn MetaStore) -> Result<(), BootstrapError> {
    let groups = auth::default_policies::groups();
    let of_admins = groups.into_iter().find(|(name, _)| *name == admins()).map(|(_, policies)| policies);
    let of_admins = of_admins.unwrap_or_default();
    let request = || RequestId(rand::random());
    let mut commands = vec![CreateGroup { request: request(), name: admins() }.into()];
    for (name, document) in auth::default_policies::policies() {
        if of_admins.contains(&name) {
            commands.push(Command::from(CreatePolicy { request: request(), name: name.clone(), document }));
            let holder = PolicyHolder::Group(admins());
            commands.push(AttachPolicy { policy: name, holder }.into());
        }
    }
    commands.push(AddMember { group: admins(), user: administrator() }.into());
    for command in commands {
        match meta.write(command).await?.done() {
            Ok(()) | Err(Refusal::GroupExists(_) | Refusal::PolicyExists(_) | Refusal::UserNotFound(_)) => {}
            Err(refusal) => return Err(refusal.into()),
        }
    }
    Ok(())
}

fn administrator() -> UserName {
    ADMINISTRATOR.parse().expect("because it is a valid name")
}

fn admins() -> GroupName {
    auth::default_policies::ADMINS.parse().expect("because it is a valid name")
}

/// Whether the preset key is there already, as it is preset.
async fn is_known(meta: &dyn MetaStore, secrets: &SecretBox, keys: &NewCredentials) -> Result<bool, BootstrapError> {
    let access_key_id = &keys.access_key_id;
    match meta.ask(GetCredential { access_key_id: access_key_id.clone() }).await {
        Err(MetaError::Refused(Refusal::CredentialNotFound(_))) => Ok(false),
        Err(error) => Err(error.into()),
        Ok(CredentialOfUser { credential, user }) => {
            let stored = secrets.open(access_key_id, &credential.secret)?;
            let same = secrets_match(&stored, &keys.secret_access_key) && user.name.as_str() == ADMINISTRATOR;
            if same { Ok(true) } else { Err(BootstrapError::Taken(access_key_id.clone())) }
        }
    }
}

/// Makes an administrator with a key. Of several servers that start at once, one does; `false` for the others.
async fn make(
    meta: &dyn MetaStore,
    secrets: &SecretBox,
    name: &UserName,
    keys: &NewCredentials,
    only_first: bool,
) -> Result<bool, BootstrapError> {
    let secret = secrets.seal(&keys.access_key_id, &keys.secret_access_key);
    let first_key = Some((keys.access_key_id.clone(), secret));
    let groups = vec![admins()];
    let (request, name) = (RequestId(rand::random()), name.clone());
    let command = Command::CreateUser(CreateUser { request, name, first_key, groups, only_first });
    match meta.write(command).await?.user() {
        Ok(_) => Ok(true),
        Err(Refusal::UserExists(_) | Refusal::AlreadySetUp) => Ok(false),
        Err(Refusal::CredentialExists(id)) => Err(BootstrapError::Taken(id)),
        Err(refusal) => Err(refusal.into()),
    }
}

async fn find(meta: &dyn MetaStore) -> Result<Option<User>, BootstrapError> {
    match meta.ask(GetUserByName { name: administrator() }).await {
        Ok(user) => Ok(Some(user)),
        Err(MetaError::Refused(Refusal::UserNotFound(_))) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Adds the preset key to the administrator's; `false` if another server that starts now did.
async fn add_key(meta: &dyn MetaStore, secrets: &SecretBox, keys: &NewCredentials) -> Result<bool, BootstrapError> {
    let user = find(meta).await?.ok_or_else(|| Refusal::UserNotFound(Some(administrator())))?;
    let command = Command::CreateCredential(CreateCredential {
        request: RequestId(rand::random()),
        user: user.id,
        access_key_id: keys.access_key_id.clone(),
        secret: secrets.seal(&keys.access_key_id, &keys.secret_access_key),
    });
    match meta.write(command).await?.credential() {
        Ok(_) => Ok(true),
        Err(Refusal::CredentialExists(_)) => Ok(!is_known(meta, secrets, keys).await?),
        Err(refusal) => Err(refusal.into()),
    }
}
