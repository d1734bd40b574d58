//! A new installation that waits for its first administrator.

use std::sync::Arc;

use api_server::{ApiServer, ApiServerOptions, Setup, await_first_user, bootstrap_administrator};
use auth::{PeerAddress, SecretBox};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures::future::join_all;
use graveler::{Graveler, GravelerOptions};
use metadata_server::MemoryMetaStore;
use model::{DeleteUser, MetaStore, SystemClock};
use serde_json::{Value, json};
use storage::{StoreSettings, Stores};
use tower::ServiceExt;

struct New {
    meta: Arc<dyn MetaStore>,
    router: Router,
}

impl New {
    async fn waiting_for(setup: Setup) -> Self {
        let meta: Arc<dyn MetaStore> = Arc::new(MemoryMetaStore::new(Arc::new(SystemClock)));
        if setup != Setup::Closed {
            assert!(!await_first_user(&*meta).await.unwrap());
        }
        let stores = Stores::open("memory:///", &StoreSettings::default()).await.unwrap();
        let graveler = Graveler::new(meta.clone(), stores, Arc::new(SystemClock), GravelerOptions::default());
        let options = ApiServerOptions { setup, ..ApiServerOptions::default() };
        Self { meta, router: ApiServer::new(graveler, SecretBox::new(&[7; 32]), options).rest() }
    }

    async fn send(&self, request: Request<Body>) -> (u16, Value) {
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let bytes = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn state(&self) -> Value {
        self.send(Request::get("/api/v1/setup_lakefs").body(Body::empty()).unwrap()).await.1
    }

    async fn set_up_from(&self, address: &str, body: &Value) -> (u16, Value) {
        let request = Request::post("/api/v1/setup_lakefs").header("content-type", "application/json");
        let request = request.extension(PeerAddress(address.parse().unwrap()));
        self.send(request.body(body.to_string().into()).unwrap()).await
    }

    async fn user_of(&self, keys: &Value) -> Value {
        let text = |name: &str| keys[name].as_str().unwrap().to_owned();
        let proof = STANDARD.encode(format!("{}:{}", text("access_key_id"), text("secret_access_key")));
        let request = Request::get("/api/v1/user").header("authorization", format!("Basic {proof}"));
        self.send(request.body(Body::empty()).unwrap()).await.1["user"]["id"].clone()
    }
}

#[tokio::test]
async fn the_first_who_asks_becomes_the_administrator_and_nobody_after() {
    let new = New::waiting_for(Setup::FromLoopback).await;
    let state = new.state().await;
    assert_eq!((&state["state"], &state["comm_prefs_missing"]), (&json!("not_initialized"), &json!(false)));
    let login = &state["login_config"];
    assert_eq!((&login["login_url"], &login["login_cookie_names"]), (&json!(""), &json!(["internal_auth_session"])));

    let ann = json!({ "username": "ann" });
    let (status, refused) = new.set_up_from("10.0.0.1", &ann).await;
    assert!(status == 401 && refused["message"].as_str().unwrap().contains("machine"), "{refused}");
    assert_eq!(new.set_up_from("127.0.0.1", &json!({ "username": "" })).await.0, 400);
    let weak = json!({ "username": "ann", "key": { "access_key_id": "AKANN", "secret_access_key": "short" } });
    assert_eq!(new.set_up_from("127.0.0.1", &weak).await.0, 400);

    let names = ["ann", "bob", "eve", "joe"];
    let asked = names.map(|name| json!({ "username": name }));
    let answers = join_all(asked.iter().map(|body| new.set_up_from("127.0.0.1", body))).await;
    let made: Vec<_> = answers.iter().zip(names).filter(|((status, _), _)| *status == 200).collect();
    let [((_, keys), name)] = made.as_slice() else { panic!("{answers:?}") };
    assert!(answers.iter().all(|(status, _)| [200, 409].contains(status)), "{answers:?}");
    assert_eq!(new.user_of(keys).await, json!(name));
    assert_eq!(new.state().await["state"], "initialized");
    let (status, refused) = new.set_up_from("127.0.0.1", &ann).await;
    assert!(status == 409 && refused["message"].as_str().unwrap().contains("already initialized"), "{refused}");

    // Not even once nobody is left, nor by a start that makes an administrator of its own.
    let name = name.parse().unwrap();
    new.meta.write(model::Command::DeleteUser(DeleteUser { name })).await.unwrap().done().unwrap();
    assert_eq!(new.set_up_from("127.0.0.1", &ann).await.0, 409);
    assert!(bootstrap_administrator(&*new.meta, &SecretBox::new(&[7; 32]), None).await.unwrap().is_none());
}

#[tokio::test]
async fn the_first_may_choose_their_key() {
    let new = New::waiting_for(Setup::FromAnywhere).await;
    let key = json!({ "access_key_id": "AKANN", "secret_access_key": "a-secret-of-ann" });
    let (status, keys) = new.set_up_from("10.0.0.1", &json!({ "username": "ann", "key": key })).await;
    assert_eq!(
        (status, &keys["access_key_id"], &keys["secret_access_key"]),
        (200, &json!("AKANN"), &json!("a-secret-of-ann"))
    );
    assert_eq!(new.user_of(&keys).await, "ann");
}

#[tokio::test]
async fn nobody_sets_up_what_doesn_t_wait_for_it() {
    let new = New::waiting_for(Setup::Closed).await;
    assert_eq!(new.state().await["state"], "initialized");
    assert_eq!(new.set_up_from("127.0.0.1", &json!({ "username": "ann" })).await.0, 409);
}
