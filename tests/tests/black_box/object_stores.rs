//! The whole product over each kind of object store: S3 servers and memory. The local folder is what every other
//! test runs on; `storage` runs its own suite over Azure and GCS too.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use object_store::path::Path;
use object_store::{ObjectStoreExt, WriteMultipart};
use tests::{FaultyStore, Settings, TestServer, client, clients_folder, s3_client};

/// Objects of all sizes, a commit, a branch and a merge; and what was written is read.
async fn round_trip(settings: Settings) {
    let server = tokio::task::spawn_blocking(|| TestServer::with(settings)).await.unwrap();
    let lakebed = |args: &[&str]| tokio::task::block_in_place(|| server.lakebed_ok(args));
    lakebed(&["repo", "create", "lakebed://stores"]);
    let s3 = s3_client(&server, "stores");
    let big: Vec<u8> = (0..70_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    s3.put(&Path::from("main/small"), "small".into()).await.unwrap();
    s3.put(&Path::from("main/empty"), bytes::Bytes::new().into()).await.unwrap();
    s3.put(&Path::from("main/whole"), big.clone().into()).await.unwrap();
    let upload = s3.put_multipart(&Path::from("main/parts")).await.unwrap();
    let mut upload = WriteMultipart::new_with_chunk_size(upload, 6 << 20);
    upload.write(&big);
    upload.finish().await.unwrap();
    lakebed(&["commit", "lakebed://stores/main", "-m", "all sizes"]);
    lakebed(&["branch", "create", "lakebed://stores/fix", "--source", "main"]);
    s3.put(&Path::from("fix/small"), "mended".into()).await.unwrap();
    lakebed(&["commit", "lakebed://stores/fix", "-m", "mend"]);
    lakebed(&["merge", "lakebed://stores/fix", "lakebed://stores/main"]);
    let read = async |path: &str| s3.get(&Path::parse(path).unwrap()).await.unwrap().bytes().await.unwrap();
    assert_eq!(read("main/small").await, "mended");
    assert_eq!(read("main~1/small").await, "small");
    assert_eq!(read("main/empty").await, "");
    assert!(read("main/whole").await == big && read("main/parts").await == big, "the large objects differ");
    let range = s3.get_range(&Path::from("main/parts"), (40 << 20)..(40 << 20) + 1000).await.unwrap();
    assert_eq!(range, big[40 << 20..(40 << 20) + 1000]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_s3_server() {
    let folder = tempfile::tempdir().unwrap();
    let store = FaultyStore::start(folder.path()).await;
    round_trip(Settings { args: store.args(), env: store.env(), ..Settings::default() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory() {
    let args = vec!["--object-store".to_owned(), "memory:///".to_owned()];
    round_trip(Settings { args, ..Settings::default() }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn aws_as_moto_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let moto = Moto::start(folder.path());
    round_trip(moto.settings().await).await;
}

/// Moto doesn't verify signatures; [`FaultyStore`] does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_read_and_write_by_signed_urls() {
    let folder = tempfile::tempdir().unwrap();
    let moto = Moto::start(folder.path());
    let settings = moto.settings().await;
    let scripts = ["lakefs_client.py", "lakefs_presigned.py", "lakefs_spec_frames.py"];
    tokio::task::spawn_blocking(move || {
        let server = TestServer::with(settings);
        scripts.iter().for_each(|script| client(&server, script));
    })
    .await
    .unwrap();
    let store = FaultyStore::start(folder.path()).await;
    let settings = Settings { args: store.args(), env: store.env(), ..Settings::default() };
    tokio::task::spawn_blocking(|| client(&TestServer::with(settings), "lakefs_presigned.py")).await.unwrap();
}

/// A moto process, killed when dropped.
struct Moto {
    child: Child,
    url: String,
}

impl Moto {
    fn start(folder: &std::path::Path) -> Self {
        let mut child = Command::new(clients_folder().join("moto/bin/moto_server"))
            .args(["-H", "127.0.0.1", "-p", "0"])
            .env("PYTHONUNBUFFERED", "1")
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("moto starts");
        let mut lines = BufReader::new(child.stderr.take().expect("standard error is piped")).lines();
        let url = lines.find_map(|line| {
            let line = line.ok()?;
            Some(line.split_whitespace().find(|word| word.starts_with("http://127.0.0.1"))?.to_owned())
        });
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url: url.expect("moto says where it listens") }
    }

    /// A server whose objects lie in a bucket of it.
    async fn settings(&self) -> Settings {
        // Others in this process may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let made = reqwest::Client::new().put(format!("{}/lake", self.url)).send().await.unwrap();
        assert!(made.status().is_success());
        let option = |text: String| ["--object-store-option".to_owned(), text];
        let mut args = vec!["--object-store".to_owned(), "s3://lake/lakes".to_owned()];
        args.extend(option(format!("endpoint={}", self.url)));
        args.extend(option("allow_http=true".to_owned()));
        let pair = |name: &str| (name.to_owned(), "testing".to_owned());
        let env = vec![pair("AWS_ACCESS_KEY_ID"), pair("AWS_SECRET_ACCESS_KEY")];
        Settings { args, env, ..Settings::default() }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
