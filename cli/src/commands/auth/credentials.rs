//! `lakebed auth credentials …`: access keys.

use anyhow::Result;
use clap::Subcommand;
use futures::TryStreamExt;
use lakebed_sdk::{Lakebed, UserName};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::commands::agree;
use crate::output::Output;

#[derive(Subcommand, Debug)]
pub(crate) enum Credentials {
    /// Make an access key; the secret is shown this once
    Create {
        /// The user whose key it is [default: you]
        #[arg(long, value_name = "USER")]
        user: Option<UserName>,
    },
    /// List access keys, without secrets
    List {
        /// The user whose keys they are [default: you]
        #[arg(long, value_name = "USER")]
        user: Option<UserName>,
    },
    /// Delete an access key and the sessions that were begun with it
    Delete {
        /// The access key's id
        access_key_id: String,
        /// The user whose key it is [default: you]
        #[arg(long, value_name = "USER")]
        user: Option<UserName>,
        /// Don't ask
        #[arg(long, short)]
        yes: bool,
    },
}

impl Credentials {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        match self {
            Self::Create { user } => {
                let made = lakebed.create_credential(&owner(lakebed, user.as_ref()).await?).await?;
                let secret = made.secret_access_key.expose_secret();
                let value = json!({
                    "access_key_id": made.access_key_id, "secret_access_key": secret, "created_at": made.created_at,
                });
                output
                    .item(&value, || format!("access key id      {}\nsecret access key  {secret}", made.access_key_id))
            }
            Self::List { user } => {
                let mut keys = lakebed.list_credentials(&owner(lakebed, user.as_ref()).await?);
                while let Some(key) = keys.try_next().await? {
                    let value = json!({ "access_key_id": key.access_key_id, "created_at": key.created_at });
                    output.item(&value, || format!("{}  {}", key.created_at, key.access_key_id))?;
                }
                Ok(())
            }
            Self::Delete { access_key_id, user, yes } => {
                agree(*yes, &format!("Deleting access key {access_key_id}"))?;
                lakebed.delete_credential(&owner(lakebed, user.as_ref()).await?, access_key_id).await?;
                output.item(&json!({ "deleted": access_key_id }), || format!("Deleted access key {access_key_id}"))
            }
        }
    }
}

async fn owner(lakebed: &Lakebed, user: Option<&UserName>) -> Result<UserName> {
    match user {
        Some(user) => Ok(user.clone()),
        None => Ok(lakebed.who_am_i().await?.user_name),
    }
}
