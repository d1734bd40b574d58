//! `lakebed env`: shell variables that point S3 tools at the server. Owns which they are and how they are quoted, for
//! `lakebed auth session` too.

use std::io::{IsTerminal, Write};

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

/// What a failed `lakebed env` or `lakebed auth session` prints. Its output is evaluated by a shell whose next line is an S3 tool:
/// without this, that line would run with the keys that were there before, perhaps of more rights, or go to Amazon.
const FAILED: &str = "unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN LAKEBED_ENV
export AWS_ENDPOINT_URL='http://lakebed-env-failed.invalid'
false";

/// Has the shell that evaluates this command's output fail too, and use no keys; nothing where the command isn't such a one, or its
/// output is seen by people.
pub(crate) fn fail_shell() {
    let typed: Vec<_> = std::env::args().skip(1).collect();
    if prints_for_shell(&typed) && !std::io::stdout().is_terminal() {
        _ = writeln!(std::io::stdout(), "{FAILED}");
    }
}

fn prints_for_shell(typed: &[String]) -> bool {
    let is_json = typed.iter().any(|word| word == "--json");
    let is_session = typed.windows(2).any(|pair| pair == ["auth", "session"]);
    !is_json && (is_session || typed.iter().any(|word| word == "env"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_are_told_of_failures_by_the_commands_that_they_evaluate() {
        let prints = |typed: &str| prints_for_shell(&typed.split(' ').map(str::to_owned).collect::<Vec<_>>());
        for typed in ["env", "--profile ann env", "auth session --minutes 5", "auth session --on lakebed://trips"] {
            assert!(prints(typed), "{typed}");
        }
        for typed in ["auth users list", "auth session --json", "env --json", "run", "fs ls lakebed://env/main"] {
            assert!(!prints(typed), "{typed}");
        }
    }
}
