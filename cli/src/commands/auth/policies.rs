//! `lakebed auth policies …`: what is allowed and what is denied.

use std::fs;
use std::io::{self, Read};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use futures::TryStreamExt;
use lakebed_sdk::{GroupName, Lakebed, Policy, PolicyHolder, PolicyName, UserName};
use serde_json::{Value, json};

use crate::commands::agree;
use crate::output::{Output, shown, shown_json};

#[derive(Subcommand, Debug)]
pub(crate) enum Policies {
    /// Make a policy
    Create {
        /// The new policy's name
        policy: PolicyName,
        /// The file with the policy's JSON; - is standard input
        #[arg(long, value_name = "FILE")]
        document: String,
    },
    /// Give a policy another document
    Update {
        /// The policy
        policy: PolicyName,
        /// The file with the policy's JSON; - is standard input
        #[arg(long, value_name = "FILE")]
        document: String,
    },
    /// List policies
    List {
        #[command(flatten)]
        holder: MaybeHolder,
        /// List those of the user's groups too
        #[arg(long, requires = "user")]
        effective: bool,
        /// Only those whose names begin so
        #[arg(long, default_value = "")]
        prefix: String,
    },
    /// Print a policy's document
    Show {
        /// The policy
        policy: PolicyName,
    },
    /// Delete a policy and take it from all who hold it
    Delete {
        /// The policy
        policy: PolicyName,
        /// Don't ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Attach a policy to a user or group
    Attach {
        /// The policy
        policy: PolicyName,
        #[command(flatten)]
        holder: Holder,
    },
    /// Detach a policy from a user or group
    Detach {
        /// The policy
        policy: PolicyName,
        #[command(flatten)]
        holder: Holder,
    },
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(crate) struct Holder {
    /// The user who holds the policy
    #[arg(long, value_name = "USER")]
    user: Option<UserName>,
    /// The group that holds the policy
    #[arg(long, value_name = "GROUP")]
    group: Option<GroupName>,
}

#[derive(Args, Debug)]
#[group(multiple = false)]
pub(crate) struct MaybeHolder {
    /// Only those that are attached to this user
    #[arg(long, value_name = "USER")]
    user: Option<UserName>,
    /// Only those that are attached to this group
    #[arg(long, value_name = "GROUP")]
    group: Option<GroupName>,
}

fn holder(user: Option<&UserName>, group: Option<&GroupName>) -> Option<PolicyHolder> {
    let user = user.cloned().map(PolicyHolder::User);
    user.or_else(|| group.cloned().map(PolicyHolder::Group))
}

impl Holder {
    fn policy_holder(&self) -> PolicyHolder {
        holder(self.user.as_ref(), self.group.as_ref()).expect("because one of both is required")
    }
}

impl Policies {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        match self {
            Self::Create { policy, document } => {
                let made = lakebed.create_policy(policy, &read(document)?).await?;
                output.item(&value(&made), || format!("Created policy {}", shown(made.name.as_str())))
            }
            Self::Update { policy, document } => {
                let updated = lakebed.update_policy(policy, &read(document)?).await?;
                output.item(&value(&updated), || format!("Updated policy {}", shown(updated.name.as_str())))
            }
            Self::List { holder: of, effective, prefix } => {
                let of = holder(of.user.as_ref(), of.group.as_ref());
                let mut policies = lakebed.list_policies(of.as_ref(), *effective, prefix);
                while let Some(policy) = policies.try_next().await? {
                    let text = || format!("{}  {}", policy.created_at, shown(policy.name.as_str()));
                    output.item(&value(&policy), text)?;
                }
                Ok(())
            }
            Self::Show { policy } => {
                let found = lakebed.get_policy(policy).await?;
                let document = document(&found);
                output.item(&value(&found), || {
                    shown_json(&serde_json::to_string_pretty(&document).unwrap_or(found.document.clone()))
                })
            }
            Self::Delete { policy, yes } => {
                agree(*yes, &format!("Deleting policy {policy}"))?;
                lakebed.delete_policy(policy).await?;
                output.item(&json!({ "deleted": policy }), || format!("Deleted policy {}", shown(policy.as_str())))
            }
            Self::Attach { policy, holder } => {
                let holder = holder.policy_holder();
                lakebed.attach_policy(policy, &holder).await?;
                let value = json!({ "policy": policy, "attached": holder.to_string() });
                let text = || format!("Attached policy {} to {}", shown(policy.as_str()), shown(&holder.to_string()));
                output.item(&value, text)
            }
            Self::Detach { policy, holder } => {
                let holder = holder.policy_holder();
                lakebed.detach_policy(policy, &holder).await?;
                let value = json!({ "policy": policy, "detached": holder.to_string() });
                let text = || format!("Detached policy {} from {}", shown(policy.as_str()), shown(&holder.to_string()));
                output.item(&value, text)
            }
        }
    }
}

fn read(file: &str) -> Result<String> {
    if file == "-" {
        let mut text = String::new();
        io::stdin().lock().read_to_string(&mut text).context("can't read standard input")?;
        return Ok(text);
    }
    fs::read_to_string(file).with_context(|| format!("can't read {file}"))
}

fn value(policy: &Policy) -> Value {
    json!({ "name": policy.name, "created_at": policy.created_at, "document": document(policy) })
}

fn document(policy: &Policy) -> Value {
    serde_json::from_str(&policy.document).unwrap_or_else(|_| Value::String(policy.document.clone()))
}
