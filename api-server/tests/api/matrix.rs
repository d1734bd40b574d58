//! Every operation of REST and every method of gRPC by everybody who may call: compared with `matrix.txt`, which is the
//! place to look up who gets what. After a change: `UPDATE_GOLDEN=1 cargo test --workspace --test api matrix`

use std::fs;
use std::path::Path;

use auth::{SecretBox, SessionClaims};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lakebed_sdk::{Credentials, Lakebed, PolicyHolder, UserName};
use model::{Timestamp, UserId};
use protox::prost::Message;
use protox::prost_reflect::{DescriptorPool, DynamicMessage, Kind, MessageDescriptor, Value as DynamicValue};
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use crate::authentication::{call_with, methods, status};
use crate::lake::{ACCESS_KEY_ID, TestLake, until};
use crate::rest::Answer;

const NARROWED: &str = "session narrowed to reading main/in/";
/// Who may change and read whatever lies at refs, but for one ref, which is the one that is asked about.
const KEPT_FROM_MAIN: &str = "user kept from main by a rule on Ref";
/// Who may nothing doesn't learn either which repositories there are.
const ELSEWHERE: &str = "user without rights, elsewhere";

/// A user with a key and a policy; how they prove it.
async fn user(lake: &TestLake, name: &str, statements: Value) -> String {
    let user: UserName = name.parse().unwrap();
    lake.lakebed.create_user(&user).await.unwrap();
    let policy = format!("of {name}").parse().unwrap();
    let document = json!({ "statement": statements });
    lake.lakebed.create_policy(&policy, &document.to_string()).await.unwrap();
    lake.lakebed.attach_policy(&policy, &PolicyHolder::User(user.clone())).await.unwrap();
    let key = lake.lakebed.create_credential(&user).await.unwrap();
    basic(&key.access_key_id, key.secret_access_key.expose_secret())
}

fn statement(effect: &str, actions: &[&str]) -> Value {
    json!({ "effect": effect, "action": actions, "resource": "*" })
}

fn kept_from_main() -> Value {
    const ACTIONS: &[&str] = &[
        "fs:Read*",
        "fs:List*",
        "fs:WriteObject",
        "fs:DeleteObject",
        "fs:CreateCommit",
        "fs:CreateBranch",
        "fs:DeleteBranch",
        "fs:RevertBranch",
        "fs:CreateTag",
        "fs:ImportFromStorage",
        "fs:ImportCancel",
    ];
    let mut from_main = statement("deny", &["fs:*"]);
    from_main["condition"] = json!({ "StringLike": { "Ref": ["main"] } });
    json!([statement("allow", ACTIONS), from_main])
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
    let nothing = user(lake, "nothing", json!([statement("deny", &["*"])])).await;
    vec![
        ("nobody", String::new()),
        ("unknown key", basic("AKLBNOBODY", "wrong")),
        ("wrong secret", basic(ACCESS_KEY_ID, "wrong")),
        ("expired session", bearer(&expired, &secrets)),
        ("another installation's session", bearer(&foreign, &SecretBox::new(&[8; 32]))),
        ("ended session, replayed", ended(lake).await),
        ("deleted key, replayed", deleted(lake).await),
        (NARROWED, String::new()),
        ("user without rights", nothing.clone()),
        (ELSEWHERE, nothing),
        ("user who may read", user(lake, "reader", json!([statement("allow", &["fs:Read*", "fs:List*"])])).await),
        (KEPT_FROM_MAIN, user(lake, "kept", kept_from_main()).await),
    ]
}

/// A session of a user's that was ended.
async fn ended(lake: &TestLake) -> String {
    let session = lake.lakebed.begin_session(Some(43_200), None).await.unwrap();
    let bearer = Credentials::bearer(session.bearer_token.clone());
    Lakebed::connect(&lake.endpoint(), bearer).await.unwrap().end_session().await.unwrap();
    let bearer = format!("Bearer {}", session.bearer_token.expose_secret());
    until("the session counts no more", async || {
        let who = lake.call_as_nobody("GET", "/api/v1/user").header("authorization", &bearer);
        who.send().await.status == 401
    })
    .await;
    bearer
}

/// A key of a user's that was taken away.
async fn deleted(lake: &TestLake) -> String {
    let user: UserName = "gone".parse().unwrap();
    lake.lakebed.create_user(&user).await.unwrap();
    let key = lake.lakebed.create_credential(&user).await.unwrap();
    lake.lakebed.delete_user(&user).await.unwrap();
    lake.lakebed.create_user(&user).await.unwrap();
    basic(&key.access_key_id, key.secret_access_key.expose_secret())
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

/// Which repository a caller asks about.
fn repository(who: &str) -> &'static str {
    if who == ELSEWHERE { "nowhere" } else { "trips" }
}

/// Guesses are slowed down after a while, which isn't what the matrix is about: both are refusals of strangers.
fn steady(status: &str) -> &str {
    match status {
        "429" => "401",
        "8" => "16",
        status => status,
    }
}

/// Whether a known caller lacks the right: over REST 401 too, as in lakeFS, and told from a stranger's by its words; an
/// answer to HEAD has none.
fn is_denied(who: &str, answer: &Answer) -> bool {
    let is_told = match answer.bytes.as_slice() {
        [] => who.starts_with("user ") || who == NARROWED,
        bytes => String::from_utf8_lossy(bytes).contains("insufficient permissions"),
    };
    answer.status == 401 && is_told
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
            ("name" | "id", _) if schema["properties"]["statement"].is_object() => json!("FSReadAll"),
            ("type", _) => json!("reset"),
            ("src_path", _) => json!("out/a"),
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
fn path(template: &str, operation: &Value, repository: &'static str) -> String {
    let mut path = format!("/api/v1{template}");
    let part = |name: &str| match name {
        "repository" => repository,
        "userId" => "admin",
        "groupId" => "Admins",
        "policyId" => "FSReadAll",
        "accessKeyId" => ACCESS_KEY_ID,
        "tag" => "v1",
        "partNumber" => "1",
        "type" => "range",
        "range" | "meta_range" | "object_id" => "0000000000000000000000000000000000000000000000000000000000000000",
        _ => "main",
    };
    let mut query = vec![];
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap();
        if parameter["in"] == "path" {
            path = path.replace(&format!("{{{name}}}"), part(name));
        } else if parameter["required"] == true {
            query.push(format!("{name}={}", if name == "ref" { "main" } else { "out/a" }));
        }
    }
    if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
}

/// The methods of gRPC and what they take.
fn services() -> DescriptorPool {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/proto");
    let folder = fs::read_dir(root.join("lakebed/api/v1")).unwrap();
    let files: Vec<_> = folder.map(|file| file.unwrap().path()).collect();
    DescriptorPool::from_file_descriptor_set(protox::compile(files, [root]).unwrap()).unwrap()
}

/// A message that is valid, made of the names of its fields.
fn message(of: &MessageDescriptor, repository: &'static str) -> DynamicMessage {
    let mut message = DynamicMessage::new(of.clone());
    for field in of.fields() {
        // Of a choice the first, but no narrower session than its beginner's; what may be left out is.
        let is_chosen = field.containing_oneof().is_none_or(|oneof| oneof.fields().next() == Some(field.clone()));
        let is_optional =
            field.containing_oneof().is_some_and(|oneof| oneof.is_synthetic() || oneof.name() == "narrowing");
        if !is_chosen || is_optional || field.is_map() {
            continue;
        }
        let value = match field.kind() {
            Kind::String => {
                let of = of.name();
                let is_repository =
                    field.name() == "repository" || (field.name() == "name" && OF_REPOSITORIES.contains(&of));
                DynamicValue::String(if is_repository { repository } else { text(of, field.name()) }.to_owned())
            }
            Kind::Message(kind) if kind.package_name().starts_with("lakebed") => {
                DynamicValue::Message(self::message(&kind, repository))
            }
            Kind::Enum(_) => DynamicValue::EnumNumber(1),
            _ => continue,
        };
        let value = if field.is_list() { DynamicValue::List(vec![value]) } else { value };
        message.set_field(&field, value);
    }
    message
}

/// The messages whose `name` is a repository's that is there.
const OF_REPOSITORIES: &[&str] = &["GetRepositoryRequest", "DeleteRepositoryRequest"];

/// What a text of a message may be.
fn text(message: &str, field: &str) -> &'static str {
    match field {
        "path" | "paths" => "out/a",
        "from" => "out/a",
        "to" if message.ends_with("ObjectsRequest") => "out/b",
        "id" => "00000000000000000000000000000001",
        "source" if message == "ImportPath" => "s3://elsewhere/",
        "document" => r#"{"statement": []}"#,
        "commit" | "to" | "onto" | "source" | "ref" | "left" | "right" | "branch" | "destination" => "main",
        "user" | "user_name" => "admin",
        "group" | "group_name" => "Admins",
        "policy" | "policy_name" => "FSReadAll",
        "access_key_id" => ACCESS_KEY_ID,
        "tag" => "v1",
        "name" | "message" | "patterns" => "made",
        _ => "",
    }
}

/// What who is denied everything gets all the same: what is about themselves, and what anybody gets.
const FOR_ALL: &[&str] = &[
    "GET /auth/capabilities",
    "POST /auth/login",
    "POST /auth/logout",
    "GET /healthcheck",
    "POST /setup_comm_prefs",
    "GET /setup_lakefs",
    "POST /setup_lakefs",
    "POST /statistics",
    "POST /sts/session",
    "GET /user",
    "gRPC /lakebed.api.v1.Access/BeginSession",
    "gRPC /lakebed.api.v1.Access/EndSession",
    "gRPC /lakebed.api.v1.Server/Health",
    "gRPC /lakebed.api.v1.Server/WhoAmI",
];

/// What strangers get.
const FOR_STRANGERS: &[&str] = &[
    "GET /auth/capabilities",
    "GET /healthcheck",
    "POST /setup_comm_prefs",
    "GET /setup_lakefs",
    "POST /setup_lakefs",
    "gRPC /lakebed.api.v1.Server/Health",
];

/// Batches answer for each of their keys.
const BATCHES: &[&str] = &[
    "POST /repositories/{repository}/branches/{branch}/objects/delete",
    "gRPC /lakebed.api.v1.Objects/Delete",
    "gRPC /lakebed.api.v1.Objects/DeleteListed",
];

/// Whether an operation is about the ref that a rule keeps somebody from: its path names one, or its message does.
fn is_about_main(operation: &str) -> bool {
    let (_, path) = operation.split_once(' ').unwrap();
    let of_ref =
        ["{branch}", "{ref}", "{sourceRef}", "{leftRef}", "{commitId}", "/Branches/", "/Commits/", "/Objects/"];
    let lists_others = ["/Branches/List", "/Branches/ListDeleted"];
    of_ref.iter().any(|part| path.contains(part)) && !lists_others.iter().any(|end| path.ends_with(end))
}

/// Whether an operation's answer is what may be expected, whatever the matrix says.
fn is_expected(operation: &str, who: &str, status: &str) -> bool {
    let is_refusal = matches!(status, "401" | "16");
    let is_open = FOR_STRANGERS.contains(&operation);
    match who {
        "nobody" => is_refusal != is_open,
        "user without rights" | ELSEWHERE if !FOR_ALL.contains(&operation) && !BATCHES.contains(&operation) => {
            matches!(status, "denied" | "7" | "501")
        }
        KEPT_FROM_MAIN if is_about_main(operation) && !BATCHES.contains(&operation) => {
            matches!(status, "denied" | "7" | "501")
        }
        "user without rights" | ELSEWHERE | "user who may read" | NARROWED | KEPT_FROM_MAIN => {
            !is_refusal || operation == "POST /auth/login"
        }
        _ => is_refusal || operation == "gRPC /lakebed.api.v1.Server/Health",
    }
}

#[tokio::test]
async fn everybody_gets_what_the_matrix_says() {
    let lake = TestLake::new().await;
    lake.put("main", "out/a", "x").await;
    let tag = "v1".parse().unwrap();
    lake.lakebed.create_tag(&lake.trips, &tag, "main").await.unwrap();
    let callers = callers(&lake).await;
    let document = lake.call_as_nobody("GET", "/openapi.json").send().await.json(200);
    let (mut matrix, mut holes) = (String::new(), vec![]);
    for (template, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let name = format!("{} {template}", method.to_uppercase());
            matrix += &format!("{name}\n");
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            for caller in &callers {
                let who = caller.0;
                let mut request =
                    lake.call_as_nobody(&method.to_uppercase(), &path(template, operation, repository(who)));
                if let Some(authorization) = authorization(&lake, caller).await {
                    request = request.header("authorization", &authorization);
                }
                if !schema.is_null() {
                    request = request.json(&body(&document, schema));
                }
                let answer = request.send().await;
                let status = if is_denied(who, &answer) { "denied" } else { steady(answer.status.as_str()) };
                if !is_expected(&name, who, status) {
                    holes.push(format!("{name} gives {who} {status}"));
                }
                matrix += &format!("  {who:<38}{status}\n");
            }
        }
    }
    let services = services();
    for method in methods() {
        let called = format!("gRPC {method}");
        matrix += &format!("{called}\n");
        let (service, name) = method.trim_start_matches('/').split_once('/').unwrap();
        let service = services.get_service_by_name(service).unwrap();
        let takes = service.methods().find(|found| found.name() == name).unwrap().input();
        for caller in &callers {
            let (who, authorization) = (caller.0, authorization(&lake, caller).await);
            let message = message(&takes, repository(who)).encode_to_vec();
            let answer = call_with(&lake, &method, authorization.as_deref(), &message).await;
            let status = steady(status(&answer).unwrap_or("0"));
            if !is_expected(&called, who, status) {
                holes.push(format!("{called} gives {who} {status}"));
            }
            matrix += &format!("  {who:<38}{status}\n");
        }
    }
    assert!(holes.is_empty(), "{holes:#?}");
    assert_eq!(lake.paths("main").await, ["out/a"], "none of them changed anything");
    lake.lakebed.get_tag(&lake.trips, &tag).await.unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/matrix.txt");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &matrix).unwrap();
    }
    assert_eq!(matrix, fs::read_to_string(&path).unwrap_or_default(), "make matrix.txt anew with UPDATE_GOLDEN=1");
}
