//! Off loopback the metadata port speaks mutual TLS only: who has no certificate of its authority stays out.

use std::sync::Arc;

use metadata_client::{ClientOptions, ClientTls, MetadataClient};
use metadata_server::{MetadataOptions, MetadataServer, MutualTls, ServeError, serve};
use model::{MetaError, MetaStore, Outcome, SystemClock};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::TcpListener;

use crate::support::{create_repository, with_node};

/// An authority that signs certificates.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for a name, with its key.
    fn sign(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn for_server(&self) -> MutualTls {
        let (certificate, key) = self.sign("localhost");
        MutualTls { authority: self.pem(), certificate, key: key.into() }
    }

    /// A client that this authority signed and that trusts `trusted`.
    fn for_client(&self, trusted: &Self) -> ClientTls {
        let (certificate, key) = self.sign("gateway");
        ClientTls { authority: trusted.pem(), certificate, key, server_name: Some("localhost".into()) }
    }
}

async fn write(port: u16, tls: Option<&ClientTls>) -> Result<Outcome, MetaError> {
    let scheme = if tls.is_some() { "https" } else { "http" };
    let uri = format!("{scheme}://127.0.0.1:{port}").parse().unwrap();
    MetadataClient::connect_with(&[uri], tls, &ClientOptions::default())?.write(create_repository()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_certificates_of_the_authority_get_in() {
    let (ours, foreign) = (Authority::new(), Authority::new());
    let server = ours.for_server();
    with_node(Some(server), |port| async move {
        let refused = write(port, Some(&foreign.for_client(&ours))).await.unwrap_err();
        assert!(!matches!(refused, MetaError::Refused(_)), "a foreign certificate: {refused}");
        let refused = write(port, None).await.unwrap_err();
        assert!(!matches!(refused, MetaError::Refused(_)), "no TLS at all: {refused}");
        let refused = write(port, Some(&ours.for_client(&foreign))).await.unwrap_err();
        assert!(refused.is_retryable(), "the client doesn't trust this server, so it sent nothing: {refused}");
        let made = write(port, Some(&ours.for_client(&ours))).await.unwrap();
        assert!(matches!(made, Outcome::Repository(_)), "nothing was written before: {made:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_without_a_certificate_stays_out() {
    use proto::generated::metadata::ReadRequest;
    use proto::generated::metadata::meta_service_client::MetaServiceClient;
    use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

    let ours = Authority::new();
    let authority = ours.pem();
    with_node(Some(ours.for_server()), |port| async move {
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority)).domain_name("localhost");
        let endpoint: Endpoint = format!("https://127.0.0.1:{port}").parse().unwrap();
        let channel = endpoint.tls_config(tls).unwrap().connect_lazy();
        let status = MetaServiceClient::new(channel).read(ReadRequest { query: None }).await.unwrap_err();
        assert_ne!(status.code(), tonic::Code::InvalidArgument, "the service heard it: {status}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_port_isnt_opened_to_all_without_tls() {
    let folder = tempfile::tempdir().unwrap();
    let server = MetadataServer::start(MetadataOptions::new(folder.path(), Arc::new(SystemClock))).await.unwrap();
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let refused = serve(&server, listener, None, Box::pin(std::future::pending())).await.unwrap_err();
    assert!(matches!(refused, ServeError::OpenToAll { .. }), "{refused}");
    server.shutdown().await;
}
