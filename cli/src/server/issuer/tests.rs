//! Tokens of a provider that is asked over HTTP, by a clock that tests move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};

use ::tests::TestIssuer;
use auth::{Directory, DirectoryOptions, Issuer, IssuerSettings, SecretBox, Unknown};
use metadata_server::MemoryMetaStore;
use model::{Clock, Command, EndSessions, ListUsers, MetaStore, PageRequest, Timestamp};
use serde_json::{Value, json};

use super::*;

const NOW: i64 = 1_790_000_000;

#[derive(Default)]
struct MovedClock(AtomicI64);

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis((NOW + self.0.load(SeqCst)) * 1000)
    }
}

/// A directory that trusts a provider.
struct Trusting {
    provider: TestIssuer,
    clock: Arc<MovedClock>,
    meta: Arc<MemoryMetaStore>,
    directory: Directory,
}

impl Trusting {
    async fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let provider = TestIssuer::start().await;
        let settings = IssuerSettings {
            url: provider.url().to_owned(),
            audiences: vec!["lakebed".to_owned()],
            name_claim: "sub".to_owned(),
            groups_claim: "groups".to_owned(),
            groups: vec![("readers".to_owned(), "Viewers".parse().unwrap())],
        };
        let issuer = Issuer::new(settings, Arc::new(ProviderDocuments::new().unwrap()));
        let clock = Arc::new(MovedClock::default());
        let meta = Arc::new(MemoryMetaStore::new(Arc::clone(&clock) as Arc<dyn Clock>));
        let secrets = SecretBox::new(&[7; 32]);
        api_server::bootstrap_administrator(&*meta, &secrets, None).await.unwrap();
        // Nothing is remembered, so that each token is judged.
        let options = DirectoryOptions { bytes_max: 0, ..DirectoryOptions::default() };
        let directory = Directory::new(meta.clone(), clock.clone(), secrets, options).trusting(Some(Arc::new(issuer)));
        Self { provider, clock, meta, directory }
    }

    /// What becomes of a token: the user's name and how many policies' rules they have, or why not.
    async fn shown(&self, token: &str) -> Result<String, Unknown> {
        let known = self.directory.bearer(token).await?;
        Ok(self.directory.caller(&known, None).user.name.to_string())
    }

    fn token(&self) -> String {
        self.provider.token("ann", &["readers"], NOW + self.clock.0.load(SeqCst))
    }

    fn claims(&self, changes: &[(&str, Value)]) -> Value {
        let mut claims =
            json!({ "iss": self.provider.url(), "sub": "ann", "aud": "lakebed", "iat": NOW, "exp": NOW + 900 });
        for (name, value) in changes {
            claims[name] = value.clone();
        }
        claims
    }
}

#[test]
fn keys_come_encrypted_or_from_this_machine() {
    for good in
        ["https://id.example.org/realms/lake", "http://127.0.0.1:5556/dex", "http://[::1]:1", "http://localhost"]
    {
        assert_eq!(check(good), Ok(()), "{good}");
    }
    for bad in ["http://id.example.org", "http://127.0.0.1.example.org", "file:///etc/passwd", "id.example.org", ""] {
        assert!(check(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_token_is_taken_and_its_holder_is_nobody_who_was_here_before() {
    let lake = Trusting::new().await;
    assert_eq!(lake.shown(&lake.token()).await.unwrap(), "oidc:ann");
    let known = lake.directory.bearer(&lake.token()).await.unwrap();
    let caller = lake.directory.caller(&known, None);
    let may = |action| auth::is_allowed(&caller, action, &auth::Resource::All);
    assert!(may(auth::Action::ReadObject) && !may(auth::Action::WriteObject), "as one of the Viewers");
    let admin = lake.provider.token("admin", &["Admins", "*"], NOW);
    let known = lake.directory.bearer(&admin).await.unwrap();
    let caller = lake.directory.caller(&known, None);
    assert_eq!(caller.user.name.as_str(), "oidc:admin");
    assert!(!auth::is_allowed(&caller, auth::Action::ReadObject, &auth::Resource::All), "no group counts unmapped");
    let users = ListUsers { page: PageRequest { prefix: "oidc:".to_owned(), after: String::new(), amount: 10 } };
    let meta: &dyn MetaStore = &*lake.meta;
    let users = meta.ask(users).await.unwrap().items;
    assert_eq!(users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>(), ["oidc:admin", "oidc:ann"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_token_is_found() {
    let lake = Trusting::new().await;
    for (name, value) in [
        ("aud", json!("another")),
        ("exp", json!(NOW)),
        ("nbf", json!(NOW + 120)),
        ("iss", json!("lakebed")),
        ("iss", json!("http://127.0.0.1:1")),
        ("sub", json!("")),
    ] {
        let told = lake.shown(&lake.provider.sign(&lake.claims(&[(name, value.clone())]))).await;
        assert!(matches!(told, Err(Unknown::Token(_))), "{name} {value}: {told:?}");
    }
    let stranger = TestIssuer::start().await;
    assert!(lake.shown(&stranger.sign(&lake.claims(&[]))).await.is_err(), "another's signature");
    let end = Command::EndSessions(EndSessions { user: "oidc:ann".parse().unwrap() });
    let token = lake.token();
    lake.shown(&token).await.unwrap();
    lake.meta.write(end).await.unwrap().user().unwrap();
    assert!(matches!(lake.shown(&token).await, Err(Unknown::Ended)), "an administrator ends it");
    lake.clock.0.store(60, SeqCst);
    lake.shown(&lake.token()).await.expect("a later one counts");
}

#[tokio::test]
async fn keys_rotate_and_a_flood_asks_once() {
    let mut lake = Trusting::new().await;
    let old = lake.token();
    lake.shown(&old).await.unwrap();
    lake.provider.rotate();
    lake.clock.0.store(40, SeqCst);
    lake.shown(&lake.token()).await.expect("an unknown key is asked for");
    assert!(lake.shown(&old).await.is_err(), "a withdrawn key counts no more");
    assert_eq!(lake.provider.asked(), 2);
    let stranger = TestIssuer::start().await;
    lake.clock.0.store(100, SeqCst);
    for _ in 0..100 {
        stranger.rotate();
        assert!(lake.shown(&stranger.sign(&lake.claims(&[]))).await.is_err());
    }
    assert!(lake.provider.asked() <= 1, "a flood of unknown keys is one question");

    lake.provider.stop().await;
    lake.shown(&lake.token()).await.expect("known keys count while it is down");
    lake.provider.rotate();
    lake.clock.0.store(200, SeqCst);
    assert!(lake.shown(&lake.token()).await.is_err());
    lake.provider.start_again().await;
    assert!(lake.shown(&lake.token()).await.is_err(), "it was asked a moment ago");
    lake.clock.0.store(240, SeqCst);
    lake.shown(&lake.token()).await.expect("it is back");
}

#[tokio::test]
async fn a_provider_that_is_down_or_leads_elsewhere_is_said_to() {
    let mut lake = Trusting::new().await;
    lake.provider.redirect();
    let told = lake.shown(&lake.token()).await.unwrap_err();
    assert!(matches!(&told, Unknown::Issuer(why) if why.contains("307")), "no redirect is followed: {told}");
    lake.clock.0.store(40, SeqCst);
    lake.provider.stop().await;
    let told = lake.shown(&lake.token()).await.unwrap_err();
    assert!(matches!(told, Unknown::Issuer(_)), "{told}");
}
