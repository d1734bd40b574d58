//! Credentials that aren't given: from a container's and an instance's metadata, against a server that checks
//! signatures.

use std::collections::BTreeMap;
use std::sync::Arc;

use storage::{StoreSettings, Stores};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::s3::serve;
use crate::support::{body, bytes, crypto, read, repository};

const KEYS: &str = r#"{"AccessKeyId": "AKIAEXAMPLE", "SecretAccessKey": "secret", "Token": "token",
    "Expiration": "2099-01-01T00:00:00Z", "Code": "Success", "Type": "AWS-HMAC", "LastUpdated": "2026-01-01T00:00:00Z"}"#;

/// A metadata service, as instances and containers have it.
async fn metadata_service() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(converse(socket));
        }
    });
    url
}

async fn converse(mut socket: TcpStream) -> Option<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let target = head.split(' ').nth(1).unwrap();
        let (status, text) = match target {
            "/latest/api/token" if head.starts_with("put") => (200, "a-token"),
            "/latest/meta-data/iam/security-credentials/" if head.contains("a-token") => (200, "lake"),
            "/latest/meta-data/iam/security-credentials/lake" if head.contains("a-token") => (200, KEYS),
            "/container" if head.contains("authorization: of-a-container") => (200, KEYS),
            _ => (403, "no"),
        };
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{text}", text.len());
        socket.write_all(answer.as_bytes()).await.ok()?;
    }
}

async fn open(endpoint: String, options: BTreeMap<String, String>) -> Arc<Stores> {
    crypto();
    let settings = StoreSettings {
        endpoint: Some(endpoint),
        region: Some("eu-central-1".into()),
        allow_http: true,
        options,
        sources: Vec::new(),
        disk_cache: None,
    };
    Stores::open("s3://lake/x", &settings).await.unwrap()
}

async fn round_trip(stores: &Arc<Stores>) {
    let storage = repository(stores);
    let address = storage.new_address();
    storage.put_data(&address, body(&bytes(1000)), None).await.unwrap();
    assert_eq!(read(&storage, &address, 1000).await, bytes(1000));
}

#[tokio::test]
async fn an_instances_role_will_do() {
    let folder = TempDir::new().unwrap();
    let s3 = format!("http://{}", serve(&folder).await);
    let options = [("aws_metadata_endpoint".to_owned(), metadata_service().await)].into();
    round_trip(&open(s3, options).await).await;
}

#[tokio::test]
async fn a_containers_role_will_do() {
    let folder = TempDir::new().unwrap();
    let s3 = format!("http://{}", serve(&folder).await);
    let token = folder.path().join("token");
    std::fs::write(&token, "of-a-container").unwrap();
    let options = [
        ("aws_container_credentials_full_uri".to_owned(), format!("{}/container", metadata_service().await)),
        ("aws_container_authorization_token_file".to_owned(), token.display().to_string()),
    ];
    round_trip(&open(s3, options.into()).await).await;
}
