//! What the tests share: a served node, and commands.

use std::future::Future;
use std::sync::Arc;

use metadata_client::{ClientTls, MetadataClient};
use metadata_server::{MetadataOptions, MetadataServer, MutualTls, serve};
use model::{Command, CommitId, CreateRepository, Note, RequestId, Seal, SystemClock};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tonic::transport::Uri;

/// Runs a test against a node that is served on a port of its own, then stops both.
pub(crate) async fn with_node<F: Future<Output = ()>>(tls: Option<MutualTls>, test: impl FnOnce(u16) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let server = MetadataServer::start(MetadataOptions::new(folder.path(), Arc::new(SystemClock))).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (stop, stopped) = oneshot::channel::<()>();
    {
        let serving = serve(&server, listener, tls, Box::pin(async { drop(stopped.await) }));
        let testing = async {
            test(port).await;
            drop(stop);
        };
        let (served, ()) = tokio::join!(serving, testing);
        served.unwrap();
    }
    server.shutdown().await;
}

pub(crate) fn client(uris: &[String], tls: Option<&ClientTls>) -> MetadataClient {
    let uris: Vec<Uri> = uris.iter().map(|uri| uri.parse().unwrap()).collect();
    MetadataClient::connect(&uris, tls).unwrap()
}

/// A command that may be sent twice.
pub(crate) fn create_repository() -> Command {
    Command::CreateRepository(CreateRepository {
        request: RequestId(1),
        name: "trips".parse().unwrap(),
        namespace: "mem://trips".parse().unwrap(),
        default_branch: "main".parse().unwrap(),
        commit: Some(CommitId::from_bytes([1; 32])),
        claim: None,
        note: Note::default(),
    })
}

/// A command that may not be sent twice.
pub(crate) fn seal() -> Command {
    Command::Seal(Seal { repository: "trips".parse().unwrap(), branch: "main".parse().unwrap() })
}
