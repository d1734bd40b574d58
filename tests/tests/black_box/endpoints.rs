//! What stands on the port beside the three APIs, as strangers find it.

use reqwest::{Client, Method};
use tests::TestServer;

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
