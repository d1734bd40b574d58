//! `lakebed env`: shell variables that point S3 tools at the server.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::connection::Target;
use crate::output::Output;

#[derive(Args, Debug)]
pub(crate) struct Env {}

impl Env {
    pub(crate) fn run(&self, target: &Target, output: Output) -> Result<()> {
        let variables = [
            ("AWS_ENDPOINT_URL", target.endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", &target.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", &target.secret_access_key),
            ("AWS_REGION", "us-east-1"),
        ];
        let value: serde_json::Map<_, _> =
            variables.iter().map(|&(name, value)| (name.to_owned(), json!(value))).collect();
        output.item(&value, || {
            variables.map(|(name, value)| format!("export {name}='{}'", value.replace('\'', "'\\''"))).join("\n")
        })
    }
}
