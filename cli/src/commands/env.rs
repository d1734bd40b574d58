//! `lakebed env`: shell variables that point S3 tools at the server. Owns which they are and how they are quoted, for
//! `lakebed auth session` too.

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Map, Value, json};

use super::s3_endpoint::S3EndpointArgs;
use crate::connection::{ENV_MARK, Keys, Server, Target};
use crate::output::Output;

#[derive(Args, Debug)]
pub(crate) struct Env {
    #[command(flatten)]
    s3: S3EndpointArgs,
}

impl Env {
    pub(crate) async fn run(&self, target: &Target, output: Output) -> Result<()> {
        let variables = Variables::new(&target.server, &self.s3.find(target).await?, &target.keys)?;
        output.item(&variables.json(), || variables.exports())
    }
}

/// The command that has a shell use a profile's keys.
pub(crate) fn of_profile(name: &str) -> String {
    format!("eval \"$(lakebed --profile {name} env)\"")
}

/// Variables for S3 tools, and the mark by which `lakebed` knows that they are for its server.
pub(crate) struct Variables {
    set: Vec<(&'static str, String)>,
    /// Another session's token belongs to other keys: with it, S3 tools would send both.
    unset: &'static [&'static str],
}

impl Variables {
    pub(crate) fn new(server: &Server, s3_endpoint: &str, keys: &Keys) -> Result<Self> {
        let mut set = vec![
            ("AWS_ENDPOINT_URL", s3_endpoint.to_owned()),
            ("AWS_ACCESS_KEY_ID", keys.access_key_id.clone()),
            ("AWS_SECRET_ACCESS_KEY", keys.secret_access_key.clone()),
            // Botocore reads the second of them alone.
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
            (ENV_MARK, format!("{}@{}", keys.access_key_id, server.endpoint)),
        ];
        if let Some(ca) = &server.ca_cert {
            let path = std::path::absolute(&ca.path)?;
            set.push(("AWS_CA_BUNDLE", path.to_str().context("the path of --ca-cert isn't UTF-8")?.to_owned()));
        }
        let unset: &[_] = if keys.session_token.is_none() { &["AWS_SESSION_TOKEN"] } else { &[] };
        set.extend(keys.session_token.clone().map(|token| ("AWS_SESSION_TOKEN", token)));
        Ok(Self { set, unset })
    }

    fn json(&self) -> Map<String, Value> {
        self.set.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
    }

    /// Lines for a shell.
    pub(crate) fn exports(&self) -> String {
        let set = self.set.iter().map(|(name, value)| format!("export {name}='{}'", value.replace('\'', "'\\''")));
        let unset = self.unset.iter().map(|name| format!("unset {name}"));
        set.chain(unset).collect::<Vec<_>>().join("\n")
    }
}
