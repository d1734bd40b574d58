//! Users and their keys.

use std::sync::Arc;

use model::{
    Answer, Command, CreateCredential, CreateUser, DeleteUser, MetaStore, Query, Refusal, SealedSecret, UserId,
};

use super::lake::{granted, name, read, refusal, request, unique, write};

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
    let all = Query::Users { prefix: String::new(), after: String::new(), amount: 1 };
    let nobody_there = granted(read(store, all).await.users()).items.is_empty();
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
    assert_eq!(granted(read(store, Query::User { id: user.id }).await.user()), user);
    let nobody = UserId(u64::MAX);
    assert_eq!(read(store, Query::User { id: nobody }).await, Answer::Refused(Refusal::UserNotFound(None)));

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

    let find = |access_key_id: &str| Query::Credential { access_key_id: access_key_id.into() };
    assert_eq!(granted(read(store, find(&key_id)).await.credential()), (credential, user));

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
    assert_eq!(granted(read(store, find(&other_key)).await.credential()).1, other, "the refused one made nobody");

    let unknown = format!("{key_id}-");
    assert_eq!(read(store, find(&unknown)).await, Answer::Refused(Refusal::CredentialNotFound(unknown)));
}
