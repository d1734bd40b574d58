//! Signs requests with AWS signature version 4 (those of REST show the secret itself), so cheaply that the client isn't what is measured: the key is derived
//! once, and bodies aren't hashed. Invariant: keys and names have only characters that need no encoding.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::Utc;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

const REGION: &str = "us-east-1";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// How long a pre-signed URL is good for: longer than any run.
const EXPIRES_SECONDS: u32 = 3600;

/// Signs for one server.
#[derive(Clone)]
pub(crate) struct Signer {
    host: String,
    access_key_id: String,
    secret: String,
    day: String,
    key: [u8; 32],
}

impl Signer {
    /// Derives the key of today.
    pub(crate) fn new(host: &str, access_key_id: &str, secret: &str) -> Self {
        let (host, access_key_id, secret) = (host.to_owned(), access_key_id.to_owned(), secret.to_owned());
        let (day, key) = (String::new(), [0; 32]);
        Self { host, access_key_id, secret, day, key }.of_day(&Utc::now().format("%Y%m%d").to_string())
    }

    fn of_day(mut self, day: &str) -> Self {
        day.clone_into(&mut self.day);
        self.key = hmac(format!("AWS4{}", self.secret).as_bytes(), day);
        for part in [REGION, "s3", "aws4_request"] {
            self.key = hmac(&self.key, part);
        }
        self
    }

    /// The whole head of a REST request, with the key and its secret as they are; of JSON if it has a body.
    pub(crate) fn rest(&self, method: &str, target: &str, body: &str) -> Vec<u8> {
        let (host, proof) = (&self.host, BASE64.encode(format!("{}:{}", self.access_key_id, self.secret)));
        let about_body = match body.len() {
            0 => String::new(),
            length => format!("content-type: application/json\r\ncontent-length: {length}\r\n"),
        };
        format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\nauthorization: Basic {proof}\r\n{about_body}\r\n")
            .into_bytes()
    }

    fn scope(&self) -> String {
        format!("{}/{REGION}/s3/aws4_request", self.day)
    }

    fn signature(&self, time: &str, canonical: &str) -> String {
        let digest = hex::encode(Sha256::digest(canonical.as_bytes()));
        hex::encode(hmac(&self.key, &format!("AWS4-HMAC-SHA256\n{time}\n{}\n{digest}", self.scope())))
    }

    /// The whole head of a GET with its signature in the query, good for an hour.
    pub(crate) fn get_presigned(&self, path: &str) -> Vec<u8> {
        let (host, credential) = (&self.host, format!("{}%2F{}", self.access_key_id, self.scope().replace('/', "%2F")));
        let time = Utc::now().format("%Y%m%dT%H%M%SZ").to_string();
        let query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={time}\
             &X-Amz-Expires={EXPIRES_SECONDS}&X-Amz-SignedHeaders=host"
        );
        let canonical = format!("GET\n{path}\n{query}\nhost:{host}\n\nhost\n{UNSIGNED}");
        let signature = self.signature(&time, &canonical);
        format!("GET {path}?{query}&X-Amz-Signature={signature} HTTP/1.1\r\nhost: {host}\r\n\r\n").into_bytes()
    }

    /// The whole head of a PUT with its signature in a header.
    pub(crate) fn put(&self, path: &str, length: u64) -> Vec<u8> {
        let (host, scope) = (&self.host, self.scope());
        let time = Utc::now().format("%Y%m%dT%H%M%SZ").to_string();
        let names = "host;x-amz-content-sha256;x-amz-date";
        let canonical = format!(
            "PUT\n{path}\n\nhost:{host}\nx-amz-content-sha256:{UNSIGNED}\nx-amz-date:{time}\n\n{names}\n{UNSIGNED}"
        );
        let (id, signature) = (&self.access_key_id, self.signature(&time, &canonical));
        format!(
            "PUT {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\nx-amz-content-sha256: {UNSIGNED}\r\n\
             x-amz-date: {time}\r\nauthorization: AWS4-HMAC-SHA256 Credential={id}/{scope}, SignedHeaders={names}, \
             Signature={signature}\r\n\r\n"
        )
        .into_bytes()
    }
}

fn hmac(key: &[u8], message: &str) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("because HMAC takes keys of any length");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().into()
}
