//! Whole requests: AWS's published examples, `aws-sigv4` as an oracle, and everything that must be refused.

mod examples;
mod oracle;
mod refusals;

use futures::executor::block_on;

use super::*;

/// The example keys of AWS's documentation.
const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// The only session token that is taken.
const TOKEN: &str = "t";

struct Keys;

#[async_trait]
impl KeyLookup for Keys {
    async fn secret(&self, access_key_id: &str, token: Option<&str>) -> Result<Option<SecretString>, S3Error> {
        if token.is_some_and(|token| token != TOKEN) {
            return Err(ErrorCode::InvalidToken.into());
        }
        Ok((access_key_id == KEY).then(|| SECRET.into()))
    }
}

fn parts(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = http::Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn receive(parts: &Parts, now: &str) -> Result<Request, S3Error> {
    let receiver = Receiver::new(vec!["s3.amazonaws.com".into()]);
    block_on(receiver.receive(parts, &Keys, now.parse().unwrap()))
}

/// The same where signature version 2 is taken in headers.
fn receive_v2(parts: &Parts, now: &str) -> Result<Request, S3Error> {
    let receiver = Receiver::new(vec!["s3.amazonaws.com".into()]).with_version_2(true);
    block_on(receiver.receive(parts, &Keys, now.parse().unwrap()))
}
