//! Users, groups, policies, access keys, logins and sessions, as lakeFS's clients ask for them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::TRIPS;
use crate::lake::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, TestLake};

const AUTH: &str = "/api/v1/auth";

async fn send(lake: &TestLake, method: &str, path: &str, status: u16) -> Value {
    lake.call(method, &format!("{AUTH}{path}")).send().await.json(status)
}

async fn create(lake: &TestLake, path: &str, body: Value) -> Value {
    lake.post(&format!("{AUTH}{path}"), body).await.json(201)
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

fn ids(list: &Value) -> Vec<&str> {
    list["results"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn users_groups_and_policies_are_made_found_and_deleted() {
    let lake = TestLake::new().await;
    assert_eq!(create(&lake, "/users", json!({ "id": "ann" })).await["id"], "ann");
    assert!(lake.post(&format!("{AUTH}/users"), json!({ "id": "ann" })).await.message(409).contains("ann"));
    create(&lake, "/groups", json!({ "id": "crew" })).await;
    let statement = json!([{ "effect": "allow", "action": ["fs:Read*"], "resource": "*" }]);
    let made = create(&lake, "/policies", json!({ "id": "Reading", "statement": statement })).await;
    assert_eq!(made["statement"], statement);
    send(&lake, "PUT", "/groups/crew/members/ann", 201).await;
    send(&lake, "PUT", "/groups/crew/policies/Reading", 201).await;
    send(&lake, "PUT", "/users/ann/policies/AuthManageOwnCredentials", 201).await;

    assert_eq!(ids(&send(&lake, "GET", "/groups/crew/members", 200).await), ["ann"]);
    assert_eq!(ids(&send(&lake, "GET", "/users/ann/groups", 200).await), ["crew"]);
    assert_eq!(ids(&send(&lake, "GET", "/users/ann/policies", 200).await), ["AuthManageOwnCredentials"]);
    let effective = send(&lake, "GET", "/users/ann/policies?effective=true", 200).await;
    assert_eq!(ids(&effective), ["AuthManageOwnCredentials", "Reading"]);
    assert_eq!(effective["pagination"]["results"], 2);
    assert_eq!(ids(&send(&lake, "GET", "/groups/crew/policies", 200).await), ["Reading"]);
    let page = send(&lake, "GET", "/groups?amount=2&prefix=", 200).await;
    assert_eq!((ids(&page), &page["pagination"]["next_offset"]), (vec!["Admins", "Developers"], &json!("Developers")));

    let denying = json!({ "id": "Reading", "statement": [{ "effect": "deny", "action": ["*"], "resource": "*" }] });
    let update = lake.call("PUT", &format!("{AUTH}/policies/Reading")).json(&denying).send().await.json(200);
    assert_eq!(update["statement"][0]["effect"], "deny");
    let wrong = json!({ "id": "p", "statement": [{ "effect": "allow", "action": ["fs:Raed"], "resource": "*" }] });
    assert!(lake.post(&format!("{AUTH}/policies"), wrong).await.message(400).contains("fs:Raed"));
    let hidden = json!({ "effect": "deny", "action": ["fs:ReadObject", "fs:ListObjects"], "resource": "*",
        "condition": { "StringLike": { "Prefix": ["hid/*"] } } });
    let never = lake.post(&format!("{AUTH}/policies"), json!({ "id": "p", "statement": [hidden] })).await.message(400);
    assert!(never.contains("fs:ReadObject has no prefix"), "{never}");

    send(&lake, "DELETE", "/users/ann/policies/AuthManageOwnCredentials", 204).await;
    send(&lake, "DELETE", "/groups/crew/policies/Reading", 204).await;
    send(&lake, "DELETE", "/groups/crew/members/ann", 204).await;
    for path in ["/policies/Reading", "/groups/crew", "/users/ann"] {
        send(&lake, "GET", path, 200).await;
        send(&lake, "DELETE", path, 204).await;
        send(&lake, "GET", path, 404).await;
    }
    send(&lake, "GET", "/groups/Admins/acl", 501).await;
}

#[tokio::test]
async fn keys_are_made_and_work_as_far_as_policies_go() {
    let lake = TestLake::new().await;
    create(&lake, "/users", json!({ "id": "ann" })).await;
    let key = create(&lake, "/users/ann/credentials", json!({})).await;
    let (id, secret) = (key["access_key_id"].as_str().unwrap(), key["secret_access_key"].as_str().unwrap());
    let by_ann = async |method: &str, path: &str| {
        lake.call_as_nobody(method, path).header("authorization", &basic(id, secret)).send().await
    };
    assert_eq!(by_ann("GET", "/api/v1/user").await.json(200)["user"]["id"], "ann");
    assert!(by_ann("GET", TRIPS).await.message(401).contains("fs:ReadRepository"));
    assert!(by_ann("GET", &format!("{AUTH}/users")).await.message(401).contains("auth:ListUsers"));
    let listed = send(&lake, "GET", "/users/ann/credentials", 200).await;
    assert_eq!(listed["results"][0]["access_key_id"], id);
    assert!(!listed.to_string().contains(secret), "a secret is told once");
    send(&lake, "GET", &format!("/users/admin/credentials/{id}"), 404).await;
    send(&lake, "DELETE", &format!("/users/ann/credentials/{id}"), 204).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while by_ann("GET", "/api/v1/user").await.status != 401 {
        assert!(tokio::time::Instant::now() < deadline, "a deleted key still works");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_login_gives_a_token_and_a_cookie_until_it_is_ended() {
    let lake = TestLake::new().await;
    let login = async |id: &str, secret: &str| {
        let body = json!({ "access_key_id": id, "secret_access_key": secret });
        lake.call_as_nobody("POST", &format!("{AUTH}/login")).json(&body).send().await
    };
    let (wrong, unknown) = (login(ACCESS_KEY_ID, "wrong").await, login("AKLBNOBODY", "wrong").await);
    assert_eq!(wrong.message(401), unknown.message(401), "nobody learns which keys there are");
    let answer = login(ACCESS_KEY_ID, SECRET_ACCESS_KEY).await;
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    assert!(!cookie.contains("Secure"), "over plain HTTP, browsers would drop it");
    let token = answer.json(200)["token"].as_str().unwrap().to_owned();
    let bearer = async || {
        lake.call_as_nobody("GET", TRIPS).header("authorization", &format!("Bearer {token}")).send().await.status
    };
    let pair = cookie.split(';').next().unwrap();
    let by_cookie = async || lake.call_as_nobody("GET", TRIPS).header("cookie", pair).send().await.status;
    assert_eq!((bearer().await.as_u16(), by_cookie().await.as_u16()), (200, 200));
    let logout = async |headers: &[(&str, &str)]| {
        let call = lake.call_as_nobody("POST", &format!("{AUTH}/logout")).header("cookie", pair);
        headers.iter().fold(call, |call, (name, value)| call.header(name, value)).send().await
    };
    for foreign in [&[][..], &[("origin", "http://evil.example")], &[("sec-fetch-site", "same-site")]] {
        assert!(logout(foreign).await.message(403).contains("Bearer"), "{foreign:?}");
    }
    assert_eq!(by_cookie().await, 200, "pages of others end nobody's session");
    let logout = logout(&[("sec-fetch-site", "same-origin")]).await;
    assert!(logout.header("set-cookie").contains("Max-Age=0"));
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while bearer().await == 200 || by_cookie().await == 200 {
        assert!(tokio::time::Instant::now() < deadline, "an ended login still works");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for _ in 0..40 {
        login(ACCESS_KEY_ID, "wrong").await;
    }
    assert_eq!(login(ACCESS_KEY_ID, "wrong").await.status, 429, "who guesses is slowed down");
}

#[tokio::test]
async fn a_cookie_is_for_encrypted_connections_and_pages_of_its_own_server() {
    let lake = TestLake::new().await;
    let body = json!({ "access_key_id": ACCESS_KEY_ID, "secret_access_key": SECRET_ACCESS_KEY });
    let login = || lake.call_as_nobody("POST", &format!("{AUTH}/login")).json(&body);
    let cookie = login().encrypted().send().await.header("set-cookie").to_owned();
    assert!(cookie.ends_with("; Secure"), "{cookie}");
    let behind_a_proxy = login().header("origin", "https://lake.example").send().await;
    assert!(behind_a_proxy.header("set-cookie").ends_with("; Secure"));

    let form = "--b\r\ncontent-disposition: form-data; name=\"content\"; filename=\"x\"\r\n\r\nbytes\r\n--b--\r\n";
    let upload = async |origin: &str| {
        let call = lake.call_as_nobody("POST", &format!("{TRIPS}/branches/main/objects?path=form"));
        let call = call.header("cookie", cookie.split(';').next().unwrap()).header("host", "lake.example");
        let call = call.header("content-type", "multipart/form-data; boundary=b").header("origin", origin);
        call.body(form).send().await
    };
    upload("http://evil.example").await.message(403);
    assert!(lake.paths("main").await.is_empty());
    upload("http://lake.example").await.json(201);
    assert_eq!(lake.paths("main").await, ["form"]);
}

#[tokio::test]
async fn a_request_with_two_hosts_is_refused() {
    let lake = TestLake::new().await;
    let two = lake.call("GET", TRIPS).header("host", "one.example").header("host", "two.example");
    assert!(two.send().await.message(400).contains("host"));
    lake.call("GET", TRIPS).header("host", "one.example").send().await.json(200);
}

#[tokio::test]
async fn a_session_may_what_it_was_narrowed_to() {
    let lake = TestLake::new().await;
    lake.put("main", "in/a", "x").await;
    lake.put("main", "out/a", "x").await;
    let wanted = json!({ "repository": "trips", "ref": "main", "prefix": "in/", "read_only": true });
    let begun = lake.post("/api/v1/sts/session", wanted).await.json(201);
    let bearer = format!("Bearer {}", begun["token"].as_str().unwrap());
    let get = async |path: &str| {
        let path = format!("{TRIPS}/refs/main/objects?path={path}");
        lake.call_as_nobody("GET", &path).header("authorization", &bearer).send().await.status.as_u16()
    };
    assert_eq!((get("in/a").await, get("out/a").await), (200, 401));
    let text = |name: &str| begun[name].as_str().unwrap().to_owned();
    let by_key = lake
        .call_as_nobody("GET", &format!("{TRIPS}/refs/main/objects?path=in/a"))
        .header("authorization", &basic(&text("access_key_id"), &text("secret_access_key")))
        .header("x-amz-security-token", &text("session_token"));
    assert_eq!(by_key.send().await.status, 200);
    let token_alone = format!("Bearer {}", text("session_token"));
    let refused = lake.call_as_nobody("GET", TRIPS).header("authorization", &token_alone).send().await;
    assert_eq!(refused.status, 401, "what travels in URLs proves nothing");
    let mixed = json!({ "policy": { "statement": [] }, "repository": "trips" });
    assert_eq!(lake.post("/api/v1/sts/session", mixed).await.status, 400);
}
