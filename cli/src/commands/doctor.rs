//! `lakebed doctor`: checks, one after the other, what a command needs, and says what to do about what is wrong.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::connection::{ConnectionArgs, KeySource};
use crate::output::Output;

#[derive(Args, Debug)]
pub(crate) struct Doctor {}

impl Doctor {
    pub(crate) async fn run(&self, connection: &ConnectionArgs, output: Output) -> Result<ExitCode> {
        let target = match connection.target() {
            Ok(target) => target,
            Err(error) => return tell(output, "keys", &Err(format!("{error:#}"))),
        };
        let source = match target.source {
            KeySource::LakebedVariables => "LAKEBED_ACCESS_KEY_ID",
            KeySource::AwsVariables => "AWS_ACCESS_KEY_ID",
            KeySource::Profile => "the profile",
        };
        let mut worst = tell(output, "keys", &Ok(format!("{} from {source}", target.access_key_id)))?;
        let mut check = |name: &str, found: Result<String, String>| -> Result<bool> {
            if found.is_err() {
                worst = ExitCode::FAILURE;
            }
            tell(output, name, &found)?;
            Ok(found.is_ok())
        };
        let lakebed = match target.connect() {
            Ok(lakebed) => lakebed,
            Err(error) => return tell(output, "endpoint", &Err(format!("{error:#}"))),
        };
        let health = lakebed.health().await.map(|()| format!("{} serves", target.endpoint));
        let health = health.map_err(|error| format!("{}: {error}; is the server running there?", target.endpoint));
        if !check("server", health)? {
            return Ok(worst);
        }
        let user = lakebed.who_am_i().await.map(|who| format!("the server knows you as {}", who.user_name));
        if check("identity", user.map_err(|error| error.to_string()))? {
            let version = lakebed.version().await.map_err(|error| error.to_string());
            check("version", version.map(|server| compare(&server)))?;
        }
        Ok(worst)
    }
}

fn compare(server: &str) -> String {
    let mine = env!("CARGO_PKG_VERSION");
    if server == mine { format!("both are {mine}") } else { format!("the server is {server}, this command {mine}") }
}

fn tell(output: Output, name: &str, found: &Result<String, String>) -> Result<ExitCode> {
    let (ok, text) = match found {
        Ok(text) => (true, text),
        Err(text) => (false, text),
    };
    output.item(&json!({ "check": name, "ok": ok, "text": text }), || {
        format!("{} {name}: {text}", if ok { "ok  " } else { "FAIL" })
    })?;
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
