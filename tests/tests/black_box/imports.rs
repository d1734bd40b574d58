//! Imports from a bucket and from a folder, read back through S3 and the command, checked; across a crash of the server;
//! and what isn't allowed.

use std::path::Path;

use object_store::ObjectStoreExt;
use object_store::path::Path as Key;
use serde_json::Value;
use tests::{FaultyStore, Settings, TestServer, client_with, s3_client};

/// A server that may import from a folder and from a prefix of the bucket that it lives in.
struct Lake {
    server: TestServer,
    folder: tempfile::TempDir,
    store: FaultyStore,
}

impl Lake {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = FaultyStore::start(&folder.path().join("store")).await;
        let mut args = store.args();
        let url = format!("file://{}", folder.path().join("files").display());
        args.extend(["--import-allow".to_owned(), format!("s3://{}/raw", FaultyStore::BUCKET)]);
        args.extend(["--import-allow".to_owned(), url]);
        let settings = Settings { args, env: store.env(), ..Settings::default() };
        let server = tokio::task::spawn_blocking(|| TestServer::with(settings)).await.unwrap();
        let lake = Self { server, folder, store };
        lake.run(&["repo", "create", "lakebed://trips"]);
        lake
    }

    fn run(&self, args: &[&str]) -> String {
        tokio::task::block_in_place(|| self.server.lakebed_ok(args))
    }

    fn fails(&self, args: &[&str]) -> (Option<i32>, String) {
        let output = tokio::task::block_in_place(|| self.server.lakebed(args));
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    /// Checks the bucket without a server; with what the server may read, or only the object store.
    fn fsck_bucket(&self, with_sources: bool) -> Value {
        let mut args: Vec<String> = ["fsck", "lakebed://trips", "--json"].map(Into::into).into();
        args.extend(self.store.args());
        for (name, value) in self.store.env() {
            args.extend(["--object-store-option".to_owned(), format!("{}={value}", name.to_ascii_lowercase())]);
        }
        if with_sources {
            let bucket = format!("s3://{}/raw", FaultyStore::BUCKET);
            let folder = format!("file://{}", self.folder.path().join("files").display());
            args.extend(["--import-allow".to_owned(), bucket, "--import-allow".to_owned(), folder]);
        }
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let output = tokio::task::block_in_place(|| self.server.lakebed(&args));
        json(&String::from_utf8(output.stdout).unwrap())["summary"].clone()
    }

    fn file_url(&self, key: &str) -> String {
        format!("file://{}/{key}", self.folder.path().join("files").display())
    }

    fn write(&self, key: &str, text: &str) {
        write(&self.folder.path().join("files").join(key), text);
    }

    fn write_in_bucket(&self, key: &str, text: &str) {
        write(&self.folder.path().join("store").join(FaultyStore::BUCKET).join(key), text);
    }
}

fn write(file: &Path, text: &str) {
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

fn json(text: &str) -> Value {
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_and_a_folder_are_imported_and_read() {
    let lake = Lake::start().await;
    for key in ["2026/a/x", "2026/a-b", "2026/z"] {
        lake.write_in_bucket(&format!("raw/{key}"), &format!("in the bucket: {key}"));
    }
    for key in ["rides/1", "rides/2/3", "one file"] {
        lake.write(key, &format!("in the folder: {key}"));
    }
    let (rides, one) = (lake.file_url("rides/"), lake.file_url("one file"));
    let import = ["import", "lakebed://trips/main", "--from", "s3://lake/raw/2026/", "--to", "yellow/"];
    let more =
        ["--from", &rides, "--to", "rides/", "--from", &one, "--to", "docs/one", "-m", "take in", "--meta", "a=b"];
    let imported = json(&lake.run(&[&import[..], &more[..], &["--json"]].concat()));
    assert_eq!((&imported["objects"], &imported["skipped"]), (&6.into(), &0.into()));
    assert_eq!((&imported["message"], &imported["metadata"]["a"]), (&"take in".into(), &"b".into()));

    assert_eq!(lake.run(&["fs", "cat", "lakebed://trips/main/yellow/a/x"]), "in the bucket: 2026/a/x");
    assert_eq!(lake.run(&["fs", "cat", "lakebed://trips/main/rides/2/3"]), "in the folder: rides/2/3");
    let s3 = s3_client(&lake.server, "trips");
    let read = s3.get(&Key::from("main/yellow/z")).await.unwrap().bytes().await.unwrap();
    assert_eq!(read, "in the bucket: 2026/z");
    assert_eq!(s3.get_range(&Key::from("main/docs/one"), 3..6).await.unwrap(), "the");
    let fsck = json(&lake.run(&["fsck", "lakebed://trips", "--json"]));
    assert_eq!((&fsck["summary"]["faults"], &fsck["summary"]["objects"]), (&0.into(), &6.into()));
    let seen =
        |summary: Value| ["faults", "objects", "objects_elsewhere"].map(|field| summary[field].as_u64().unwrap());
    assert_eq!(seen(lake.fsck_bucket(false)), [0, 0, 6]);
    assert_eq!(seen(lake.fsck_bucket(true)), [0, 6, 0]);

    // A file that is written anew is no longer what was imported.
    lake.write("rides/1", "another ride");
    let (code, error) = lake.fails(&["fs", "cat", "lakebed://trips/main/rides/1"]);
    assert!(code == Some(1) && error.contains("import it anew"), "{code:?} {error}");
    assert!(s3.get(&Key::from("main/rides/1")).await.is_err());
    let (code, _) = lake.fails(&["fsck", "lakebed://trips"]);
    assert_eq!(code, Some(1));
    assert_eq!(seen(lake.fsck_bucket(true))[0], 1, "the bucket's check sees it too");
    lake.run(&["import", "lakebed://trips/main", "--from", &rides, "--to", "rides/"]);
    assert_eq!(lake.run(&["fs", "cat", "lakebed://trips/main/rides/1"]), "another ride");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_isn_t_allowed_or_can_t_be_meant_says_what_to_do() {
    let lake = Lake::start().await;
    lake.write("x", "1");
    let to = |from: &str, to: &str| lake.fails(&["import", "lakebed://trips/main", "--from", from, "--to", to]);
    for from in ["s3://lake/other/", "file:///etc/", "gs://somewhere/"] {
        let (code, error) = to(from, "x/");
        assert!(code == Some(1) && error.contains("import_allow"), "{from}: {code:?} {error}");
    }
    let (code, error) = to(&lake.file_url(""), "x");
    assert!(code == Some(2) && error.contains("--to x/"), "{code:?} {error}");
    for (from, at) in [("nope", "x"), ("nope", "x/"), ("nope/", "x/")] {
        let (code, error) = to(&lake.file_url(from), at);
        assert!(code == Some(4) && error.contains("not found"), "{code:?} {error}");
    }
    let (code, error) = to(&lake.file_url("x"), "all/");
    assert!(code == Some(4) && error.contains("is an object") && error.contains("such as all/x"), "{code:?} {error}");
    let (code, error) = lake.fails(&["import", "lakebed://trips/main", "--from", "a/", "--from", "b/", "--to", "c/"]);
    assert!(code == Some(2) && error.contains("--to for each --from"), "{code:?} {error}");
    let (code, _) = lake.fails(&["import", "lakebed://trips/nope", "--from", &lake.file_url(""), "--to", ""]);
    assert_eq!(code, Some(4));
}

/// The bucket is another Lakebed's, whose keys may be anything.
#[test]
fn keys_with_empty_parts_are_imported_and_read() {
    let source = TestServer::start();
    source.lakebed_ok(&["repo", "create", "lakebed://raw"]);
    let file = source.folder().join("file");
    for key in ["a//b", "a/c", "a/d//e/f", "g"] {
        std::fs::write(&file, key).unwrap();
        source.lakebed_ok(&["fs", "upload", file.to_str().unwrap(), &format!("lakebed://raw/main/in/{key}")]);
    }
    let (id, secret) = (TestServer::ACCESS_KEY_ID, TestServer::SECRET_ACCESS_KEY);
    let keys = format!("aws_access_key_id={id}&aws_secret_access_key={secret}");
    let allowed = format!("s3://raw?endpoint={}&allow_http=true&region=us-east-1&{keys}", source.endpoint());
    let args = vec!["--import-allow".to_owned(), allowed];
    let server = TestServer::with(Settings { args, ..Settings::default() });
    server.lakebed_ok(&["repo", "create", "lakebed://trips"]);
    let import = ["import", "lakebed://trips/main", "--from", "s3://raw/main/in/", "--to", "x/", "--json"];
    assert_eq!(json(&server.lakebed_ok(&import))["objects"], 4);
    for key in ["a//b", "a/c", "a/d//e/f", "g"] {
        assert_eq!(server.lakebed_ok(&["fs", "cat", &format!("lakebed://trips/main/x/{key}")]), key);
    }
    let fsck = json(&server.lakebed_ok(&["fsck", "lakebed://trips", "--json"]));
    assert_eq!((&fsck["summary"]["faults"], &fsck["summary"]["objects"]), (&0.into(), &4.into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_outlives_its_server() {
    let mut lake = Lake::start().await;
    for n in 0..3000 {
        lake.write(&format!("many/{n:05}"), "1");
    }
    let many = lake.file_url("many/");
    let id = "0123456789abcdef0123456789abcdef";
    let import = ["import", "lakebed://trips/main", "--from", &many, "--to", "many/", "--request-id", id];
    let begun = json(&lake.run(&[&import[..], &["--detach", "--json"]].concat()));
    assert_eq!(begun["job"], id);
    tokio::task::block_in_place(|| {
        lake.server.kill();
        lake.server.start_again();
    });
    // The same request again waits for the same import, and is carried out once.
    let imported = json(&lake.run(&[&import[..], &["--json"]].concat()));
    assert_eq!(imported["objects"], 3000);
    assert_eq!(lake.run(&["log", "lakebed://trips/main"]).matches("Import file://").count(), 1);
    assert_eq!(lake.run(&["fs", "ls", "-r", "lakebed://trips/main/many/"]).lines().count(), 3000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lakefs_s_client_imports_from_a_bucket_and_a_folder() {
    let lake = Lake::start().await;
    for key in ["2026/a", "2026/b/c"] {
        lake.write_in_bucket(&format!("raw/{key}"), &format!("in the bucket: {key}"));
    }
    lake.write("rides/1", "in the folder");
    let folder = lake.file_url("rides/");
    let environment = [("LAKEBED_TEST_BUCKET_URL", "s3://lake/raw/2026/"), ("LAKEBED_TEST_FOLDER_URL", &*folder)];
    tokio::task::block_in_place(|| client_with(&lake.server, "lakefs_imports.py", &environment));
}

/// Reads of what lies in a place that isn't allowed any more fail; the server says so before anybody reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_that_is_allowed_no_longer_is_warned_of_at_start() {
    tokio::task::block_in_place(|| {
        let lies = tempfile::tempdir().unwrap();
        write(&lies.path().join("rides/1"), "a ride");
        let place = format!("file://{}/", lies.path().display());
        let with = |args: &[&str], data_dir| {
            let args = args.iter().map(|arg| (*arg).to_owned()).collect();
            TestServer::with(Settings { args, data_dir, ..Settings::default() })
        };
        let allow = ["--import-allow", &place];
        let mut first = with(&allow, None);
        first.lakebed_ok(&["repo", "create", "lakebed://trips"]);
        let from = format!("{place}rides/");
        first.lakebed_ok(&["import", "lakebed://trips/main", "--from", &from, "--to", "rides/"]);
        let noted = first.lakebed_ok(&["repo", "metadata", "lakebed://trips"]);
        assert!(noted.contains(&format!(".lakebed.imported.from.{place}=")), "{noted}");
        assert!(first.stop());

        let warning = format!("add --import-allow {place}");
        let mut without = with(&[], Some(first.data_dir()));
        super::cli::wait_for("the warning", || without.log().contains(&warning));
        let log = without.log();
        assert!(log.contains("trips") && log.contains("WARN"), "{log}");
        let read = without.lakebed(&["fs", "cat", "lakebed://trips/main/rides/1"]);
        assert!(!read.status.success(), "what was warned of is so");
        let fsck = without.lakebed(&["fsck", "lakebed://trips"]);
        let told = String::from_utf8_lossy(&fsck.stdout);
        assert!(fsck.status.code() == Some(1) && told.contains("1 imported object can't be read"), "{told}");
        assert!(without.stop());

        let again = with(&allow, Some(first.data_dir()));
        assert_eq!(again.lakebed_ok(&["fs", "cat", "lakebed://trips/main/rides/1"]), "a ride");
        assert!(!again.log().contains("import-allow"), "{}", again.log());

        let nowhere = with(&["--import-allow", "file:///is/not/there"], None);
        assert!(nowhere.log().contains("the folder of --import-allow isn't there"), "{}", nowhere.log());
    });
}
