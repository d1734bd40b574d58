//! A Rust S3 client for tests that need many requests at once: object_store's, without retries, so that each request
//! is seen to succeed or fail.

use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{ClientOptions, RetryConfig};

use crate::TestServer;

/// A client of one repository of a server.
///
/// # Panics
/// When the server speaks TLS: these tests are about other things.
pub fn s3_client(server: &TestServer, repository: &str) -> AmazonS3 {
    s3_client_of(server.endpoint(), (TestServer::ACCESS_KEY_ID, TestServer::SECRET_ACCESS_KEY), repository)
}

/// A client of one repository of the server at an endpoint over HTTP, with an access key id and its secret.
///
/// # Panics
/// When the endpoint isn't a URL.
pub fn s3_client_of(endpoint: &str, key: (&str, &str), repository: &str) -> AmazonS3 {
    // Another test of this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let timeout = Duration::from_secs(120);
    AmazonS3Builder::new()
        .with_endpoint(endpoint)
        .with_allow_http(true)
        .with_bucket_name(repository)
        .with_region("us-east-1")
        .with_access_key_id(key.0)
        .with_secret_access_key(key.1)
        .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
        .with_client_options(
            ClientOptions::new().with_timeout(timeout).with_connect_timeout(timeout).with_allow_http(true),
        )
        .build()
        .expect("valid settings")
}
