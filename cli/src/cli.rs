//! The command line: every command and its options. Owns names and help; each command's own file carries it out.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::error::{ContextKind, ContextValue};
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
/// unavailable: try again, 128 and a signal's number if interrupted by it (130 by Ctrl-C).
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
    ///
    /// Commits and trees are read whole and their hashes verified. How far data objects are checked, uncommitted ones too,
    /// says `--data`. Exit code 1 if anything is missing, wrong or can't be read.
    Fsck(fsck::Fsck),
    /// Log in: write keys into a profile, once the server has taken them
    ///
    /// Asks for the access key's id and secret, or reads them as lines of standard input. `--profile` names the profile.
    Login(login::Login),
    /// Print shell variables that point S3 tools at the server
    Env(env::Env),
    /// Sign a URL by which anybody reads or writes one object for a while
    ///
    /// The URL is signed here, with the keys that other commands use, and does no more than these may.
    Presign(presign::Presign),
    /// Check profile, keys and server
    ///
    /// Exit code 5 if the server can't be reached or can't serve, 1 if another check fails.
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
    /// `branch@{N}` names the N-th move, from 0 on, in every command that takes a ref.
    Reflog(reflog::Reflog),
    /// Show a commit and its changes
    Show(show::Show),
    /// Compare two refs, or show what is uncommitted on a branch
    ///
    /// Each line is a path after a sign: + added, - removed, ~ changed, ! conflict (with --three-dot), * a folder in which
    /// something differs (with --folders).
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
    /// Its own are those that the other ref doesn't have. All are made anew or none: a conflict changes nothing. Commits that
    /// bring nothing new are left out; merges become plain commits. The reflog has the branch's old head.
    Rebase(rebase::Rebase),
    /// List, show, wait for and cancel what goes on at the server by itself
    #[command(subcommand)]
    Job(job::Job),
    /// Take objects into a branch where they lie
    ///
    /// One commit, and no byte is copied. An imported object takes the place of one at the same path, all else stays. The
    /// import is a job of the server: the job goes on when this command is left.
    Import(import::Import),
    /// Dump a repository's branches, tags and commits into the storage namespace, and restore them from there
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
        let mut command = with_usage_of_help(command);
        let typed: Vec<_> = std::env::args_os().collect();
        let matches = command.try_get_matches_from_mut(&typed);
        let matches = matches.unwrap_or_else(|error| with_variable(error, &command, &typed).exit());
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

/// Has an error name the environment variable that a wrong value came from: clap names the option, which nobody typed.
fn with_variable(mut error: clap::Error, command: &clap::Command, typed: &[OsString]) -> clap::Error {
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else { return error };
    let flag = option.split([' ', '=', '[']).next().unwrap_or_default();
    let is_typed = |arg: &OsString| arg.to_string_lossy().split('=').next() == Some(flag);
    let Some(name) = flag.strip_prefix("--").filter(|_| !typed.iter().any(is_typed)) else { return error };
    if let Some(variable) = variable_of(command, name) {
        let named = format!("{variable} ({option})");
        error.insert(ContextKind::InvalidArg, ContextValue::String(named));
    }
    error
}

/// The environment variable of an option, whichever command has it.
fn variable_of(command: &clap::Command, option: &str) -> Option<String> {
    let mine = command.get_arguments().find(|arg| arg.get_long() == Some(option)).and_then(clap::Arg::get_env);
    let mine = mine.map(|name| name.to_string_lossy().into_owned());
    mine.or_else(|| command.get_subcommands().find_map(|under| variable_of(under, option)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_wrong_value_names_the_variable_that_it_came_from() {
        let typed = |args: &[&str]| {
            let mut command = super::command();
            command.build();
            let args: Vec<_> = args.iter().map(std::ffi::OsString::from).collect();
            // As if a variable had the value.
            let error = command.try_get_matches_from_mut(["lakebed", "run", "--cache-mib", "lots"]).unwrap_err();
            super::with_variable(error, &command, &args).to_string()
        };
        assert!(typed(&["lakebed", "run"]).contains("'lots' for 'LAKEBED_CACHE_MIB (--cache-mib <MIB>)'"));
        for args in [&["lakebed", "run", "--cache-mib", "lots"][..], &["lakebed", "run", "--cache-mib=lots"]] {
            assert!(typed(args).contains("'lots' for '--cache-mib <MIB>'"));
        }
    }

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
