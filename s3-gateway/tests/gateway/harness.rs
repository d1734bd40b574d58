//! A gateway on a port of its own, with a repository `trips` and its keys.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use auth::{AuditLine, AuditLog, SecretBox};
use graveler::{CommitInfo, Graveler, GravelerOptions};
use http::Method;
use http_body_util::BodyExt;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use metadata_server::MemoryMetaStore;
use model::{
    Answer, AttachPolicy, BranchName, Clock, Command, CommitId, CreateBranch, CreateCredential, CreatePolicy,
    CreateTag, CreateUser, DeleteBranch, ListRepositories, MetaError, MetaStore, Note, Outcome, PageRequest, Publish,
    Query, RepositoryName, RequestId, Seal, SetUpAccess, SystemClock, UserName,
};
use s3_gateway::{Gateway, GatewayOptions};
use storage::{StoreSettings, Stores};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::client::{Keys, Req, Res, encoded};

pub(crate) const REPOSITORY: &str = "trips";

pub(crate) struct TestGateway {
    pub(crate) addr: SocketAddr,
    pub(crate) graveler: Graveler,
    pub(crate) keys: Keys,
    pub(crate) asked: Arc<Asked>,
    pub(crate) audit: Arc<Lines>,
    gateway: Gateway,
    server: JoinHandle<()>,
}

impl Drop for TestGateway {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl TestGateway {
    /// A user with a key.
    pub(crate) async fn user(&self, user: &str) -> Keys {
        make_user(self.graveler.meta(), &SecretBox::new(&[7; 32]), user).await
    }

    /// A user with a key and with a policy of these statements.
    pub(crate) async fn user_with(&self, user: &str, statements: &str) -> Keys {
        let meta = self.graveler.meta();
        let keys = self.user(user).await;
        let policy: model::PolicyName = format!("of {user}").parse().unwrap();
        let document = format!("{{\"statement\": [{statements}]}}");
        auth::PolicyDocument::parse(&document).unwrap();
        let create = Command::CreatePolicy(CreatePolicy { request: request_id(), name: policy.clone(), document });
        meta.write(create).await.unwrap().policy().unwrap();
        let holder = model::PolicyHolder::User(user.parse().unwrap());
        meta.write(Command::AttachPolicy(AttachPolicy { policy, holder })).await.unwrap().done().unwrap();
        keys
    }

    /// The same requests with other keys.
    pub(crate) fn by(&self, keys: &Keys) -> Caller<'_> {
        Caller { gateway: self, keys: keys.clone() }
    }

    /// Serves in-memory stores with a repository `trips`, whose branch is `main`.
    pub(crate) async fn start() -> Self {
        Self::start_with(GatewayOptions::default()).await
    }

    pub(crate) async fn start_with(options: GatewayOptions) -> Self {
        let stores = Stores::open("memory:///", &StoreSettings::default()).await.unwrap();
        Self::start_on(stores, options).await
    }

    pub(crate) async fn start_on(stores: Arc<Stores>, options: GatewayOptions) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let asked = Arc::new(Asked::default());
        let memory = MemoryMetaStore::new(Arc::clone(&clock));
        let meta: Arc<dyn MetaStore> = Arc::new(CountingMeta { memory, asked: Arc::clone(&asked) });
        let graveler = Graveler::new(Arc::clone(&meta), stores, clock, GravelerOptions::default());
        let secret_box = SecretBox::new(&[7; 32]);
        let keys = make_user(&*meta, &secret_box, "admin").await;
        let branch: BranchName = "main".parse().unwrap();
        graveler.create_repository(RequestId(9), &name(), None, &branch, "admin").await.unwrap();
        let audit = Arc::new(Lines::default());
        let gateway =
            Gateway::new(graveler.clone(), secret_box, options).audited(Arc::clone(&audit) as Arc<dyn AuditLog>);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let server = tokio::spawn(serve(listener, gateway.clone()));
        Self { addr, graveler, keys, asked, audit, gateway, server }
    }

    /// A request to a target as it goes over the wire.
    pub(crate) fn request(&self, method: Method, target: &str) -> Req {
        Req::new(self.addr, &self.keys, method, target)
    }

    /// A request about a key of `trips`.
    pub(crate) fn on(&self, method: Method, key: &str) -> Req {
        self.request(method, &format!("/{REPOSITORY}/{}", encoded(key)))
    }

    pub(crate) fn put(&self, key: &str, body: impl Into<bytes::Bytes>) -> Req {
        self.on(Method::PUT, key).body(body)
    }

    pub(crate) fn get(&self, key: &str) -> Req {
        self.on(Method::GET, key)
    }

    pub(crate) fn head(&self, key: &str) -> Req {
        self.on(Method::HEAD, key)
    }

    pub(crate) fn delete(&self, key: &str) -> Req {
        self.on(Method::DELETE, key)
    }

    /// A version 2 listing of `trips`.
    pub(crate) async fn list(&self, pairs: &[(&str, &str)]) -> Res {
        let request = self.request(Method::GET, &format!("/{REPOSITORY}"));
        request.query(&[("list-type", "2")]).query(pairs).send().await
    }

    /// Puts objects, each with its key as its bytes.
    pub(crate) async fn put_all(&self, keys: &[&str]) {
        for key in keys {
            self.put(key, (*key).to_owned()).send().await.expect(200);
        }
    }

    /// All keys on a branch.
    pub(crate) async fn keys_on(&self, branch: &str) -> Vec<String> {
        self.list(&[("prefix", &format!("{branch}/"))]).await.expect(200).all("Key")
    }

    pub(crate) async fn create_branch(&self, branch: &str, source: &str) {
        let commit = self.graveler.resolve(&name(), &source.parse().unwrap()).await.unwrap().commit;
        let branch = branch.parse().unwrap();
        let command = Command::CreateBranch(CreateBranch {
            request: request_id(),
            repository: name(),
            branch,
            commit,
            hidden: false,
            note: Note::default(),
        });
        self.graveler.meta().write(command).await.unwrap().branch().unwrap();
    }

    pub(crate) async fn delete_branch(&self, branch: &str) {
        let branch = branch.parse().unwrap();
        let command = Command::DeleteBranch(DeleteBranch { repository: name(), branch, note: Note::default() });
        self.graveler.meta().write(command).await.unwrap().done().unwrap();
    }

    /// Answers a request as if it had come over TLS; returns the answer's body.
    pub(crate) async fn handle_encrypted(&self, request: &Req) -> String {
        let (headers, body) = request.signed();
        let mut incoming = http::Request::builder().method(request.method.clone()).uri(&request.target);
        for (name, value) in headers {
            incoming = incoming.header(name, value);
        }
        let incoming = incoming.extension(auth::Encrypted(true));
        let body = http_body_util::Full::new(body).map_err(|never| -> std::io::Error { match never {} });
        let answer = self.gateway.handle(incoming.body(body).unwrap()).await.into_body();
        String::from_utf8(answer.collect().await.unwrap().to_bytes().into()).unwrap()
    }

    pub(crate) async fn create_tag(&self, tag: &str, source: &str) -> CommitId {
        let commit = self.graveler.resolve(&name(), &source.parse().unwrap()).await.unwrap().commit;
        let tag = tag.parse().unwrap();
        let command = Command::CreateTag(CreateTag { request: request_id(), repository: name(), tag, commit });
        self.graveler.meta().write(command).await.unwrap().tag().unwrap();
        commit
    }

    /// Commits what is staged on a branch.
    pub(crate) async fn commit(&self, branch: &str) -> CommitId {
        let meta = self.graveler.meta();
        let branch: BranchName = branch.parse().unwrap();
        let repository = meta.repository(&name()).await.unwrap();
        let seal = Command::Seal(Seal { repository: name(), branch: branch.clone() });
        let sealed = meta.write(seal).await.unwrap().branch().unwrap();
        let info = CommitInfo {
            committer: "admin".into(),
            message: "test".into(),
            metadata: std::collections::BTreeMap::new(),
            created_at: SystemClock.now(),
            allow_empty: false,
        };
        let built = self.graveler.build_commit(&repository, &sealed.commit, &branch, &sealed.sealed, &info).await;
        let built = built.unwrap();
        let publish = Command::Publish(Publish {
            request: None,
            repository: name(),
            branch,
            expected: sealed.commit,
            head: built.id,
            consumed: sealed.sealed,
            held_by: vec![],
            read_at: None,
            ended: vec![],
            passed: vec![],
            require_clean: false,
            note: Note::default(),
        });
        meta.write(publish).await.unwrap().branch().unwrap();
        built.id
    }

    pub(crate) async fn repositories(&self) -> Vec<String> {
        let query = ListRepositories { page: PageRequest::first(100) };
        let page = self.graveler.meta().ask(query).await.unwrap();
        page.items.into_iter().map(|r| r.name.to_string()).collect()
    }
}

/// A gateway as the holder of some keys calls it.
pub(crate) struct Caller<'a> {
    pub(crate) gateway: &'a TestGateway,
    pub(crate) keys: Keys,
}

impl Caller<'_> {
    pub(crate) fn request(&self, method: Method, target: &str) -> Req {
        Req::new(self.gateway.addr, &self.keys, method, target)
    }

    pub(crate) fn on(&self, method: Method, key: &str) -> Req {
        self.request(method, &format!("/{REPOSITORY}/{}", encoded(key)))
    }
}

/// How often the metadata service was asked, and what it answers writers.
#[derive(Default)]
pub(crate) struct Asked {
    reads: AtomicU64,
    writes: AtomicU64,
    failure: Mutex<Option<MetaError>>,
}

impl Asked {
    /// Reads and writes since the last call.
    pub(crate) fn take(&self) -> (u64, u64) {
        (self.reads.swap(0, Ordering::SeqCst), self.writes.swap(0, Ordering::SeqCst))
    }
}

impl Asked {
    /// Every write fails so from now on, or goes through again.
    pub(crate) fn fail_writes(&self, failure: Option<MetaError>) {
        *self.failure.lock().unwrap() = failure;
    }
}

/// What the audit was told.
#[derive(Default)]
pub(crate) struct Lines(Mutex<Vec<String>>);

impl AuditLog for Lines {
    fn record(&self, line: &AuditLine<'_>) {
        self.0.lock().unwrap().push(serde_json::to_string(line).unwrap());
    }
}

impl Lines {
    /// The lines since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// The in-memory store, and a count of what it is asked.
struct CountingMeta {
    memory: MemoryMetaStore,
    asked: Arc<Asked>,
}

#[async_trait]
impl MetaStore for CountingMeta {
    async fn write(&self, command: Command) -> Result<Outcome, MetaError> {
        self.asked.writes.fetch_add(1, Ordering::SeqCst);
        let failure = self.asked.failure.lock().unwrap().clone();
        match failure {
            Some(failure) => Err(failure),
            None => self.memory.write(command).await,
        }
    }

    async fn read(&self, query: Query) -> Result<Answer, MetaError> {
        self.asked.reads.fetch_add(1, Ordering::SeqCst);
        self.memory.read(query).await
    }
}

pub(crate) fn name() -> RepositoryName {
    REPOSITORY.parse().unwrap()
}

fn request_id() -> RequestId {
    RequestId(rand::random())
}

async fn make_user(meta: &dyn MetaStore, secret_box: &SecretBox, user: &str) -> Keys {
    let name: UserName = user.parse().unwrap();
    let made = meta
        .write(Command::CreateUser(CreateUser {
            request: request_id(),
            name,
            first_key: None,
            groups: vec![],
            only_first: false,
        }))
        .await
        .unwrap()
        .user()
        .unwrap();
    let new = auth::generate_credentials();
    let secret = secret_box.seal(&new.access_key_id, &new.secret_access_key);
    let command = Command::CreateCredential(CreateCredential {
        request: request_id(),
        user: made.id,
        access_key_id: new.access_key_id.clone(),
        secret,
    });
    meta.write(command).await.unwrap().credential().unwrap();
    let set_up = Command::SetUpAccess(SetUpAccess {
        policies: auth::default_policies::policies(),
        groups: auth::default_policies::groups(),
        members: vec![("Admins".parse().unwrap(), user.parse().unwrap())],
    });
    meta.write(set_up).await.unwrap().done().unwrap();
    let secret = secrecy::ExposeSecret::expose_secret(&new.secret_access_key).to_owned();
    Keys { id: new.access_key_id, secret, token: None }
}

async fn serve(listener: TcpListener, gateway: Gateway) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let gateway = gateway.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let gateway = gateway.clone();
                async move { Ok::<_, std::convert::Infallible>(gateway.handle(request).await) }
            });
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            // A client that goes away in the middle is part of some tests.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
