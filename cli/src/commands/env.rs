//! `lakebed env`: shell variables that point S3 tools at the server.

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use crate::connection::Target;
use crate::output::Output;

#[derive(Args, Debug)]
pub(crate) struct Env {}

impl Env {
    pub(crate) fn run(&self, target: &Target, output: Output) -> Result<()> {
        let mut variables = vec![
            ("AWS_ENDPOINT_URL", target.endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", target.access_key_id.as_str()),
            ("AWS_SECRET_ACCESS_KEY", target.secret_access_key.as_str()),
            ("AWS_REGION", "us-east-1"),
        ];
        let ca_cert = target.ca_cert.as_ref().map(|ca| std::path::absolute(&ca.path)).transpose()?;
        if let Some(path) = &ca_cert {
            variables.push(("AWS_CA_BUNDLE", path.to_str().context("the path of --ca-cert isn't UTF-8")?));
        }
        if let Some(token) = &target.session_token {
            variables.push(("AWS_SESSION_TOKEN", token));
        }
        let value: serde_json::Map<_, _> =
            variables.iter().map(|&(name, value)| (name.to_owned(), json!(value))).collect();
        output.item(&value, || {
            let line = |(name, value): &(&str, &str)| format!("export {name}='{}'", value.replace('\'', "'\\''"));
            // Another session's token belongs to other keys: with it, S3 tools would send both.
            let last = target.session_token.is_none().then(|| "unset AWS_SESSION_TOKEN".to_owned());
            variables.iter().map(line).chain(last).collect::<Vec<_>>().join("\n")
        })
    }
}
