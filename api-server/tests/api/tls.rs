//! The API's tls, through the SDK over real gRPC.

use lakebed_sdk::{ConnectOptions, Credentials, Lakebed, Reason};
use rcgen::generate_simple_self_signed;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::service::Routes;
use tonic::transport::{Identity, Server, ServerTlsConfig};

use crate::lake::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, TestLake};

#[tokio::test]
async fn https_is_spoken_to_whom_the_given_authority_vouches_for() {
    let lake = TestLake::new().await;
    let certified = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pem = certified.cert.pem();
    let identity = Identity::from_pem(&pem, certified.signing_key.serialize_pem());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let server = Server::builder()
        .tls_config(ServerTlsConfig::new().identity(identity))
        .unwrap()
        .add_routes(Routes::from(lake.api.grpc()));
    let server = tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));

    let credentials = || Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY);
    let options = ConnectOptions { ca_certificate_pem: Some(pem), ..ConnectOptions::default() };
    let lakebed = Lakebed::connect_with(&endpoint, credentials(), options).await.unwrap();
    assert_eq!(lakebed.who_am_i().await.unwrap().access_key_id, ACCESS_KEY_ID);

    let stranger = Lakebed::connect(&endpoint, credentials()).await.unwrap_err();
    assert_eq!(stranger.reason, Reason::Unreachable);
    server.abort();
}
