//! What stands on the port beside the three APIs, as strangers find it.

use std::io::{Read, Write};
use std::net::TcpStream;

use reqwest::{Client, Method};
use tests::TestServer;

/// Sends bytes and reads what comes back until the server hangs up.
fn said_to(server: &TestServer, bytes: &[u8]) -> String {
    let address = server.endpoint().split("://").nth(1).unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(bytes).unwrap();
    let mut said = Vec::new();
    let _reset = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn http_on_a_port_of_https_is_told_to_use_https() {
    let server = TestServer::start_with_tls();
    let request = "GET /trips/main/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let said = said_to(&server, request.as_bytes());
    assert!(said.starts_with("HTTP/1.1 400") && said.contains("This port speaks HTTPS"), "{said}");
}

#[test]
fn tls_on_a_port_of_http_is_told_to_the_operator_once() {
    let server = TestServer::start();
    let line = "a client speaks HTTPS to this port";
    // The head of a handshake.
    for _ in 0..3 {
        let said = said_to(&server, b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00\r\n\r\n");
        assert!(!said.contains("200 OK"), "{said}");
    }
    super::cli::wait_for("the warning", || server.log().contains(line));
    assert_eq!(server.log().matches(line).count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_find_health_and_the_description_alone() {
    let server = TestServer::start();
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::new();
    let status = async |method: Method, path: &str| {
        let answer = client.request(method, format!("{}{path}", server.endpoint())).send().await.unwrap();
        let (status, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        assert!(
            !text.contains(TestServer::ACCESS_KEY_ID) && !text.contains("local://"),
            "{path} tells too much: {text}"
        );
        status
    };
    for (path, expected) in
        [("/_health", 200), ("/openapi.json", 200), ("/api/v1/healthcheck", 204), ("/api/v1/none", 404)]
    {
        assert_eq!(status(Method::GET, path).await, expected, "{path}");
    }
    // Whatever isn't there, or nobody's, is S3's to refuse.
    let others = [
        "/",
        "/metrics",
        "/debug/pprof",
        "/debug",
        "/trips",
        "/trips/main/a",
        "/api",
        "/api/",
        "/api/v2/x",
        "/favicon.ico",
    ];
    let odd = ["/_health/x", "/_health/", "/openapi.json/x", "/%61pi/v1/repositories", "/api/v1"];
    for path in others.into_iter().chain(odd) {
        for method in [Method::GET, Method::HEAD, Method::PUT, Method::POST, Method::DELETE] {
            assert_eq!(status(method.clone(), path).await, 403, "{method} {path}");
        }
    }
    for path in [
        "/api/v1/repositories",
        "//api/v1/repositories",
        "/api/v1//repositories",
        "/api/v1/../v1/repositories",
        "/api/v1/%72epositories",
    ] {
        let told = status(Method::GET, path).await;
        assert!(matches!(told, 400 | 401 | 404), "{path}: {told}");
    }
}
