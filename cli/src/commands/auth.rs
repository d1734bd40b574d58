//! `lakebed auth …`: who may what.

mod credentials;
mod groups;
mod policies;
mod session;
mod users;

use anyhow::Result;
use clap::Subcommand;
use lakebed_sdk::Lakebed;

use crate::connection::Target;
use crate::output::Output;

#[derive(Subcommand, Debug)]
pub(crate) enum Auth {
    /// Make, list, show and delete users
    #[command(subcommand)]
    Users(users::Users),
    /// Make, list, show and delete groups, and say who is in them
    #[command(subcommand)]
    Groups(groups::Groups),
    /// Make, list, show, change and delete policies, and say whom they are attached to
    #[command(subcommand)]
    Policies(policies::Policies),
    /// Make, list and delete access keys
    #[command(subcommand)]
    Credentials(credentials::Credentials),
    /// Begin a session of your own, narrowed if you like, and print its keys as shell variables
    Session(session::BeginSession),
}

impl Auth {
    pub(crate) async fn run(&self, target: &Target, lakebed: &Lakebed, output: Output) -> Result<()> {
        if self.is_told_secrets() {
            target.server.check_private()?;
        }
        match self {
            Self::Users(command) => command.run(lakebed, output).await,
            Self::Groups(command) => command.run(lakebed, output).await,
            Self::Policies(command) => command.run(lakebed, output).await,
            Self::Credentials(command) => command.run(lakebed, output).await,
            Self::Session(command) => command.run(target, lakebed, output).await,
        }
    }

    /// Returns whether the server answers with a new key's secret.
    fn is_told_secrets(&self) -> bool {
        matches!(self, Self::Session(_) | Self::Credentials(credentials::Credentials::Create { .. }))
    }
}
