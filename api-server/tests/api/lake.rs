//! What the scenarios share: a server with a repository `trips`, and short words for what is done to it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use api_server::jobs::JobOptions;
use api_server::{ApiServer, ApiServerOptions, S3Place, bootstrap_administrator};
use auth::{Caller, Directory, DirectoryOptions, PeerAddress, SecretBox};
use axum::Extension;
use futures::TryStreamExt;
use graveler::{Graveler, GravelerOptions};
use lakebed_sdk::{
    BranchName, Commit, Committed, CreateRepository, Credentials, Error, Lakebed, ListItem, ListOptions, MergeOptions,
    MergeOutcome, NewCommit, ObjectPath, RepositoryName, Upload,
};
use metadata_server::MemoryMetaStore;
use model::{Clock, SystemClock, Timestamp};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use object_store::multipart::MultipartStore;
use secrecy::SecretString;
use storage::testing::{Completing, Counters, Counting, Faults, Faulty, Tags};
use storage::{StoreSettings, Stores};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::meta::ObservedMeta;

pub(crate) const ACCESS_KEY_ID: &str = "AKLBTEST";
pub(crate) const SECRET_ACCESS_KEY: &str = "a-secret-of-the-tests";

/// A clock that moves a second each time it is asked.
#[derive(Debug, Default)]
struct TickingClock(AtomicI64);

impl Clock for TickingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_790_000_000_000 + 1000 * self.0.fetch_add(1, Relaxed))
    }
}

pub(crate) struct TestLake {
    pub(crate) lakebed: Lakebed,
    pub(crate) api: ApiServer,
    pub(crate) graveler: Graveler,
    pub(crate) secrets: SecretBox,
    pub(crate) meta: Arc<ObservedMeta>,
    pub(crate) requests: Counters,
    /// What is really there, under all caches and counters.
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) multipart: Arc<dyn MultipartStore>,
    pub(crate) address: SocketAddr,
    pub(crate) trips: RepositoryName,
    server: JoinHandle<()>,
}

impl Drop for TestLake {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl TestLake {
    /// A server without a repository.
    pub(crate) async fn empty() -> Self {
        Self::empty_with_sources(Vec::new()).await
    }

    /// A server that may read some places besides.
    pub(crate) async fn empty_with_sources(sources: Vec<String>) -> Self {
        Self::with(Arc::new(TickingClock::default()), sources, server_options()).await
    }

    /// A server with an empty repository `trips` whose jobs are told and looked for often, by a real clock.
    pub(crate) async fn with_jobs(options: JobOptions) -> Self {
        Self::with_jobs_and_sources(options, Vec::new()).await
    }

    /// The same, that may read some places besides.
    pub(crate) async fn with_jobs_and_sources(options: JobOptions, sources: Vec<String>) -> Self {
        let options = ApiServerOptions { jobs: options, ..server_options() };
        let lake = Self::with(Arc::new(SystemClock), sources, options).await;
        lake.lakebed.create_repository(&lake.trips, CreateRepository::default()).await.unwrap();
        lake
    }

    async fn with(clock: Arc<dyn Clock>, sources: Vec<String>, options: ApiServerOptions) -> Self {
        let memory = Stores::open("memory:///", &StoreSettings { sources, ..StoreSettings::default() }).await.unwrap();
        Self::on(memory, clock, options).await
    }

    /// A server with an empty repository `trips`, whose store signs URLs as S3's would be. Nothing is sent there: the store is
    /// in memory, and its objects lie at the keys of the URLs.
    pub(crate) async fn signing() -> Self {
        Self::signing_with(Tags::Md5).await
    }

    /// The same; what uploads in parts are made into has such ETags.
    pub(crate) async fn signing_with(tags: Tags) -> Self {
        // Its client is made, though it sends nothing; another test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let keys = [("access_key_id", "AKIATEST"), ("secret_access_key", "secret")];
        let options = keys.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let settings = StoreSettings { options, region: Some("us-east-1".to_owned()), ..StoreSettings::default() };
        let memory = Arc::new(InMemory::new());
        let signs = Stores::open("s3://lake", &settings).await.unwrap();
        let stores = signs.decorated(|_, _| (Arc::clone(&memory) as _, Completing::new(memory, tags)));
        let lake = Self::on(stores, Arc::new(TickingClock::default()), server_options()).await;
        lake.lakebed.create_repository(&lake.trips, CreateRepository::default()).await.unwrap();
        lake
    }

    /// A server with an empty repository `trips`, whose store fails as the script says.
    pub(crate) async fn faulty(faults: Faults, jobs: JobOptions) -> Self {
        let memory = Stores::open("memory:///", &StoreSettings::default()).await.unwrap();
        let stores = memory.decorated(|store, multipart| {
            let faulty = Faulty::new(store, multipart, faults);
            (Arc::clone(&faulty) as _, faulty)
        });
        let lake = Self::on(stores, Arc::new(SystemClock), ApiServerOptions { jobs, ..server_options() }).await;
        lake.lakebed.create_repository(&lake.trips, CreateRepository::default()).await.unwrap();
        lake
    }

    async fn on(stores: Arc<Stores>, clock: Arc<dyn Clock>, options: ApiServerOptions) -> Self {
        let requests = Counters::default();
        let counters = requests.clone();
        let under = Arc::new(OnceLock::new());
        let kept = Arc::clone(&under);
        let stores = stores.decorated(move |store, multipart| {
            let _ = kept.set((Arc::clone(&store), Arc::clone(&multipart)));
            let counting = Counting::new(store, multipart, counters);
            (counting.clone(), counting)
        });
        let meta = ObservedMeta::new(Arc::new(MemoryMetaStore::new(clock.clone())));
        let secrets = SecretBox::new(&[7; 32]);
        let preset = (ACCESS_KEY_ID.to_owned(), SecretString::from(SECRET_ACCESS_KEY));
        bootstrap_administrator(&*meta, &secrets, Some(preset)).await.unwrap();

        // Small blocks and ranges, so that little content makes many.
        let graveler_options = GravelerOptions { block_bytes: 512, range_bytes: 2048, ..GravelerOptions::default() };
        let graveler = Graveler::new(meta.clone(), stores, clock, graveler_options);
        let api = ApiServer::new(graveler.clone(), secrets.clone(), options);
        let (address, server) = serve(&api).await;
        let lakebed = connect(address).await;
        let (store, multipart) = under.get().unwrap().clone();
        Self {
            lakebed,
            api,
            graveler,
            secrets,
            meta,
            requests,
            store,
            multipart,
            address,
            trips: name("trips"),
            server,
        }
    }

    /// Another server over the same metadata and objects, in a runtime of its own: dropping it is like `kill -9`.
    pub(crate) async fn another_server(&self, options: JobOptions) -> OtherServer {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let options = ApiServerOptions { jobs: options, ..server_options() };
        let (graveler, secrets) = (self.graveler.clone(), self.secrets.clone());
        let address = runtime.spawn(async move { serve(&ApiServer::new(graveler, secrets, options)).await.0 });
        let lakebed = connect(address.await.unwrap()).await;
        OtherServer { lakebed, runtime: Some(runtime) }
    }

    /// A server with an empty repository `trips`.
    pub(crate) async fn new() -> Self {
        Self::with_sources(Vec::new()).await
    }

    /// The same, that may read some places besides.
    pub(crate) async fn with_sources(sources: Vec<String>) -> Self {
        let lake = Self::empty_with_sources(sources).await;
        lake.lakebed.create_repository(&lake.trips, CreateRepository::default()).await.unwrap();
        lake
    }

    /// Who is known here.
    pub(crate) fn directory(&self, options: DirectoryOptions) -> Directory {
        let (meta, clock) = (self.graveler.shared_meta(), self.graveler.shared_clock());
        Directory::new(meta, clock, self.secrets.clone(), options)
    }

    /// The same, with other options.
    pub(crate) async fn with_options(options: impl FnOnce(ApiServerOptions) -> ApiServerOptions) -> Self {
        let lake = Self::with(Arc::new(TickingClock::default()), Vec::new(), options(server_options())).await;
        lake.lakebed.create_repository(&lake.trips, CreateRepository::default()).await.unwrap();
        lake
    }

    /// The administrator, as a flow's caller.
    pub(crate) async fn administrator(&self) -> Caller {
        let directory = self.directory(DirectoryOptions::default());
        directory.caller(&directory.key(ACCESS_KEY_ID).await.unwrap(), None)
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Writes an object that holds its own text.
    pub(crate) async fn put(&self, on: &str, path: &str, text: &str) {
        let (on, path) = (branch(on), object(path));
        self.lakebed.upload_bytes(&self.trips, &on, &path, text.to_owned(), Upload::default()).await.unwrap();
    }

    pub(crate) async fn delete(&self, on: &str, path: &str) {
        let failures = self.lakebed.delete_objects(&self.trips, &branch(on), &[object(path)]).await.unwrap();
        assert_eq!(failures, []);
    }

    pub(crate) async fn read(&self, reference: &str, path: &str) -> Result<String, Error> {
        let download = self.lakebed.download(&self.trips, reference, &object(path), ..).await?;
        Ok(String::from_utf8(download.bytes().await?).unwrap())
    }

    pub(crate) async fn try_commit(&self, on: &str, message: &str) -> Result<Committed, Error> {
        self.lakebed.commit(&self.trips, &branch(on), NewCommit::new(message)).await
    }

    pub(crate) async fn commit(&self, on: &str, message: &str) -> Commit {
        self.try_commit(on, message).await.unwrap().commit
    }

    pub(crate) async fn branch_off(&self, new: &str, source: &str) {
        self.lakebed.create_branch(&self.trips, &branch(new), source).await.unwrap();
    }

    pub(crate) async fn merge(&self, source: &str, into: &str) -> Result<MergeOutcome, Error> {
        self.lakebed.merge(&self.trips, source, &branch(into), MergeOptions::default()).await
    }

    /// The paths and common prefixes of a listing.
    pub(crate) async fn list(&self, reference: &str, options: ListOptions) -> Vec<String> {
        let items: Vec<_> = self.lakebed.list_objects(&self.trips, reference, options).try_collect().await.unwrap();
        let text = |item| match item {
            ListItem::Object(object) => object.path.to_string(),
            ListItem::CommonPrefix(prefix) => prefix,
        };
        items.into_iter().map(text).collect()
    }

    pub(crate) async fn paths(&self, reference: &str) -> Vec<String> {
        self.list(reference, ListOptions::default()).await
    }

    pub(crate) async fn log(&self, reference: &str) -> Vec<Commit> {
        self.lakebed.log(&self.trips, reference, Default::default()).try_collect().await.unwrap()
    }
}

async fn serve(api: &ApiServer) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let peer = PeerAddress(Ipv4Addr::LOCALHOST.into());
    let (address, router) = (listener.local_addr().unwrap(), api.grpc().layer(Extension(peer)));
    (address, tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }))
}

async fn connect(address: SocketAddr) -> Lakebed {
    let credentials = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY);
    Lakebed::connect(&format!("http://{address}"), credentials).await.unwrap()
}

/// A server that ends in the midst of whatever it does.
pub(crate) struct OtherServer {
    pub(crate) lakebed: Lakebed,
    runtime: Option<Runtime>,
}

impl Drop for OtherServer {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let patience = std::time::Instant::now() + Duration::from_secs(60);
    while !holds().await {
        assert!(std::time::Instant::now() < patience, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Refusals don't keep tests waiting, and what is taken away counts shortly.
fn server_options() -> ApiServerOptions {
    ApiServerOptions {
        refusal_duration_min: Duration::ZERO,
        s3: S3Place::At("https://s3.lake.example".to_owned()),
        callers_age_max: Duration::from_millis(300),
        ..ApiServerOptions::default()
    }
}

pub(crate) fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

pub(crate) fn branch(text: &str) -> BranchName {
    text.parse().unwrap()
}

pub(crate) fn object(text: &str) -> ObjectPath {
    text.parse().unwrap()
}
