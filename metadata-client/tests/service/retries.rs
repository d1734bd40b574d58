//! What is tried again, where, and what never is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use model::{GetRepository, MetaError, MetaStore, Outcome};
use proto::generated::metadata::meta_service_server::{MetaService, MetaServiceServer};
use proto::generated::metadata::{ReadRequest, ReadResponse, WriteRequest, WriteResponse};
use proto::metadata::Wire as _;
use proto::metadata::status::{LEADER_HEADER, to_status};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use crate::support::{client, create_repository, seal};

/// A node that answers as it was told to, and `Done` when it was told no more.
#[derive(Clone, Default)]
struct Scripted {
    statuses: Arc<Mutex<VecDeque<Status>>>,
    calls: Arc<Mutex<u32>>,
}

impl Scripted {
    fn new(statuses: impl IntoIterator<Item = Status>) -> Self {
        Self { statuses: Arc::new(Mutex::new(statuses.into_iter().collect())), ..Self::default() }
    }

    fn calls(&self) -> u32 {
        *self.calls.lock().unwrap()
    }

    fn next(&self) -> Result<(), Status> {
        *self.calls.lock().unwrap() += 1;
        self.statuses.lock().unwrap().pop_front().map_or(Ok(()), Err)
    }

    /// Serves until the guard is dropped. → its URI
    async fn serve(&self) -> (String, Guard) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("http://{}", listener.local_addr().unwrap());
        let router = tonic::transport::Server::builder().add_service(MetaServiceServer::new(self.clone()));
        let task = tokio::spawn(async move {
            router.serve_with_incoming(TcpListenerStream::new(listener)).await.unwrap();
        });
        (uri, Guard(task))
    }
}

struct Guard(JoinHandle<()>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[tonic::async_trait]
impl MetaService for Scripted {
    async fn write(&self, _request: Request<WriteRequest>) -> Result<Response<WriteResponse>, Status> {
        self.next()?;
        Ok(Response::new(WriteResponse { outcome: Some(Outcome::Done.to_message()) }))
    }

    async fn read(&self, _request: Request<ReadRequest>) -> Result<Response<ReadResponse>, Status> {
        self.next()?;
        Ok(Response::new(ReadResponse { answer: None }))
    }
}

fn unavailable() -> Status {
    to_status(&MetaError::Unavailable("no leader yet".into()))
}

fn unknown() -> Status {
    to_status(&MetaError::OutcomeUnknown("the disk is full".into()))
}

/// An address at which nobody listens.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_carried_out_is_tried_again() {
    let node = Scripted::new([unavailable(), unavailable()]);
    let (uri, _guard) = node.serve().await;
    assert_eq!(client(&[uri], None).write(seal()).await.unwrap(), Outcome::Done);
    assert_eq!(node.calls(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tries_end() {
    let node = Scripted::new((0..1000).map(|_| unavailable()));
    let (uri, _guard) = node.serve().await;
    let error = client(&[uri], None).write(seal()).await.unwrap_err();
    assert!(matches!(&error, MetaError::Unavailable(why) if why.contains("no leader yet")), "{error}");
    assert!(node.calls() < 20, "{} calls", node.calls());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_without_a_request_id_isnt_sent_twice() {
    let node = Scripted::new([unknown()]);
    let (uri, _guard) = node.serve().await;
    let error = client(&[uri], None).write(seal()).await.unwrap_err();
    assert!(matches!(error, MetaError::OutcomeUnknown(_)), "{error}");
    assert_eq!(node.calls(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_with_a_request_id_is_sent_again() {
    let node = Scripted::new([unknown()]);
    let (uri, _guard) = node.serve().await;
    client(&[uri], None).write(create_repository()).await.unwrap();
    assert_eq!(node.calls(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_stays_unknown_although_later_tries_find_nobody() {
    let node = Scripted::new(std::iter::once(unknown()).chain((0..1000).map(|_| unavailable())));
    let (uri, _guard) = node.serve().await;
    let error = client(&[uri], None).write(create_repository()).await.unwrap_err();
    assert!(matches!(&error, MetaError::OutcomeUnknown(why) if why.contains("no leader yet")), "{error}");
    assert!(node.calls() > 2, "it is tried again all the same");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_endpoint_is_passed_over() {
    let node = Scripted::default();
    let (uri, _guard) = node.serve().await;
    let client = client(&[nobody().await, uri], None);
    for _ in 0..3 {
        client.write(seal()).await.unwrap();
    }
    assert_eq!(node.calls(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_named_leader_is_asked_next() {
    let (leader, bystander) = (Scripted::default(), Scripted::default());
    let (leader_uri, _leader_guard) = leader.serve().await;
    let (bystander_uri, _bystander_guard) = bystander.serve().await;
    let mut hint = unavailable();
    hint.metadata_mut().insert(LEADER_HEADER, leader_uri.parse().unwrap());
    let (first_uri, _first_guard) = Scripted::new([hint]).serve().await;
    client(&[first_uri, bystander_uri, leader_uri], None).write(seal()).await.unwrap();
    assert_eq!((leader.calls(), bystander.calls()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_breaks_leaves_the_outcome_unknown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}", listener.local_addr().unwrap());
    // Reads what comes, says nothing, and hangs up.
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut received = vec![0; 4096];
        let mut total = 0;
        while total < 120 {
            total += stream.read(&mut received).await.unwrap();
        }
    });
    let error = client(std::slice::from_ref(&uri), None).write(seal()).await.unwrap_err();
    assert!(matches!(error, MetaError::OutcomeUnknown(_)), "{error}");
    task.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_is_only_ever_unavailable() {
    let uri = nobody().await;
    let error = client(std::slice::from_ref(&uri), None)
        .read(GetRepository { name: "trips".parse().unwrap() }.into())
        .await
        .unwrap_err();
    assert!(matches!(&error, MetaError::Unavailable(why) if why.contains(&uri)), "{error}");
}
