//! `lakebed login`: writes a profile, once the server has taken its keys, or has given them for a token.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use lakebed_sdk::{Credentials, Reason};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::connection::{ConnectionArgs, KeySource, Keys, Server, Target};
use crate::exit::usage;
use crate::output::{Output, shown, warn};
use crate::profile::{self, Kept, Profile};
use crate::prompt::{ask, ask_secret};
use crate::transfer::until_interrupted;

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
    pub(crate) async fn run(&self, connection: &ConnectionArgs, output: Output) -> Result<()> {
        match self.token {
            // A file is read in one go, and a signal ends the command as it ends any.
            Some(_) => self.log_in(connection, output).await,
            None => until_interrupted(self.log_in(connection, output), || "not logged in".to_owned()).await,
        }
    }

    /// The secret comes by standard input: arguments show in process lists.
    async fn log_in(&self, connection: &ConnectionArgs, output: Output) -> Result<()> {
        let path = profile::path()?;
        let server = connection.server_to_log_in(&profile::read(&path)?)?;
        let target = match &self.token {
            Some(file) => exchange(server, read_token(file)?).await?,
            None => Target { server, keys: self.ask_for_key().await?, source: KeySource::Input },
        };
        let lakebed = target.connect()?;
        let explained = |error: lakebed_sdk::Error| target.explain(error.into());
        let who = lakebed.who_am_i().await.map_err(explained)?;
        let installation = lakebed.health().await.map_err(explained)?.installation;
        let Keys { access_key_id, secret_access_key, session_token } = target.keys;
        let endpoint = target.server.endpoint;
        let installation = Some(installation).filter(|id| !id.is_empty());
        let written =
            Profile { endpoint: endpoint.clone(), installation, access_key_id, secret_access_key, session_token };
        let (name, kept) = profile::write(&path, connection.profile()?.as_deref(), written)?;
        if let Some(Kept { name: kept, access_key_id }) = kept {
            warn(&format!("Key {access_key_id}, which profile {name} held, is now in profile {kept}."));
        }
        let value = json!({ "profile": name, "endpoint": endpoint, "name": who.user_name });
        output.item(&value, || format!("Profile {name}: {} at {endpoint}", shown(who.user_name.as_str())))
    }

    async fn ask_for_key(&self) -> Result<Keys> {
        let access_key_id = match &self.access_key_id {
            Some(id) => id.clone(),
            None => ask("access key id: ").await?,
        };
        check_given("access key id", &access_key_id)?;
        let secret_access_key = ask_secret("secret access key: ").await?;
        check_given("secret access key", &secret_access_key)?;
        if let Err(why) = auth::check_credentials(&access_key_id, &secret_access_key.as_str().into()) {
            usage!("that is no key of Lakebed: {why}");
        }
        Ok(Keys { access_key_id, secret_access_key, session_token: None })
    }
}

fn check_given(what: &str, text: &str) -> Result<()> {
    if text.is_empty() {
        usage!("no {what} was given: give the access key's id and secret as two lines, or as answers on a terminal");
    }
    Ok(())
}

fn read_token(file: &Path) -> Result<SecretString> {
    let text = match file.as_os_str() == "-" {
        true => io::read_to_string(io::stdin()).context("can't read standard input")?,
        false => fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?,
    };
    Ok(text.trim().into())
}

/// Exchanges a token for keys.
async fn exchange(server: Server, token: SecretString) -> Result<Target> {
    server.check_private()?;
    let begun = server.connect(&Credentials::bearer(token))?.begin_session(Some(EXCHANGED_SECONDS), None).await;
    let begun = begun.map_err(|error| match error.reason {
        Reason::Unauthenticated => {
            anyhow::Error::from(error).context(format!("{} doesn't take the token", server.endpoint))
        }
        _ => server.explain(error.into()),
    })?;
    let keys = Keys {
        access_key_id: begun.access_key_id,
        secret_access_key: begun.secret_access_key.expose_secret().to_owned(),
        session_token: Some(begun.session_token.expose_secret().to_owned()),
    };
    Ok(Target { server, keys, source: KeySource::Token })
}
