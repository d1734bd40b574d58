//! Users and their keys.

use std::sync::Arc;

use model::{
    Command, CreateCredential, CreateUser, CredentialOfUser, DeleteUser, GetCredential, GetUser, ListUsers, MetaStore,
    PageRequest, Refusal, SealedSecret, UserId,
};

use super::lake::{ask, granted, name, refusal, request, unique, write};

/// On a store of its own the first one is made, and on one that others use nobody is: never a second.
pub(super) async fn there_is_one_first_user(store: Arc<dyn MetaStore>) {
    let store = &*store;
    let first = |who: &str| {
        Command::CreateUser(CreateUser {
            request: request(),
            name: name(&format!("{who} {}", unique())),
            first_key: None,
            groups: vec![],
            only_first: true,
        })
    };
    let all = ListUsers { page: PageRequest::first(1) };
    let nobody_there = granted(ask(store, all).await).items.is_empty();
    match write(store, first("first")).await.user() {
        Ok(user) => granted(write(store, Command::DeleteUser(DeleteUser { name: user.name })).await.done()),
        Err(refusal) => assert_eq!((refusal, nobody_there), (Refusal::AlreadySetUp, false)),
    }
    let second = write(store, first("second")).await;
    assert_eq!(refusal(second), Refusal::AlreadySetUp, "even if the first was deleted meanwhile");
}

pub(super) async fn users_and_keys(store: Arc<dyn MetaStore>) {
    let store = &*store;
    let (who, key_id) = (format!("user {}", unique()), format!("AKIA{}", unique()));
    let create = || {
        Command::CreateUser(CreateUser {
            request: request(),
            name: name(&who),
            first_key: None,
            groups: vec![],
            only_first: false,
        })
    };
    let user = granted(write(store, create()).await.user());
    assert_eq!(user.name.as_str(), who);
    assert_eq!(refusal(write(store, create()).await), Refusal::UserExists(name(&who)));
    assert_eq!(granted(ask(store, GetUser { id: user.id }).await), user);
    let nobody = UserId(u64::MAX);
    assert_eq!(ask(store, GetUser { id: nobody }).await, Err(Refusal::UserNotFound(None)));

    let secret = SealedSecret(vec![0, 1, 255]);
    let give = |user, access_key_id: &str| {
        Command::CreateCredential(CreateCredential {
            request: request(),
            user,
            access_key_id: access_key_id.into(),
            secret: secret.clone(),
        })
    };
    assert_eq!(refusal(write(store, give(nobody, &key_id)).await), Refusal::UserNotFound(None));
    let credential = granted(write(store, give(user.id, &key_id)).await.credential());
    assert_eq!((&credential.secret, credential.user), (&secret, user.id));
    assert_eq!(refusal(write(store, give(user.id, &key_id)).await), Refusal::CredentialExists(key_id.clone()));
    granted(write(store, give(user.id, &format!("{key_id}-2"))).await.credential());

    let find = |access_key_id: &str| GetCredential { access_key_id: access_key_id.into() };
    assert_eq!(granted(ask(store, find(&key_id)).await), CredentialOfUser { credential, user });

    let with_key = |who: &str, key_id: &str| {
        Command::CreateUser(CreateUser {
            request: request(),
            name: name(who),
            first_key: Some((key_id.to_owned(), secret.clone())),
            groups: vec![],
            only_first: false,
        })
    };
    let (other, other_key) = (format!("{who} too"), format!("{key_id}-3"));
    assert_eq!(refusal(write(store, with_key(&other, &key_id)).await), Refusal::CredentialExists(key_id.clone()));
    let other = granted(write(store, with_key(&other, &other_key)).await.user());
    assert_eq!(granted(ask(store, find(&other_key)).await).user, other, "the refused one made nobody");

    let unknown = format!("{key_id}-");
    assert_eq!(ask(store, find(&unknown)).await, Err(Refusal::CredentialNotFound(unknown)));
}
