//! Which roles read which settings. Owns the one table of it: a role's help and command line have its own settings alone, and a
//! file or an environment that all roles share is taken by each. Invariant: what no role knows is refused all the same.

use clap::{Arg, Args, Command};

use super::ServerArgs;
use crate::environment;

/// Which of the roles a process is: they have other ports, needs and settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    All,
    Metadata,
    Api,
    S3,
}

use Role::{All, Api, Metadata, S3};

const ROLES: [Role; 4] = [All, Metadata, Api, S3];

impl Role {
    /// The role that a command is, if it is one.
    pub(crate) fn of_command(name: &str) -> Option<Self> {
        ROLES.into_iter().find(|role| role.command() == name)
    }

    fn command(self) -> &'static str {
        match self {
            All => "run",
            Metadata => "metadata-server",
            Api => "api-server",
            S3 => "s3-gateway",
        }
    }

    /// Returns whether the role reads what an option sets.
    pub(crate) fn reads(self, option: &Arg) -> bool {
        readers(&setting(option)).contains(&self)
    }

    /// Says that the role doesn't read an option, and who does.
    pub(crate) fn refusal(self, option: &Arg) -> String {
        let (command, flag) = (self.command(), option.get_long().unwrap_or_default());
        let others: Vec<_> =
            readers(&setting(option)).iter().map(|role| format!("`lakebed {}`", role.command())).collect();
        match &others[..] {
            [] => format!("`lakebed {command}` doesn't read --{flag}, which is for commands that ask a server"),
            [other] => format!("`lakebed {command}` doesn't read --{flag}: leave it out; {other} reads it"),
            [more @ .., last] => {
                let more = more.join(", ");
                format!("`lakebed {command}` doesn't read --{flag}: leave it out; {more} and {last} read it")
            }
        }
    }

    /// The variables that are set and that only other roles read.
    pub(super) fn variables_of_others(self) -> Vec<String> {
        let command = ServerArgs::augment_args(Command::new(self.command()));
        let of_others = command.get_arguments().filter(|arg| !self.reads(arg)).filter_map(Arg::get_env);
        let set = of_others.filter(|name| environment::has_value(name) == Some(true));
        set.map(|name| name.to_string_lossy().into_owned()).collect()
    }

    /// Takes the settings that only other roles read out of a file's. → their names
    pub(super) fn keep_own(self, file: &mut toml::Table) -> Vec<String> {
        let of_others: Vec<_> = file.keys().filter(|name| !readers(name).contains(&self)).cloned().collect();
        for name in &of_others {
            file.remove(name);
        }
        of_others
    }
}

/// The name of an option's setting, as it is in the file.
fn setting(option: &Arg) -> String {
    option.get_long().unwrap_or_default().replace('-', "_")
}

/// The roles that read a setting, by its names in the file.
fn readers(setting: &str) -> &'static [Role] {
    match setting {
        "help" | "json" | "config" | "data_dir" | "listen" | "log_format" => &ROLES,
        "metadata" => &[Api, S3],
        "metadata_tls_cert" | "metadata_tls_key" | "metadata_tls_ca" => &[Metadata, Api, S3],
        "s3_endpoint" => &[Api],
        "s3_domain" | "s3_domains" | "s3_signature_v2" => &[All, S3],
        "setup" | "link_without_bytes" => &[All, Api],
        // Those of commands that ask a server.
        "endpoint" | "profile" | "aws_keys" | "ca_cert" | "allow_plain_http" => &[],
        _ => &[All, Api, S3],
    }
}
