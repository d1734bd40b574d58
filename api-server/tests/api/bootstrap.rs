use std::sync::Arc;

use api_server::{BootstrapError, bootstrap_administrator};
use auth::SecretBox;
use metadata_server::MemoryMetaStore;
use model::{MetaStore, Query, SystemClock};
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

    let query = Query::Credential { access_key_id: keys.access_key_id.clone() };
    let (credential, user) = meta.read(query).await.unwrap().credential().unwrap();
    assert_eq!(user.name.as_str(), "admin");
    let opened = secrets.open(&keys.access_key_id, &credential.secret).unwrap();
    assert_eq!(opened.expose_secret(), keys.secret_access_key.expose_secret());
    assert!(!format!("{keys:?} {credential:?}").contains(keys.secret_access_key.expose_secret()));
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
        let query = Query::Credential { access_key_id: id.into() };
        assert_eq!(meta.read(query).await.unwrap().credential().unwrap().1.name.as_str(), "admin");
    }
    let users = meta.read(Query::Users { after: String::new(), amount: 10 }).await.unwrap().users().unwrap();
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
