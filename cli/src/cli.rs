//! The command line: every command and its options. Owns names and help; each command's own file carries it out.

use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use lakebed_sdk::Replay;

use crate::commands::{
    auth, branch, commit, completion, diff, doctor, env, fs, fsck, import, job, log, login, merge, merge_base, presign,
    rebase, reflog, refs, replay, repo, show, tag, whoami,
};
use crate::connection::{ConnectionArgs, Target};
use crate::output::Output;
use crate::server::{self, ServerArgs};

/// Git for data lakes on object storage
///
/// Exit codes: 0 done, 1 failed, 2 wrong usage, 3 merge conflicts, 4 not found, 5 the server can't be reached or is
/// unavailable: try again, 130 interrupted.
#[derive(Parser, Debug)]
#[command(name = "lakebed", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    connection: ConnectionArgs,

    /// Print results as JSON, one value a line
    #[arg(long, global = true, help_heading = "Global options")]
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
    #[command(flatten)]
    Client(Client),
    /// Check a repository's files and data objects: hashes, sizes, order
    Fsck(fsck::Fsck),
    /// Write a profile, once the server has taken its keys
    ///
    /// Asks for the access key's id and secret, or reads them as lines of standard input. `--profile` names the profile.
    Login(login::Login),
    /// Print shell variables that point S3 tools at the server
    Env(env::Env),
    /// Sign a URL by which anybody reads or writes one object for a while
    ///
    /// It is signed here, with the keys that other commands use, and does no more than they may.
    Presign(presign::Presign),
    /// Check profile, keys and server
    Doctor(doctor::Doctor),
    /// Print a shell's completion script
    Completion(completion::Completion),
}

/// Commands that ask a server.
#[derive(Subcommand, Debug)]
enum Client {
    /// Make, list, show, set and delete repositories
    #[command(subcommand)]
    Repo(repo::Repo),
    /// Make, list, show, protect, reset, delete and undelete branches
    #[command(subcommand)]
    Branch(branch::Branch),
    /// Commit what is uncommitted on a branch
    Commit(commit::Commit),
    /// List the commits that a ref reaches
    Log(log::Log),
    /// List where a branch's head was: every commit, merge, reset, deletion and other move
    ///
    /// `branch@{N}` names the N-th of them, from 0 on, in every command that takes a ref.
    Reflog(reflog::Reflog),
    /// Show a commit and what it changed
    Show(show::Show),
    /// Compare two refs, or a branch with what is uncommitted on it
    Diff(diff::Diff),
    /// Merge a ref into a branch
    Merge(merge::Merge),
    /// Find the commit from which two refs went apart
    MergeBase(merge_base::MergeBase),
    /// Make a commit that takes another commit's change back
    Revert(replay::ReplayArgs),
    /// Make a commit with another commit's change, message and metadata
    CherryPick(replay::ReplayArgs),
    /// Make a branch's own commits anew onto another ref
    ///
    /// All of them or none: with the first conflict, nothing is changed. Commits that bring nothing new are left out;
    /// merges become plain commits.
    Rebase(rebase::Rebase),
    /// List, show, wait for and cancel what goes on at the server by itself
    #[command(subcommand)]
    Job(job::Job),
    /// Take objects into a branch where they lie
    ///
    /// One commit, and no byte is copied. What is imported takes the place of what is at its path, all else stays. The
    /// import is a job of the server: it goes on when this command is left.
    Import(import::Import),
    /// Write a repository's refs down in its storage namespace, and make them anew from there
    #[command(subcommand)]
    Refs(refs::Refs),
    /// Make, list, show and delete tags
    #[command(subcommand)]
    Tag(tag::Tag),
    /// List, read and write objects
    #[command(subcommand)]
    Fs(fs::Fs),
    /// Say who may what: users, groups, policies, access keys, sessions
    #[command(subcommand)]
    Auth(auth::Auth),
    /// Print whom the server sees
    Whoami(whoami::WhoAmI),
}

impl Cli {
    /// Reads the process's command line; ends the process if it is wrong or asks for help.
    pub(crate) fn read() -> Self {
        let mut command = command();
        command.build();
        let matches = with_usage_of_help(command).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Carries out the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let output = Output::new(self.json);
        match self.command {
            Command::Run(args) => server::run_all(*args, output).await?,
            Command::MetadataServer(args) => server::run_metadata_server(*args, output).await?,
            Command::ApiServer(args) => server::run_api_server(*args, output).await?,
            Command::S3Gateway(args) => server::run_s3_gateway(*args, output).await?,
            Command::Client(client) => {
                let target = self.connection.target().await?;
                return client.run(&target, output).await.map_err(|error| target.explain(error));
            }
            Command::Fsck(command) => return command.run(&self.connection, output).await,
            Command::Login(command) => command.run(&self.connection, output).await?,
            Command::Env(command) => command.run(&self.connection.target().await?, output).await?,
            Command::Presign(command) => command.run(&self.connection.target().await?, output).await?,
            Command::Doctor(command) => return command.run(&self.connection, output).await,
            Command::Completion(command) => command.run(output)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Client {
    async fn run(self, target: &Target, output: Output) -> Result<ExitCode> {
        let lakebed = &target.connect()?;
        match self {
            Self::Repo(command) => command.run(lakebed, output).await?,
            Self::Branch(command) => command.run(lakebed, output).await?,
            Self::Commit(command) => command.run(lakebed, output).await?,
            Self::Log(command) => command.run(lakebed, output).await?,
            Self::Reflog(command) => command.run(lakebed, output).await?,
            Self::Show(command) => command.run(lakebed, output).await?,
            Self::Diff(command) => command.run(lakebed, output).await?,
            Self::Merge(command) => return command.run(lakebed, output).await,
            Self::MergeBase(command) => command.run(lakebed, output).await?,
            Self::Revert(command) => return command.run(Replay::Revert, lakebed, output).await,
            Self::CherryPick(command) => return command.run(Replay::CherryPick, lakebed, output).await,
            Self::Rebase(command) => return command.run(lakebed, output).await,
            Self::Job(command) => return command.run(lakebed, output).await,
            Self::Import(command) => command.run(lakebed, output).await?,
            Self::Refs(command) => command.run(lakebed, output).await?,
            Self::Tag(command) => command.run(lakebed, output).await?,
            Self::Fs(command) => command.run(lakebed, output).await?,
            Self::Auth(command) => command.run(target, lakebed, output).await?,
            Self::Whoami(command) => command.run(lakebed, output).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The whole command line, for parsing, completion and the reference in `docs/cli.md`.
pub fn command() -> clap::Command {
    without_values(Cli::command())
}

/// Help names environment variables and leaves out what they hold: it isn't help's to print, and would differ from one
/// machine to the next.
fn without_values(command: clap::Command) -> clap::Command {
    command.mut_args(|arg| arg.hide_env_values(true)).mut_subcommands(without_values)
}

/// Has errors show the usage as help has it. clap's own names the options that are set, among them `--endpoint` of
/// `LAKEBED_ENDPOINT`, which nobody typed.
fn with_usage_of_help(mut command: clap::Command) -> clap::Command {
    let usage = command.render_usage().to_string();
    let usage = usage.trim_start_matches("Usage:").trim_start().to_owned();
    command.override_usage(usage).mut_subcommands(with_usage_of_help)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_well_formed() {
        super::command().debug_assert();
    }

    #[test]
    fn a_usage_line_names_no_option_that_wasn_t_asked_for() {
        let mut command = super::command();
        command.build();
        let typed = ["lakebed", "branch", "create", "--endpoint", "http://127.0.0.1:1", "lakebed://trips/fix"];
        let error = super::with_usage_of_help(command).try_get_matches_from(typed).unwrap_err().to_string();
        assert!(error.contains("Usage: lakebed branch create [OPTIONS] --source <REF> <BRANCH>"), "{error}");
        assert!(!error.contains("--endpoint"), "{error}");
    }
}
