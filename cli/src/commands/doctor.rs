//! `lakebed doctor`: checks, one after the other, what a command needs, and says what to do about what is wrong.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use futures::TryStreamExt;
use lakebed_sdk::{Code, Lakebed, Reason};
use serde_json::json;

use crate::connection::{ConnectionArgs, Target};
use crate::exit;
use crate::output::{Output, shown_lines};

#[derive(Args, Debug)]
pub(crate) struct Doctor {}

impl Doctor {
    pub(crate) async fn run(&self, connection: &ConnectionArgs, output: Output) -> Result<ExitCode> {
        let target = match connection.target().await {
            Ok(target) => target,
            // Which profile it is may be the server's to say.
            Err(error) => return refused(output, "settings", &error),
        };
        passed(output, "settings", &format!("access key {} from {}", target.keys.access_key_id, target.source))?;
        let lakebed = match target.connect() {
            Ok(lakebed) => lakebed,
            Err(error) => return refused(output, "settings", &error),
        };
        if let Err(error) = lakebed.health().await {
            failed(output, "server", &unhealthy(&target, &error))?;
            return Ok(ExitCode::from(exit::UNAVAILABLE));
        }
        passed(output, "server", &format!("{} serves", target.server.endpoint))?;
        identity_and_version(&lakebed, &target, output).await
    }
}

async fn identity_and_version(lakebed: &Lakebed, target: &Target, output: Output) -> Result<ExitCode> {
    match lakebed.who_am_i().await {
        Ok(who) => passed(output, "identity", &format!("the server knows you as {}", who.user_name))?,
        Err(error) => return refused(output, "identity", &target.explain(error.into())),
    }
    // A server knows who calls for a while after its metadata service went; what repositories there are it has to ask.
    if let Err(error) = lakebed.list_repositories("").try_next().await
        && error.code == Code::Unavailable
    {
        return refused(output, "metadata", &target.explain(error.into()));
    }
    match lakebed.version().await {
        Ok(server) => passed(output, "version", &compare(&server))?,
        Err(error) if error.code == Code::PermissionDenied => passed(output, "version", "not told to this key")?,
        Err(error) => return refused(output, "version", &target.explain(error.into())),
    }
    Ok(ExitCode::SUCCESS)
}

fn unhealthy(target: &Target, error: &lakebed_sdk::Error) -> String {
    let advice = match (error.reason, target.server.connection_advice(&error.message)) {
        (Reason::MetadataUnavailable, _) => {
            "the server runs, but can't reach its metadata service: see its log".to_owned()
        }
        (_, Some(advice)) => advice,
        _ if error.message.contains("Connection refused") => {
            "nothing listens there: start a server with `lakebed run`, or name another with --endpoint".to_owned()
        }
        (Reason::Unknown, _) => {
            "what answers isn't Lakebed's API: name the address of `lakebed run` or of the API server with --endpoint"
                .to_owned()
        }
        _ => "does a Lakebed server run there? Another: --endpoint".to_owned(),
    };
    format!("{}: {}; {advice}", target.server.endpoint, error.message)
}

fn compare(server: &str) -> String {
    let mine = env!("CARGO_PKG_VERSION");
    if server == mine { format!("both are {mine}") } else { format!("the server is {server}, this command {mine}") }
}

fn passed(output: Output, check: &str, text: &str) -> Result<()> {
    output.item(&json!({ "check": check, "ok": true, "text": text }), || format!("ok   {check}: {}", shown_lines(text)))
}

/// Tells of a check that an error ended, and chooses the exit code: a server may stop serving between two checks.
fn refused(output: Output, check: &str, error: &anyhow::Error) -> Result<ExitCode> {
    failed(output, check, &exit::text(error))?;
    Ok(if exit::is_unavailable(error) { ExitCode::from(exit::UNAVAILABLE) } else { ExitCode::FAILURE })
}

fn failed(output: Output, check: &str, text: &str) -> Result<()> {
    output
        .item(&json!({ "check": check, "ok": false, "text": text }), || format!("FAIL {check}: {}", shown_lines(text)))
}
