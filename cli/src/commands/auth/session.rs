//! `lakebed auth session`: short-lived keys of one's own, for a tool or a colleague that is to do no more.

use anyhow::{Context, Result};
use clap::Args;
use lakebed_sdk::{Lakebed, Narrowing};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::commands::env::{self, Variables};
use crate::commands::s3_endpoint::S3EndpointArgs;
use crate::connection::{KeySource, Keys, Target};
use crate::exit::usage;
use crate::output::Output;
use crate::uri::{RefUri, RepositoryUri};

#[derive(Args, Debug)]
pub(crate) struct BeginSession {
    /// How long the session lasts: 15 to 720 minutes
    #[arg(long, default_value_t = 60, value_name = "MINUTES", value_parser = minutes)]
    minutes: u64,
    /// Only for objects of this repository or ref: lakebed://repository or lakebed://repository/ref
    #[arg(long, value_name = "URI")]
    on: Option<String>,
    /// Only for objects whose paths begin so
    #[arg(long, requires = "on", default_value = "", value_name = "PREFIX")]
    prefix: String,
    /// Only for reading
    #[arg(long, requires = "on")]
    read_only: bool,
    /// Only for what the policy document in this file allows
    #[arg(long, value_name = "FILE", conflicts_with = "on")]
    policy: Option<String>,
    #[command(flatten)]
    s3: S3EndpointArgs,
}

impl BeginSession {
    pub(crate) async fn run(&self, target: &Target, lakebed: &Lakebed, output: Output) -> Result<()> {
        let s3_endpoint = self.s3.find(target).await?;
        let begun = lakebed.begin_session(Some(self.minutes * 60), self.narrowing()?).await?;
        let keys = Keys {
            access_key_id: begun.access_key_id,
            secret_access_key: begun.secret_access_key.expose_secret().to_owned(),
            session_token: Some(begun.session_token.expose_secret().to_owned()),
        };
        let value = json!({
            "endpoint": target.server.endpoint,
            "s3_endpoint": s3_endpoint,
            "access_key_id": keys.access_key_id,
            "secret_access_key": keys.secret_access_key,
            "session_token": keys.session_token,
            "bearer_token": begun.bearer_token.expose_secret(),
            "expires_at": begun.expires_at,
        });
        let variables = Variables::new(&target.server, &s3_endpoint, &keys)?;
        output.item(&value, || {
            let back = match &target.source {
                KeySource::Profile(name) => format!("\n# back to your own keys: {}", env::of_profile(name)),
                _ => String::new(),
            };
            format!("{}\n# until {}{back}", variables.exports(), begun.expires_at)
        })
    }

    fn narrowing(&self) -> Result<Option<Narrowing>> {
        if let Some(file) = &self.policy {
            let document = std::fs::read_to_string(file).with_context(|| format!("can't read {file}"))?;
            return Ok(Some(Narrowing::Policy(document)));
        }
        let Some(on) = &self.on else { return Ok(None) };
        let (repository, reference) = match (on.parse::<RepositoryUri>(), on.parse::<RefUri>()) {
            (Ok(uri), _) => (uri.repository, None),
            (_, Ok(uri)) => (uri.repository, Some(uri.reference)),
            (_, Err(_)) => usage!("--on {on}: expected lakebed://repository or lakebed://repository/ref"),
        };
        let (prefix, read_only) = (self.prefix.clone(), self.read_only);
        Ok(Some(Narrowing::Objects { repository, reference, prefix, read_only }))
    }
}

fn minutes(text: &str) -> Result<u64, String> {
    let number = text.parse().map_err(|_| "expected a number of minutes".to_owned())?;
    match number {
        15..=720 => Ok(number),
        _ => Err("a session lasts 15 to 720 minutes".to_owned()),
    }
}
