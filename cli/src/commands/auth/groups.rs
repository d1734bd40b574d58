//! `lakebed auth groups …`: groups of users.

use anyhow::Result;
use clap::Subcommand;
use futures::TryStreamExt;
use lakebed_sdk::{GroupName, Lakebed, PolicyHolder, UserName};
use serde_json::json;

use crate::commands::agree;
use crate::output::{Output, shown, shown_list};

#[derive(Subcommand, Debug)]
pub(crate) enum Groups {
    /// Make a group
    Create {
        /// The new group's name
        group: GroupName,
    },
    /// List groups
    List {
        /// Only those that this user is in
        #[arg(long, value_name = "USER")]
        user: Option<UserName>,
        /// Only those whose names begin so
        #[arg(long, default_value = "")]
        prefix: String,
    },
    /// Show a group with its users and policies
    Show {
        /// The group
        group: GroupName,
    },
    /// Delete a group; the users and policies that it had stay
    Delete {
        /// The group
        group: GroupName,
        /// Don't ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Take a user into a group
    Add {
        /// The group
        group: GroupName,
        /// The user
        user: UserName,
    },
    /// Take a user out of a group
    Remove {
        /// The group
        group: GroupName,
        /// The user
        user: UserName,
    },
}

impl Groups {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        match self {
            Self::Create { group } => {
                let made = lakebed.create_group(group).await?;
                let value = json!({ "name": made.name, "created_at": made.created_at });
                output.item(&value, || format!("Created group {}", shown(made.name.as_str())))
            }
            Self::List { user, prefix } => {
                let mut groups = lakebed.list_groups(user.as_ref(), prefix);
                while let Some(group) = groups.try_next().await? {
                    let value = json!({ "name": group.name, "created_at": group.created_at });
                    output.item(&value, || format!("{}  {}", group.created_at, shown(group.name.as_str())))?;
                }
                Ok(())
            }
            Self::Show { group } => show(lakebed, output, group).await,
            Self::Delete { group, yes } => {
                agree(*yes, &format!("Deleting group {group}"))?;
                lakebed.delete_group(group).await?;
                output.item(&json!({ "deleted": group }), || format!("Deleted group {}", shown(group.as_str())))
            }
            Self::Add { group, user } => {
                lakebed.add_member(group, user).await?;
                let text = || format!("Added {} to group {}", shown(user.as_str()), shown(group.as_str()));
                output.item(&json!({ "group": group, "added": user }), text)
            }
            Self::Remove { group, user } => {
                lakebed.remove_member(group, user).await?;
                let text = || format!("Removed {} from group {}", shown(user.as_str()), shown(group.as_str()));
                output.item(&json!({ "group": group, "removed": user }), text)
            }
        }
    }
}

async fn show(lakebed: &Lakebed, output: Output, name: &GroupName) -> Result<()> {
    let group = lakebed.get_group(name).await?;
    let users = lakebed.list_users(Some(name), "").map_ok(|user| String::from(user.name));
    let users: Vec<_> = users.try_collect().await?;
    let of = PolicyHolder::Group(name.clone());
    let policies = lakebed.list_policies(Some(&of), false, "").map_ok(|policy| String::from(policy.name));
    let policies: Vec<_> = policies.try_collect().await?;
    let value = json!({ "name": group.name, "created_at": group.created_at, "users": users, "policies": policies });
    output.item(&value, || {
        let name = shown(group.name.as_str());
        let (created, users, policies) = (group.created_at, shown_list(&users), shown_list(&policies));
        format!("name      {name}\ncreated   {created}\nusers    {users}\npolicies {policies}")
    })
}
