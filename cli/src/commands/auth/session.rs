//! `lakebed auth session`: short-lived keys of one's own, for a tool or a colleague that is to do no more.

use anyhow::{Context, Result};
use clap::Args;
use lakebed_sdk::{Lakebed, Narrowing};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::exit::usage;
use crate::output::Output;
use crate::uri::{RefUri, RepositoryUri};

#[derive(Args, Debug)]
pub(crate) struct BeginSession {
    /// How long it lasts: 15 to 720 minutes
    #[arg(long, default_value_t = 60, value_name = "MINUTES")]
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
}

impl BeginSession {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        let begun = lakebed.begin_session(Some(self.minutes.saturating_mul(60)), self.narrowing()?).await?;
        let (secret, token) = (begun.secret_access_key.expose_secret(), begun.session_token.expose_secret());
        let value = json!({
            "access_key_id": begun.access_key_id,
            "secret_access_key": secret,
            "session_token": token,
            "bearer_token": begun.bearer_token.expose_secret(),
            "expires_at": begun.expires_at,
        });
        output.item(&value, || {
            format!(
                "export AWS_ACCESS_KEY_ID='{}'\nexport AWS_SECRET_ACCESS_KEY='{secret}'\n\
                 export AWS_SESSION_TOKEN='{token}'\n# until {}",
                begun.access_key_id, begun.expires_at
            )
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
