//! `lakebed login`: writes a profile, once the server has taken its keys.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use crate::connection::{ConnectionArgs, KeySource, Target};
use crate::output::{Output, shown};
use crate::profile::{self, Profile};

#[derive(Args, Debug)]
pub(crate) struct Login {
    /// The access key's id [default: asked for]
    #[arg(long, value_name = "ID")]
    access_key_id: Option<String>,
}

impl Login {
    /// The secret comes by standard input: arguments show in process lists.
    pub(crate) async fn run(&self, connection: &ConnectionArgs, output: Output) -> Result<()> {
        let name = connection.profile()?;
        let path = profile::path()?;
        let access_key_id = match &self.access_key_id {
            Some(id) => id.clone(),
            None => ask("access key id: ")?,
        };
        let secret_access_key = ask("secret access key: ")?;
        let target = Target {
            endpoint: connection.endpoint(profile::read(&path, &name)?.as_ref()),
            access_key_id,
            secret_access_key,
            session_token: None,
            source: KeySource::Input,
            ca_cert: connection.authorities()?,
        };
        let who = target.connect()?.who_am_i().await.map_err(|error| target.explain(error.into()))?;
        let Target { endpoint, access_key_id, secret_access_key, .. } = target;
        let written = Profile { endpoint, access_key_id, secret_access_key, session_token: None };
        profile::write(&path, &name, &written)?;
        let value = json!({ "profile": name, "endpoint": written.endpoint, "name": who.user_name });
        output.item(&value, || format!("Profile {name}: {} at {}", shown(who.user_name.as_str()), written.endpoint))
    }
}

/// Reads a line; a terminal is asked for it.
fn ask(what: &str) -> Result<String> {
    if io::stdin().is_terminal() {
        write!(io::stderr(), "{what}")?;
    }
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line).context("can't read standard input")?;
    Ok(line.trim().to_owned())
}
