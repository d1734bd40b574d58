//! The API's bootstrap, through the SDK over real gRPC.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use api_server::{BootstrapError, bootstrap_administrator};
use async_trait::async_trait;
use auth::SecretBox;
use metadata_server::MemoryMetaStore;
use model::{
    Answer, Command, CredentialOfUser, DeleteGroup, DeleteUser, GetCredential, ListPolicies, ListUsers, MetaError,
    MetaStore, Outcome, PageRequest, PolicyHolder, Query, RemoveMember, SystemClock,
};
use secrecy::{ExposeSecret, SecretString};

fn empty() -> Arc<dyn MetaStore> {
    Arc::new(MemoryMetaStore::new(Arc::new(SystemClock)))
}

fn preset(id: &str, secret: &str) -> Option<(String, SecretString)> {
    Some((id.to_owned(), secret.into()))
}

#[tokio::test]
async fn the_first_start_makes_an_administrator_and_later_ones_don_t() {
    let (meta, secrets) = (empty(), SecretBox::new(&[7; 32]));
    let keys = bootstrap_administrator(&*meta, &secrets, None).await.unwrap().unwrap();
    assert!(bootstrap_administrator(&*meta, &secrets, None).await.unwrap().is_none());

    let query = GetCredential { access_key_id: keys.access_key_id.clone() };
    let CredentialOfUser { credential, user } = meta.ask(query).await.unwrap();
    assert_eq!(user.name.as_str(), "admin");
    let opened = secrets.open(&keys.access_key_id, &credential.secret).unwrap();
    assert_eq!(opened.expose_secret(), keys.secret_access_key.expose_secret());
    assert!(!format!("{keys:?} {credential:?}").contains(keys.secret_access_key.expose_secret()));
}

/// Lets a start be cut off after any of its commands.
struct CutOff {
    store: Arc<dyn MetaStore>,
    commands_left: AtomicU64,
}

#[async_trait]
impl MetaStore for CutOff {
    async fn write(&self, command: Command) -> Result<Outcome, MetaError> {
        let left = self.commands_left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        left.map_err(|_| MetaError::Unavailable("killed".into()))?;
        self.store.write(command).await
    }

    async fn read(&self, query: Query) -> Result<Answer, MetaError> {
        self.store.read(query).await
    }
}

#[tokio::test]
async fn a_first_start_that_is_cut_off_leaves_no_administrator_without_a_key() {
    for commands in 0..3 {
        let secrets = SecretBox::new(&[7; 32]);
        let meta = CutOff { store: empty(), commands_left: commands.into() };
        let first = bootstrap_administrator(&meta, &secrets, None).await;
        let second = bootstrap_administrator(&*meta.store, &secrets, None).await.unwrap();
        let keys = [first.ok().flatten(), second].into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(keys.len(), 1, "cut off behind {commands} commands");
        let query = GetCredential { access_key_id: keys[0].access_key_id.clone() };
        assert_eq!(meta.store.ask(query).await.unwrap().user.name.as_str(), "admin");
    }
}

#[tokio::test]
async fn servers_that_start_at_once_take_one_preset_key() {
    let (meta, secrets) = (empty(), SecretBox::new(&[7; 32]));
    let first = || bootstrap_administrator(&*meta, &secrets, preset("first", "first-secret"));
    let second = || bootstrap_administrator(&*meta, &secrets, preset("second", "second-secret"));
    for (a, b) in [futures::join!(first(), first()), futures::join!(second(), second())] {
        assert_eq!([a.unwrap(), b.unwrap()].into_iter().flatten().count(), 1);
    }
}

#[tokio::test]
async fn a_preset_key_is_taken_and_a_new_one_is_added() {
    let (meta, secrets) = (empty(), SecretBox::new(&[7; 32]));
    let first = bootstrap_administrator(&*meta, &secrets, preset("first", "first-secret")).await.unwrap().unwrap();
    assert_eq!(first.access_key_id, "first");
    assert!(bootstrap_administrator(&*meta, &secrets, preset("first", "first-secret")).await.unwrap().is_none());
    let second = bootstrap_administrator(&*meta, &secrets, preset("second", "second-secret")).await.unwrap();
    assert_eq!(second.unwrap().access_key_id, "second");
    for id in ["first", "second"] {
        let query = GetCredential { access_key_id: id.into() };
        assert_eq!(meta.ask(query).await.unwrap().user.name.as_str(), "admin");
    }
    let users = meta.ask(ListUsers { page: PageRequest::first(10) }).await.unwrap();
    assert_eq!(users.items.len(), 1);
}

#[tokio::test]
async fn a_preset_that_can_t_be_is_refused() {
    let (meta, secrets) = (empty(), SecretBox::new(&[7; 32]));
    let refuse = async |id, secret, secrets: &SecretBox| {
        bootstrap_administrator(&*meta, secrets, preset(id, secret)).await.unwrap_err()
    };
    assert!(matches!(refuse("a:b", "long-enough", &secrets).await, BootstrapError::Invalid(_)));
    bootstrap_administrator(&*meta, &secrets, preset("first", "first-secret")).await.unwrap();
    assert!(matches!(refuse("first", "another-secret", &secrets).await, BootstrapError::Taken(_)));
    let sealed = refuse("first", "first-secret", &SecretBox::new(&[8; 32])).await;
    assert!(sealed.to_string().contains("LAKEBED_ENCRYPTION_KEY"), "{sealed}");
}

async fn policies_of_admin(meta: &dyn MetaStore) -> Vec<String> {
    let of = Some(PolicyHolder::User("admin".parse().unwrap()));
    let query = ListPolicies { of, effective: true, page: PageRequest::first(100) };
    let page = meta.ask(query).await.unwrap();
    page.items.into_iter().map(|policy| policy.name.to_string()).collect()
}

#[tokio::test]
async fn a_new_preset_key_lets_an_administrator_in_who_was_locked_out() {
    let (admins, admin) = (|| "Admins".parse().unwrap(), || "admin".parse().unwrap());
    let leave = Command::from(RemoveMember { group: admins(), user: admin() });
    let no_group = Command::from(DeleteGroup { name: admins() });
    let no_user = Command::from(DeleteUser { name: admin() });
    for locked_out in [vec![leave.clone()], vec![no_group.clone()], vec![no_user.clone()], vec![no_user, no_group]] {
        let (meta, secrets) = (empty(), SecretBox::new(&[7; 32]));
        bootstrap_administrator(&*meta, &secrets, None).await.unwrap().unwrap();
        let before = policies_of_admin(&*meta).await;
        assert!(!before.is_empty());
        for command in locked_out {
            meta.write(command).await.unwrap().done().unwrap();
        }
        let keys = bootstrap_administrator(&*meta, &secrets, preset("new", "new-secret")).await.unwrap();
        assert_eq!(keys.unwrap().access_key_id, "new");
        assert_eq!(policies_of_admin(&*meta).await, before);
        // A key that is known changes nothing: what an operator has decided since stays.
        meta.write(leave.clone()).await.unwrap().done().unwrap();
        assert!(bootstrap_administrator(&*meta, &secrets, preset("new", "new-secret")).await.unwrap().is_none());
        assert!(policies_of_admin(&*meta).await.is_empty());
    }
}
