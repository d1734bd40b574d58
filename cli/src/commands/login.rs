//! `lakebed login`: writes a profile, once the server has taken its keys, or has given them for a token.

use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use lakebed_sdk::Credentials;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::connection::{ConnectionArgs, KeySource, Target};
use crate::output::{Output, shown};
use crate::profile::{self, Profile};

/// How long the keys last that a token is exchanged for: as long as keys of sessions may.
const EXCHANGED_SECONDS: u64 = 12 * 60 * 60;

#[derive(Args, Debug)]
pub(crate) struct Login {
    /// The access key's id [default: asked for]
    #[arg(long, value_name = "ID")]
    access_key_id: Option<String>,
    /// Log in with a token of the identity provider that the server trusts, in this file or on standard input (`-`): the
    /// profile gets keys that last 12 hours
    #[arg(long, value_name = "FILE", conflicts_with = "access_key_id")]
    token: Option<PathBuf>,
}

impl Login {
    /// The secret comes by standard input: arguments show in process lists.
    pub(crate) async fn run(&self, connection: &ConnectionArgs, output: Output) -> Result<()> {
        let name = connection.profile()?;
        let path = profile::path()?;
        let endpoint = connection.endpoint(profile::read(&path, &name)?.as_ref());
        let target = match &self.token {
            Some(file) => exchange(connection, endpoint, read_token(file)?).await?,
            None => self.ask_for_key(connection, endpoint)?,
        };
        let who = target.connect()?.who_am_i().await.map_err(|error| target.explain(error.into()))?;
        let Target { endpoint, access_key_id, secret_access_key, session_token, .. } = target;
        let written = Profile { endpoint, access_key_id, secret_access_key, session_token };
        profile::write(&path, &name, &written)?;
        let value = json!({ "profile": name, "endpoint": written.endpoint, "name": who.user_name });
        output.item(&value, || format!("Profile {name}: {} at {}", shown(who.user_name.as_str()), written.endpoint))
    }

    fn ask_for_key(&self, connection: &ConnectionArgs, endpoint: String) -> Result<Target> {
        let access_key_id = match &self.access_key_id {
            Some(id) => id.clone(),
            None => ask("access key id: ")?,
        };
        let secret_access_key = ask("secret access key: ")?;
        let (session_token, source) = (None, KeySource::Input);
        let ca_cert = connection.authorities()?;
        Ok(Target { endpoint, access_key_id, secret_access_key, session_token, source, ca_cert })
    }
}

fn read_token(file: &Path) -> Result<SecretString> {
    let text = match file.as_os_str() == "-" {
        true => io::read_to_string(io::stdin()).context("can't read standard input")?,
        false => fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?,
    };
    Ok(text.trim().into())
}

/// Exchanges a token for keys.
async fn exchange(connection: &ConnectionArgs, endpoint: String, token: SecretString) -> Result<Target> {
    let (ca_cert, source) = (connection.authorities()?, KeySource::Token);
    let (access_key_id, secret_access_key) = (String::new(), String::new());
    let target = Target { endpoint, access_key_id, secret_access_key, session_token: None, source, ca_cert };
    let begun = target.connect_with(&Credentials::bearer(token))?.begin_session(Some(EXCHANGED_SECONDS), None).await;
    let begun = begun.map_err(|error| target.explain(error.into()))?;
    Ok(Target {
        access_key_id: begun.access_key_id,
        secret_access_key: begun.secret_access_key.expose_secret().to_owned(),
        session_token: Some(begun.session_token.expose_secret().to_owned()),
        ..target
    })
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
