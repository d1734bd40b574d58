//! The command line: every command and its options. Owns names and help; each command's own file carries it out.

use std::process::ExitCode;

use anyhow::Result;
use clap::builder::Resettable;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use lakebed_sdk::Replay;

use crate::commands::{
    auth, branch, commit, completion, diff, doctor, env, fs, fsck, import, job, log, login, merge, merge_base, presign,
    rebase, reflog, refs, replay, repo, show, tag, whoami,
};
use crate::connection::{ConnectionArgs, Target};
use crate::environment;
use crate::output::{Output, warn};
use crate::server::{self, Role, ServerArgs};

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
        let mut command = environment::without_empty(command(), &environment::has_value);
        command.build();
        let mut command = with_usage_of_help(command);
        let typed: Vec<_> = std::env::args_os().collect();
        let matches = command.try_get_matches_from_mut(&typed);
        let matches = matches.unwrap_or_else(|error| {
            if error.use_stderr() {
                env::fail_shell();
            }
            environment::with_variable(error, &command, &typed).exit()
        });
        refuse_unread(&mut command, &matches).unwrap_or_else(|error| error.exit());
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Carries out the command.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let output = Output::new(self.json);
        match self.command {
            Command::Run(_) | Command::MetadataServer(_) | Command::ApiServer(_) | Command::S3Gateway(_) => {
                environment::refuse_unknown(&command())?;
            }
            _ => environment::misspelled(&command()).iter().for_each(|told| warn(&format!("WARNING: {told}"))),
        }
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
    without_values(Cli::command()).mut_subcommands(|under| match Role::of_command(under.get_name()) {
        Some(role) => without_options_of_others(under, role),
        None => under,
    })
}

/// A role's command, without the options that only other roles read; their variables may be set for those.
fn without_options_of_others(command: clap::Command, role: Role) -> clap::Command {
    command.mut_args(|arg| if role.reads(&arg) { arg } else { arg.hide(true).env(Resettable::Reset) })
}

/// Refuses options on a role's command line that the role doesn't read.
fn refuse_unread(command: &mut clap::Command, matches: &ArgMatches) -> Result<(), clap::Error> {
    let Some((name, typed)) = matches.subcommand() else { return Ok(()) };
    let (Some(role), Some(under)) = (Role::of_command(name), command.find_subcommand_mut(name)) else { return Ok(()) };
    let is_typed = |arg: &&clap::Arg| typed.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    let unread = under.get_arguments().filter(is_typed).find(|arg| !role.reads(arg)).map(|arg| role.refusal(arg));
    unread.map_or(Ok(()), |refusal| Err(under.error(ErrorKind::UnknownArgument, refusal)))
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

    #[test]
    fn a_role_s_command_line_has_what_it_reads_and_no_more() {
        let refusal = |typed: &[&str]| {
            let mut command = super::command();
            command.build();
            let matches = command.try_get_matches_from_mut(std::iter::once(&"lakebed").chain(typed)).unwrap();
            super::refuse_unread(&mut command, &matches).err().map(|error| error.to_string()).unwrap_or_default()
        };
        for (typed, says) in [
            (&["metadata-server", "--s3-domain", "x"][..], "`lakebed run` and `lakebed s3-gateway` read it"),
            (
                &["metadata-server", "--object-store", "s3://lake"],
                "`lakebed metadata-server` doesn't read --object-store",
            ),
            (&["api-server", "--s3-signature-v2"], "`lakebed s3-gateway`"),
            (&["s3-gateway", "--setup", "by-api"], "`lakebed api-server`"),
            (&["run", "--metadata", "http://127.0.0.1:8001"], "`lakebed api-server` and `lakebed s3-gateway` read it"),
            (&["run", "--endpoint", "http://127.0.0.1:8001"], "commands that ask a server"),
            (&["--ca-cert", "ca.pem", "run"], "doesn't read --ca-cert"),
        ] {
            assert!(refusal(typed).contains(says), "{typed:?}: {}", refusal(typed));
        }
        for typed in [
            &["run", "--s3-domain", "x", "--json", "--listen", "127.0.0.1:0"][..],
            &["metadata-server", "--data-dir", "x", "--config", "y", "--log-format", "json"],
            &["api-server", "--metadata", "http://127.0.0.1:8001", "--s3-endpoint", "http://127.0.0.1:8002"],
            &["whoami", "--endpoint", "http://127.0.0.1:8001"],
        ] {
            assert_eq!(refusal(typed), "", "{typed:?}");
        }
    }
}
