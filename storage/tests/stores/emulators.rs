//! The suite against emulators of Azure (Azurite) and AWS (moto), when the environment says where their executables
//! are: `LAKEBED_TEST_AZURITE` (azurite-blob), `LAKEBED_TEST_MOTO_SERVER` (moto_server); or, of servers that run
//! already, `LAKEBED_TEST_AZURITE_URL` and `LAKEBED_TEST_MOTO_URL`. With `LAKEBED_TEST_REQUIRE=1` a missing one fails.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use storage::{ListGauge, SourceItem, SourceObject, StorageError, StoreSettings, Stores};
use tempfile::TempDir;

use crate::sources::{self, Keys, raw, with_sources};
use crate::suite::{self, USUAL, Ways};
use crate::support::{collect, crypto, repository};

/// Azurite's well-known account.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// An emulator; its process, if it is ours, ends with it.
struct Emulator {
    url: String,
    process: Option<Child>,
    _folder: TempDir,
}

impl Drop for Emulator {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

/// Starts what `executable` names, or takes what runs at `url`; `None` when the environment knows neither.
fn emulator(executable: &str, url: &str, arguments: &[&str]) -> Option<Emulator> {
    let folder = TempDir::new().unwrap();
    if let Ok(url) = std::env::var(url) {
        return Some(Emulator { url, process: None, _folder: folder });
    }
    let Ok(program) = std::env::var(executable) else {
        assert!(std::env::var("LAKEBED_TEST_REQUIRE").is_err(), "{executable} must be set");
        // Past the capture of the test harness, so that it is seen.
        let skipped = format!("SKIPPED: {executable} isn't set\n");
        std::io::stderr().write_all(skipped.as_bytes()).unwrap();
        return None;
    };
    // Node and Python both would print to a pipe that nobody reads in the end: let them print to a file.
    let log = folder.path().join("log");
    let output = std::fs::File::create(&log).unwrap();
    let process = Command::new(program)
        .args(arguments)
        .current_dir(folder.path())
        .env("PYTHONUNBUFFERED", "1")
        .stdin(Stdio::null())
        .stdout(output.try_clone().unwrap())
        .stderr(output)
        .spawn()
        .unwrap();
    let mut emulator = Emulator { url: String::new(), process: Some(process), _folder: folder };
    while emulator.url.is_empty() {
        let lines = BufReader::new(std::fs::File::open(&log).unwrap()).lines().map_while(Result::ok);
        emulator.url = lines.filter_map(|line| announced(&line)).next().unwrap_or_default();
        let ended = emulator.process.as_mut().unwrap().try_wait().unwrap();
        assert!(ended.is_none(), "{executable} ended: {}", std::fs::read_to_string(&log).unwrap());
        std::thread::yield_now();
    }
    Some(emulator)
}

/// The address in the line that says that a server listens.
fn announced(line: &str) -> Option<String> {
    let listens = line.contains("Running on") || line.contains("successfully listens on");
    let at = line.find("http://").filter(|_| listens)?;
    Some(line[at..].split_whitespace().next()?.to_owned())
}

async fn open(url: &str, endpoint: &str, options: &[(&str, &str)]) -> Arc<Stores> {
    crypto();
    let settings = StoreSettings {
        endpoint: Some(endpoint.to_owned()),
        allow_http: true,
        options: options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..StoreSettings::default()
    };
    Stores::open(url, &settings).await.unwrap()
}

#[tokio::test]
async fn azurite_behaves() {
    crypto();
    let arguments = ["--blobHost", "127.0.0.1", "--blobPort", "0", "--disableTelemetry", "--skipApiVersionCheck"];
    let Some(azurite) = emulator("LAKEBED_TEST_AZURITE", "LAKEBED_TEST_AZURITE_URL", &arguments) else { return };
    let endpoint = format!("{}/{ACCOUNT}", azurite.url);
    create_container(&endpoint, "lake").await;
    let options = [("azure_storage_account_name", ACCOUNT), ("azure_storage_account_key", KEY)];
    let stores = open("az://lake/some/prefix", &endpoint, &options).await;
    suite::run(&stores, Ways { aborts_are_final: false, ..USUAL }).await;

    let options = format!("allow_http=true&azure_storage_account_name={ACCOUNT}&azure_storage_account_key={KEY}");
    let from_memory = with_sources(&[format!("az://lake/in?endpoint={endpoint}&{options}")]).await;
    sources::behaves(&from_memory, "az://lake/in", &*raw(&stores), "in/", Keys::Any).await;
}

/// Makes a container: `object_store` has no call for that, so the request is signed here (Shared Key).
async fn create_container(endpoint: &str, container: &str) {
    let date = DateTime::<Utc>::from(SystemTime::now()).format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let (version, empty_headers) = ("2021-08-06", "\n".repeat(11));
    // The account stands twice: as the owner, and in the path of an emulator.
    let text = format!(
        "PUT{empty_headers}\nx-ms-date:{date}\nx-ms-version:{version}\n/{ACCOUNT}/{ACCOUNT}/{container}\nrestype:container"
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(&BASE64_STANDARD.decode(KEY).unwrap()).unwrap();
    mac.update(text.as_bytes());
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    let request = reqwest::Client::new()
        .put(format!("{endpoint}/{container}?restype=container"))
        .header("x-ms-date", date)
        .header("x-ms-version", version)
        .header("content-length", 0)
        .header("authorization", format!("SharedKey {ACCOUNT}:{signature}"));
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
}

fn moto() -> Option<Emulator> {
    emulator("LAKEBED_TEST_MOTO_SERVER", "LAKEBED_TEST_MOTO_URL", &["-H", "127.0.0.1", "-p", "0"])
}

async fn send(request: reqwest::RequestBuilder) -> String {
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert!(status.is_success(), "{status}: {text}");
    text
}

#[tokio::test]
async fn a_versioned_bucket_of_moto_behaves_with_the_credentials_of_a_role() {
    let Some(moto) = moto() else { return };
    crypto();
    let client = reqwest::Client::new();
    send(client.put(format!("{}/lake", moto.url))).await;
    let versioning = "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>Enabled</Status>\
                      </VersioningConfiguration>";
    send(client.put(format!("{}/lake?versioning", moto.url)).body(versioning)).await;
    let role =
        "Action=AssumeRole&Version=2011-06-15&RoleSessionName=lakebed&RoleArn=arn:aws:iam::123456789012:role/lake";
    let assumed = client
        .post(&moto.url)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", "AWS4-HMAC-SHA256 Credential=x/20261120/us-east-1/sts/aws4_request")
        .body(role);
    let assumed = send(assumed).await;
    let field = |name: &str| {
        let rest = assumed.split(&format!("<{name}>")).nth(1).unwrap();
        rest.split('<').next().unwrap().to_owned()
    };
    let (id, secret, token) = (field("AccessKeyId"), field("SecretAccessKey"), field("SessionToken"));
    let options = [("aws_access_key_id", &*id), ("aws_secret_access_key", &*secret), ("aws_session_token", &*token)];
    let stores = open("s3://lake/some/prefix", &moto.url, &options).await;
    suite::run(&stores, Ways { writes_are_atomic: false, ..USUAL }).await;
}

#[tokio::test]
async fn a_bucket_of_moto_is_imported_from() {
    let Some(moto) = moto() else { return };
    crypto();
    send(reqwest::Client::new().put(format!("{}/raw", moto.url))).await;
    let options = [("aws_access_key_id", "x"), ("aws_secret_access_key", "y")];
    let direct = raw(&open("s3://raw", &moto.url, &options).await);
    let options = format!("endpoint={}&allow_http=true&aws_access_key_id=x&aws_secret_access_key=y", moto.url);
    let stores = with_sources(&[format!("s3://raw?{options}")]).await;
    sources::behaves(&stores, "s3://raw/in", &*direct, "in/", Keys::Any).await;
    sources::many_parts(&stores, "s3://raw/many", &*direct, "many/").await;
    folder_markers(&stores, &moto.url).await;
    empty_parts(&stores, &moto.url, &options).await;
    many_with_empty_parts(&stores, &moto.url).await;
    leading_slash(&stores, &moto.url).await;
}

/// Consoles make folders by empty objects whose names end with a slash; they are no objects of the lake.
async fn folder_markers(stores: &Arc<Stores>, moto: &str) {
    for key in ["", "d/", "d/-x", "d/e/", "d/e/y", "empty", "f/", "f", "f-x"] {
        let body = if key.ends_with('x') { "1" } else { "" };
        send(reqwest::Client::new().put(format!("{moto}/raw/marked/{key}")).body(body)).await;
    }
    let source = stores.source("s3://raw/marked").await.unwrap();
    assert_eq!(sources::keys(&source, None).await, ["d/-x", "d/e/y", "empty", "f", "f-x"]);
    // One with bytes is none that may be passed over, and none that can be read.
    for key in ["d/e2/", "f-x/", "x/"] {
        send(reqwest::Client::new().put(format!("{moto}/raw/marked/{key}")).body("1")).await;
    }
    let listed = source.list(None, &ListGauge::default()).try_concat().await.unwrap();
    let (usable, unusable): (Vec<_>, Vec<_>) =
        listed.into_iter().partition(|item| matches!(item, SourceItem::Object(_)));
    assert_eq!(usable.len(), 5, "{usable:?}");
    let slashed = |key: &str| SourceItem::Unusable {
        url: format!("s3://raw/marked/{key}/"),
        why: "its key ends with a slash".into(),
    };
    assert_eq!(unusable, [slashed("d/e2"), slashed("f-x"), slashed("x")]);
}

/// Keys with empty parts, which many a program makes by joining names.
async fn empty_parts(stores: &Arc<Stores>, moto: &str, options: &str) {
    let there = ["a", "d//x", "d/y", "d/z//", "e/f///g", "e/f/h", "p//", "z//é +%2F"];
    for key in there {
        let url = format!("{moto}/raw/odd/{}", key.replace('%', "%25").replace('+', "%2B"));
        send(reqwest::Client::new().put(url).body(if key == "p//" { "" } else { key })).await;
    }
    let source = stores.source("s3://raw/odd").await.unwrap();
    let (objects, unusable) = sources::listed(&source, None).await;
    let keys: Vec<_> = objects.iter().map(|object| object.key.as_str()).collect();
    assert_eq!(keys, ["a", "d//x", "d/y", "e/f///g", "e/f/h", "z//é +%2F"]);
    assert_eq!(unusable, ["s3://raw/odd/d/z//"], "with bytes, and a slash at its end");
    let storage = repository(stores);
    for object in &objects {
        let entry = sources::entry(object);
        assert_eq!(collect(storage.read(&entry, 0..entry.size).await.unwrap()).await.unwrap(), object.key.as_bytes());
        assert!(storage.look(&entry).await.unwrap().size == entry.size && storage.is_readable(&entry.address));
        let behind: Vec<_> = keys.iter().copied().filter(|key| *key > object.key.as_str()).collect();
        assert_eq!(sources::keys(&source, Some(&object.key)).await, behind, "behind {}", object.key);
    }
    let one = stores.source_object("s3://raw/odd/e/f///g").await.unwrap().object().await.unwrap();
    assert_eq!((one.key.as_str(), one.size), ("g", 7));
    let folders: [(&str, &[&str]); 6] = [
        ("e/f", &["//g", "h"]),
        ("e/f/", &["//g", "h"]),
        ("e/f//", &["/g"]),
        ("e/f///", &["g"]),
        ("d//", &["x"]),
        ("z//", &["é +%2F"]),
    ];
    for (folder, there) in folders {
        let under = stores.source(&format!("s3://raw/odd/{folder}")).await.unwrap();
        let (objects, _) = sources::listed(&under, None).await;
        assert_eq!(objects.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), there, "{folder}");
        for SourceObject { url, size, .. } in objects {
            assert_eq!(stores.source_object(&url).await.unwrap().object().await.unwrap().size, size, "{url}");
        }
    }
    let narrow = with_sources(&[format!("s3://raw/odd/e/f//?{options}")]).await;
    assert_eq!(sources::keys(&narrow.source("s3://raw/odd/e/f//").await.unwrap(), None).await, ["/g"]);
    for url in ["s3://raw/odd/e/f/", "s3://raw/odd/e/f", "s3://raw/odd/e/f/h", "s3://raw/odd/e//f//"] {
        assert!(matches!(narrow.source(url).await, Err(StorageError::Elsewhere { .. })), "{url}");
        assert!(matches!(narrow.source_object(url).await, Err(StorageError::Elsewhere { .. })), "{url}");
    }
    // What somebody's key has overwritten is no longer what was imported.
    let signed = "AWS4-HMAC-SHA256 Credential=x/20261120/us-east-1/s3/aws4_request";
    let other = reqwest::Client::new().put(format!("{moto}/raw/odd/d//x")).header("authorization", signed);
    send(other.body("other")).await;
    let changed = storage.read(&sources::entry(&objects[1]), 0..4).await.err().unwrap();
    assert!(matches!(changed, StorageError::Changed { .. }), "{changed}");
}

/// A key that begins with a slash lies in no folder, and has no path.
async fn leading_slash(stores: &Arc<Stores>, moto: &str) {
    let source = stores.source("s3://raw").await.unwrap();
    let (before, _) = sources::listed(&source, None).await;
    send(reqwest::Client::new().put(format!("{moto}/raw//x")).body("1")).await;
    let (objects, unusable) = sources::listed(&source, None).await;
    assert!(unusable.contains(&"s3://raw//x".to_owned()), "{unusable:?}");
    assert_eq!(objects, before);
    for folder in ["s3://raw//", "s3://raw//w/"] {
        let error = stores.source(folder).await.err().unwrap();
        assert!(error.to_string().contains("begins or ends with a slash"), "{error}");
    }
}

/// More than one page, with the odd key on the second page of a level, and of a folder.
async fn many_with_empty_parts(stores: &Arc<Stores>, moto: &str) {
    let mut there: Vec<String> = (0..1010).map(|i| format!("{i:04}")).collect();
    there.extend(["0500/a".into(), "0500/b".into(), "1005//x".into(), "1006/c".into()]);
    there.sort_unstable();
    for key in &there {
        send(reqwest::Client::new().put(format!("{moto}/raw/pages/{key}")).body("1")).await;
    }
    let source = stores.source("s3://raw/pages").await.unwrap();
    assert_eq!(sources::keys(&source, None).await, there);
    assert_eq!(
        sources::keys(&source, Some("0500/a")).await,
        there[there.iter().position(|k| k == "0500/b").unwrap()..]
    );
}

#[tokio::test]
async fn a_missing_bucket_of_moto_is_named() {
    let Some(moto) = moto() else { return };
    let options = [("aws_access_key_id", "x"), ("aws_secret_access_key", "y")];
    let error = open("s3://nowhere/x", &moto.url, &options).await.probe().await.unwrap_err();
    let missing = format!("the bucket s3://nowhere doesn't exist at {}: make it", moto.url);
    assert!(error.to_string().starts_with(&missing), "{error}");
}
