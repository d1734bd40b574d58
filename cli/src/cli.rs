//! The command line: every command and its options. Owns names and help; each command's own file carries it out.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::commands::{branch, commit, completion, diff, doctor, env, fs, log, merge, repo, show, tag};
use crate::connection::ConnectionArgs;
use crate::output::Output;
use crate::server::{self, ServerArgs};

/// Git for data lakes on object storage
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 merge conflicts, 4 not found, 5 the server can't be reached or is
/// unavailable: try again.
#[derive(Parser, Debug)]
#[command(name = "lakebed", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    connection: ConnectionArgs,

    /// Print results as JSON, one value a line
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Serve everything on one port, in one process
    Run(Box<ServerArgs>),
    /// Serve the metadata service alone
    MetadataServer(Box<ServerArgs>),
    /// Serve the API alone
    ApiServer(Box<ServerArgs>),
    /// Serve S3 alone
    S3Gateway(Box<ServerArgs>),
    /// Make, list, show and delete repositories
    #[command(subcommand)]
    Repo(repo::Repo),
    /// Make, list, show, reset and delete branches
    #[command(subcommand)]
    Branch(branch::Branch),
    /// Commit what is uncommitted on a branch
    Commit(commit::Commit),
    /// List the commits that a ref reaches
    Log(log::Log),
    /// Show a commit and what it changed
    Show(show::Show),
    /// Compare two refs, or a branch with what is uncommitted on it
    Diff(diff::Diff),
    /// Merge a ref into a branch
    Merge(merge::Merge),
    /// Make, list, show and delete tags
    #[command(subcommand)]
    Tag(tag::Tag),
    /// List, read and write objects
    #[command(subcommand)]
    Fs(fs::Fs),
    /// Print shell variables that point S3 tools at the server
    Env(env::Env),
    /// Check profile, keys and server
    Doctor(doctor::Doctor),
    /// Print a shell's completion script
    Completion(completion::Completion),
}

impl Cli {
    /// Carries out the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let (connection, output) = (&self.connection, Output::new(self.json));
        match self.command {
            Command::Run(args) => server::run_all(*args).await?,
            Command::MetadataServer(args) => server::run_metadata_server(*args).await?,
            Command::ApiServer(args) => server::run_api_server(*args).await?,
            Command::S3Gateway(args) => server::run_s3_gateway(*args).await?,
            Command::Repo(command) => command.run(&connection.connect()?, output).await?,
            Command::Branch(command) => command.run(&connection.connect()?, output).await?,
            Command::Commit(command) => command.run(&connection.connect()?, output).await?,
            Command::Log(command) => command.run(&connection.connect()?, output).await?,
            Command::Show(command) => command.run(&connection.connect()?, output).await?,
            Command::Diff(command) => command.run(&connection.connect()?, output).await?,
            Command::Merge(command) => return command.run(&connection.connect()?, output).await,
            Command::Tag(command) => command.run(&connection.connect()?, output).await?,
            Command::Fs(command) => command.run(&connection.connect()?, output).await?,
            Command::Env(command) => command.run(&connection.target()?, output)?,
            Command::Doctor(command) => return command.run(connection, output).await,
            Command::Completion(command) => command.run(output)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
