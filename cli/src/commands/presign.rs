//! `lakebed presign`: a URL by which anybody reads or writes one object for a while, signed here with one's own keys. Leaves
//! the signature to `s3-gateway`, which verifies it too. Invariant: the server is asked only where S3 is spoken and whether a
//! tag would be written to, and nothing if it is said where; and the URL can't do more than who signs.

use anyhow::Result;
use clap::{Args, ValueEnum};
use http::Method;
use model::{Clock, SystemClock, Timestamp};
use s3_gateway::protocol::presign;
use serde_json::json;

use super::refuse_unless_branch;
use super::s3_endpoint::S3EndpointArgs;
use crate::connection::Target;
use crate::exit::usage;
use crate::output::Output;
use crate::uri::PathUri;

/// What a URL does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Verb {
    Get,
    Head,
    Put,
    Delete,
}

#[derive(Args, Debug)]
pub(crate) struct Presign {
    /// lakebed://repository/ref/path
    object: PathUri,
    /// How long the URL is good for: seconds, or a number with m, h or d; at most 7d
    #[arg(long, default_value = "15m", value_name = "TIME", value_parser = seconds)]
    expires: i64,
    /// What the URL does
    #[arg(long, default_value = "get", value_name = "METHOD", ignore_case = true)]
    method: Verb,
    #[command(flatten)]
    s3: S3EndpointArgs,
}

impl Presign {
    pub(crate) async fn run(&self, target: &Target, output: Output) -> Result<()> {
        let path = self.object.object()?;
        let endpoint = self.s3.find(target).await?;
        if matches!(self.method, Verb::Put | Verb::Delete) {
            let branch = self.object.branch()?;
            if self.s3.named().is_none() {
                refuse_unless_branch(&target.connect()?, &self.object.repository, &branch).await?;
            }
        }
        let now = SystemClock.now();
        let signed = presign::Presign {
            endpoint: &endpoint,
            method: &match self.method {
                Verb::Get => Method::GET,
                Verb::Head => Method::HEAD,
                Verb::Put => Method::PUT,
                Verb::Delete => Method::DELETE,
            },
            bucket: self.object.repository.as_str(),
            key: &format!("{}/{path}", self.object.reference),
            access_key_id: &target.keys.access_key_id,
            secret_access_key: &target.keys.secret_access_key.clone().into(),
            session_token: target.keys.session_token.as_deref(),
            at: now.to_datetime(),
            expires_seconds: self.expires,
        };
        let url = match signed.url() {
            Ok(url) => url,
            Err(why) => usage!("{why}"),
        };
        let expires_at = Timestamp::from_millis(now.as_millis() + 1000 * self.expires);
        output.item(&json!({ "url": url, "expires_at": expires_at.to_string() }), || url.clone())
    }
}

fn seconds(text: &str) -> Result<i64, String> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let each = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err("write seconds, or a number with m, h or d".to_owned()),
    };
    let number: u32 = digits.parse().map_err(|_| "write seconds, or a number with m, h or d".to_owned())?;
    Ok(i64::from(number) * each)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(["90", "90s", "15m", "2h", "7d"].map(|text| seconds(text).unwrap()), [90, 90, 900, 7200, 604_800]);
        for bad in ["", "m", "1w", "1.5h", "-1", "1 h", "9223372036854775807d"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
