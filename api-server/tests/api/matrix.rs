//! Every operation of REST and every method of gRPC by everybody who may call: compared with `matrix.txt`, which is the
//! place to look up who gets what. After a change: `UPDATE_GOLDEN=1 cargo test --workspace --test api matrix`

use std::fs;
use std::path::Path;

use auth::{SecretBox, SessionClaims};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lakebed_sdk::{PolicyHolder, UserName};
use model::{Timestamp, UserId};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::authentication::{call, methods, status};
use crate::lake::{ACCESS_KEY_ID, TestLake};

const NARROWED: &str = "session narrowed to reading main/in/";

/// A user with a key and a policy; how they prove it.
async fn user(lake: &TestLake, name: &str, effect: &str, actions: &[&str]) -> String {
    let user: UserName = name.parse().unwrap();
    lake.lakebed.create_user(&user).await.unwrap();
    let policy = format!("of {name}").parse().unwrap();
    let document = json!({ "statement": [{ "effect": effect, "action": actions, "resource": "*" }] });
    lake.lakebed.create_policy(&policy, &document.to_string()).await.unwrap();
    lake.lakebed.attach_policy(&policy, &PolicyHolder::User(user.clone())).await.unwrap();
    let key = lake.lakebed.create_credential(&user).await.unwrap();
    basic(&key.access_key_id, key.secret_access_key.expose_secret())
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// Who calls, and with which `authorization`.
async fn callers(lake: &TestLake) -> Vec<(&'static str, String)> {
    let secrets = SecretBox::new(&[7; 32]);
    let expired = SessionClaims::new(UserId(1), Timestamp::from_millis(1_000), 900);
    let foreign = SessionClaims::new(UserId(1), Timestamp::from_millis(1_790_000_000_000), 900);
    let bearer = |claims: &SessionClaims, secrets| format!("Bearer {}", claims.sign(secrets).expose_secret());
    vec![
        ("nobody", String::new()),
        ("unknown key", basic("AKLBNOBODY", "wrong")),
        ("wrong secret", basic(ACCESS_KEY_ID, "wrong")),
        ("expired session", bearer(&expired, &secrets)),
        ("another installation's session", bearer(&foreign, &SecretBox::new(&[8; 32]))),
        (NARROWED, String::new()),
        ("user without rights", user(lake, "nothing", "deny", &["*"]).await),
        ("user who may read", user(lake, "reader", "allow", &["fs:Read*", "fs:List*"]).await),
    ]
}

/// A session of its own for each call, as one of them ends it.
async fn narrowed(lake: &TestLake) -> String {
    let narrowing = lakebed_sdk::Narrowing::Objects {
        repository: lake.trips.clone(),
        reference: Some("main".to_owned()),
        prefix: "in/".to_owned(),
        read_only: true,
    };
    let session = lake.lakebed.begin_session(Some(43_200), Some(narrowing)).await.unwrap();
    format!("Bearer {}", session.bearer_token.expose_secret())
}

/// What a caller sends with one request.
async fn authorization(lake: &TestLake, (who, authorization): &(&str, String)) -> Option<String> {
    match *who {
        NARROWED => Some(narrowed(lake).await),
        _ => Some(authorization.clone()).filter(|text| !text.is_empty()),
    }
}

/// Guesses are slowed down after a while, which isn't what the matrix is about: both are refusals of strangers.
fn steady(status: &str) -> &str {
    match status {
        "429" => "401",
        "8" => "16",
        status => status,
    }
}

/// A body that is valid, made of the description's required fields.
fn body(document: &Value, schema: &Value) -> Value {
    if let Some(name) = schema["$ref"].as_str() {
        return body(document, &document["components"]["schemas"][name.rsplit('/').next().unwrap()]);
    }
    if let Some(form) = schema["oneOf"].as_array().into_iter().flatten().find(|form| form["type"] != "null") {
        return body(document, form);
    }
    if schema["type"] == "array" {
        return json!([]);
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let fields = required.map(|field| {
        let property = &schema["properties"][field];
        let value = match (field, property["type"].as_str()) {
            ("statement", _) => json!([{ "effect": "allow", "action": ["fs:*"], "resource": "*" }]),
            ("source" | "ref" | "reference", _) => json!("main"),
            ("type", _) => json!("reset"),
            (_, Some("array")) => json!([]),
            (_, Some("boolean")) => json!(false),
            (_, Some("integer")) => json!(1),
            (_, Some("object")) => json!({}),
            (_, Some("string")) => json!("made"),
            _ if property.get("$ref").is_some() => body(document, property),
            _ => json!("made"),
        };
        (field.to_owned(), value)
    });
    Value::Object(fields.collect())
}

/// A path with something in the place of each parameter.
fn path(document: &Value, template: &str, operation: &Value) -> String {
    let mut path = format!("/api/v1{template}");
    let part = |name: &str| match name {
        "repository" => "trips",
        "userId" => "admin",
        "groupId" => "Admins",
        "policyId" => "FSReadAll",
        "accessKeyId" => ACCESS_KEY_ID,
        "tag" => "v1",
        "partNumber" => "1",
        _ => "main",
    };
    let mut query = vec![];
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap();
        if parameter["in"] == "path" {
            path = path.replace(&format!("{{{name}}}"), part(name));
        } else if parameter["required"] == true {
            query.push(format!("{name}=out/a"));
        }
    }
    let _ = document;
    if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
}

#[tokio::test]
async fn everybody_gets_what_the_matrix_says() {
    let lake = TestLake::new().await;
    lake.put("main", "out/a", "x").await;
    let callers = callers(&lake).await;
    let document = lake.call_as_nobody("GET", "/openapi.json").send().await.json(200);
    let mut matrix = String::new();
    for (template, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            matrix += &format!("{} {template}\n", method.to_uppercase());
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            for caller in &callers {
                let who = caller.0;
                let mut request = lake.call_as_nobody(&method.to_uppercase(), &path(&document, template, operation));
                if let Some(authorization) = authorization(&lake, caller).await {
                    request = request.header("authorization", &authorization);
                }
                if !schema.is_null() {
                    request = request.json(&body(&document, schema));
                }
                let answer = request.send().await;
                matrix += &format!("  {who:<38}{}\n", steady(answer.status.as_str()));
            }
        }
    }
    for method in methods() {
        matrix += &format!("gRPC {method}\n");
        for caller in &callers {
            let (who, authorization) = (caller.0, authorization(&lake, caller).await);
            let answer = call(&lake, &method, authorization.as_deref()).await;
            matrix += &format!("  {who:<38}{}\n", steady(status(&answer).unwrap_or("0")));
        }
    }
    assert_eq!(lake.paths("main").await, ["out/a"], "none of them changed anything");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/matrix.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &matrix).unwrap();
    }
    assert_eq!(matrix, fs::read_to_string(&path).unwrap_or_default(), "make matrix.txt anew with UPDATE_GOLDEN=1");
}
