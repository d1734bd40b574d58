//! `lakebed auth users …`: users.

use anyhow::Result;
use clap::Subcommand;
use futures::TryStreamExt;
use lakebed_sdk::{GroupName, Lakebed, PolicyHolder, UserName};
use serde_json::json;

use crate::commands::agree;
use crate::output::{Output, shown, shown_list};

#[derive(Subcommand, Debug)]
pub(crate) enum Users {
    /// Make a user, who may nothing until a policy or group says so
    Create {
        /// The new user's name
        user: UserName,
        /// Take the user into this group at once (may be given several times)
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<GroupName>,
    },
    /// List users
    List {
        /// Only those in this group
        #[arg(long, value_name = "GROUP")]
        group: Option<GroupName>,
        /// Only those whose names begin so
        #[arg(long, default_value = "")]
        prefix: String,
    },
    /// Show a user, their groups and their policies
    Show {
        /// The user
        user: UserName,
    },
    /// Delete a user with keys, memberships, attached policies and sessions
    Delete {
        /// The user
        user: UserName,
        /// Don't ask
        #[arg(long, short)]
        yes: bool,
    },
    /// End all sessions of a user; access keys stay
    EndSessions {
        /// The user
        user: UserName,
    },
}

impl Users {
    pub(crate) async fn run(&self, lakebed: &Lakebed, output: Output) -> Result<()> {
        match self {
            Self::Create { user, groups } => {
                // A group that isn't there is told before the user is made.
                for group in groups {
                    lakebed.get_group(group).await?;
                }
                let made = lakebed.create_user(user).await?;
                for group in groups {
                    lakebed.add_member(group, user).await?;
                }
                let value =
                    json!({ "id": made.id, "name": made.name, "created_at": made.created_at, "groups": groups });
                output.item(&value, || format!("Created user {}", shown(made.name.as_str())))
            }
            Self::List { group, prefix } => {
                let mut users = lakebed.list_users(group.as_ref(), prefix);
                while let Some(user) = users.try_next().await? {
                    let value = json!({ "id": user.id, "name": user.name, "created_at": user.created_at });
                    output.item(&value, || format!("{}  {}", user.created_at, shown(user.name.as_str())))?;
                }
                Ok(())
            }
            Self::Show { user } => show(lakebed, output, user).await,
            Self::Delete { user, yes } => {
                agree(*yes, &format!("Deleting user {user}"))?;
                lakebed.delete_user(user).await?;
                output.item(&json!({ "deleted": user }), || format!("Deleted user {}", shown(user.as_str())))
            }
            Self::EndSessions { user } => {
                lakebed.end_sessions(user).await?;
                let text = || format!("Ended all sessions of user {}", shown(user.as_str()));
                output.item(&json!({ "ended_sessions_of": user }), text)
            }
        }
    }
}

async fn show(lakebed: &Lakebed, output: Output, name: &UserName) -> Result<()> {
    let user = lakebed.get_user(name).await?;
    let groups: Vec<_> = lakebed.list_groups(Some(name), "").try_collect().await?;
    let of = PolicyHolder::User(name.clone());
    let policies: Vec<_> = lakebed.list_policies(Some(&of), true, "").try_collect().await?;
    let groups: Vec<_> = groups.into_iter().map(|group| String::from(group.name)).collect();
    let policies: Vec<_> = policies.into_iter().map(|policy| String::from(policy.name)).collect();
    let value = json!({
        "id": user.id, "name": user.name, "created_at": user.created_at, "groups": groups, "policies": policies,
    });
    output.item(&value, || {
        let (name, id, created) = (shown(user.name.as_str()), user.id, user.created_at);
        let (groups, policies) = (shown_list(&groups), shown_list(&policies));
        format!("name      {name}\nid        {id}\ncreated   {created}\ngroups   {groups}\npolicies {policies}")
    })
}
