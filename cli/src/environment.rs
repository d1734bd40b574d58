//! The `LAKEBED_*` variables of the process. Owns the rules for all of them, whichever option or command reads them: an empty
//! one is unset, switches know the same words everywhere, errors name the variable, and a server refuses one that nobody
//! reads. Invariant: nothing else in this crate reads a variable.

use std::env;
use std::ffi::{OsStr, OsString};

use anyhow::Result;
use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command};

use crate::exit::usage;

const PREFIX: &str = "LAKEBED_";

/// Variables of the test suite and of `make`: a server that is started there isn't to refuse them.
const OF_TESTS: &str = "LAKEBED_TEST_";

/// Variables that no option has, since they hold secrets, or are needed before options are read.
const WITHOUT_OPTION: [&str; 9] = [
    "LAKEBED_ACCESS_KEY_ID",
    "LAKEBED_SECRET_ACCESS_KEY",
    "LAKEBED_SESSION_TOKEN",
    "LAKEBED_ENV",
    "LAKEBED_PROFILE_FILE",
    "LAKEBED_LOG",
    "LAKEBED_ENCRYPTION_KEY",
    "LAKEBED_INSTALLATION_ACCESS_KEY_ID",
    "LAKEBED_INSTALLATION_SECRET_ACCESS_KEY",
];

/// How alike two names are that are taken for one and its misspelling; 1 is equal.
const ALIKE_MIN: f64 = 0.85;

/// A variable's value as the process has it.
pub(crate) fn os(name: &str) -> Option<OsString> {
    debug_assert!(!name.starts_with(PREFIX) || WITHOUT_OPTION.contains(&name), "{name} isn't in the list");
    env::var_os(name).filter(|value| !value.is_empty())
}

/// A variable's text. What isn't UTF-8 in it is replaced, not passed over: its reader refuses it.
pub(crate) fn text(name: &str) -> Option<String> {
    os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Returns whether a variable has a value, or none if it isn't there.
pub(crate) fn has_value(name: &OsStr) -> Option<bool> {
    env::var_os(name).map(|value| !value.is_empty())
}

/// Reads a switch.
pub(crate) fn parse_switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Ok(true),
        "false" | "no" | "off" | "0" => Ok(false),
        _ => Err("expected true or false, or yes or no, on or off, 1 or 0".to_owned()),
    }
}

/// Has options take no value from variables that are empty.
pub(crate) fn without_empty(command: Command, has_value: &dyn Fn(&OsStr) -> Option<bool>) -> Command {
    let unset = |arg: Arg| match arg.get_env().and_then(has_value) {
        Some(false) => arg.env(Resettable::Reset),
        Some(true) | None => arg,
    };
    command.mut_args(unset).mut_subcommands(|under| without_empty(under, has_value))
}

/// Has an error name the environment variable that a wrong value came from: clap names the option, which nobody typed.
pub(crate) fn with_variable(mut error: clap::Error, command: &Command, typed: &[OsString]) -> clap::Error {
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
fn variable_of(command: &Command, option: &str) -> Option<String> {
    let mine = command.get_arguments().find(|arg| arg.get_long() == Some(option)).and_then(Arg::get_env);
    let mine = mine.map(|name| name.to_string_lossy().into_owned());
    mine.or_else(|| command.get_subcommands().find_map(|under| variable_of(under, option)))
}

/// A variable that begins as ours do and that nothing reads.
#[derive(Debug, PartialEq, Eq)]
struct Unknown {
    name: String,
    /// What was meant, it seems.
    meant: Option<Meant>,
}

#[derive(Debug, PartialEq, Eq)]
enum Meant {
    Variable(String),
    /// That of an option which has no variable.
    Option(String),
}

/// Refuses to start a server with a variable that nobody reads: who set it expects something of it.
pub(crate) fn refuse_unknown(command: &Command) -> Result<()> {
    let unknown = unknown(command, env::vars_os());
    let Some(first) = unknown.first() else { return Ok(()) };
    let (name, more) = (&first.name, unknown.len() - 1);
    let others = if more > 0 { format!(", and {more} more") } else { String::new() };
    match &first.meant {
        Some(Meant::Variable(meant)) => usage!("unknown variable {name}; did you mean {meant}?{others}"),
        Some(Meant::Option(option)) => {
            usage!("unknown variable {name}{others}: use the option, --{option}, which has no variable")
        }
        None => {
            usage!("unknown variable {name}{others}: unset it; the `--help` of each command has those that it reads")
        }
    }
}

/// Says which variable was misspelled, it seems. A command that asks a server leaves others alone: scripts have their own.
pub(crate) fn misspelled(command: &Command) -> Option<String> {
    unknown(command, env::vars_os()).into_iter().find_map(|unknown| match unknown.meant {
        Some(Meant::Variable(meant)) => Some(format!("unknown variable {}; did you mean {meant}?", unknown.name)),
        _ => None,
    })
}

fn unknown(command: &Command, variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<Unknown> {
    let (mut known, mut without) = (WITHOUT_OPTION.map(str::to_owned).to_vec(), Vec::new());
    options(command, &mut known, &mut without);
    // A role's command has no variables for what only other roles read.
    without.retain(|option| variable_of(command, option).is_none());
    let mut unknown: Vec<_> = variables
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
        .filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty())
        .filter(|(name, value)| !known.contains(name) && !name.starts_with(OF_TESTS) && !is_service_link(name, value))
        .map(|(name, _)| Unknown { meant: meant(&name, &known, &without), name })
        .collect();
    // First those of which more can be said.
    unknown.sort_by(|one, other| (one.meant.is_none(), &one.name).cmp(&(other.meant.is_none(), &other.name)));
    unknown
}

/// Collects the variables of all options, and the options that have none.
fn options(command: &Command, known: &mut Vec<String>, without: &mut Vec<String>) {
    for arg in command.get_arguments() {
        match (arg.get_env(), arg.get_long()) {
            (Some(name), _) => known.push(name.to_string_lossy().into_owned()),
            (None, Some(long)) => without.push(long.to_owned()),
            (None, None) => {}
        }
    }
    command.get_subcommands().for_each(|under| options(under, known, without));
}

fn meant(name: &str, known: &[String], without: &[String]) -> Option<Meant> {
    let rest = &name[PREFIX.len()..];
    let alike = |known: &&String| strsim::jaro(rest, &known[PREFIX.len()..]);
    let nearest = known.iter().max_by(|one, other| alike(one).total_cmp(&alike(other)));
    let nearest = nearest.filter(|nearest| alike(nearest) >= ALIKE_MIN);
    let option = without.iter().find(|long| long.replace('-', "_").eq_ignore_ascii_case(rest.trim_end_matches('S')));
    match option {
        // An option of this very name says more than a variable that is only alike.
        Some(option) => Some(Meant::Option(option.clone())),
        None => nearest.cloned().map(Meant::Variable),
    }
}

/// Returns whether a variable is one of those that Kubernetes sets in every container for each service, here for one that is
/// called `lakebed` or `lakebed-…`.
///
/// See <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>.
fn is_service_link(name: &str, value: &str) -> bool {
    let is_url = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let of_port = name.split_once("_PORT_").is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()));
    let of_service = ["_SERVICE_HOST", "_SERVICE_PORT"].iter().any(|end| name.ends_with(end));
    of_service || name.contains("_SERVICE_PORT_") || of_port || (name.ends_with("_PORT") && is_url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, value: &str) -> Vec<Unknown> {
        unknown(&crate::command(), [(name.into(), value.into())].into_iter())
    }

    #[test]
    fn what_nobody_reads_is_found_and_what_was_meant() {
        for (name, meant) in [
            ("LAKEBED_S3_DOMAIN", Some(Meant::Variable("LAKEBED_S3_DOMAINS".to_owned()))),
            ("LAKEBED_OIDC_AUDIENCE", Some(Meant::Variable("LAKEBED_OIDC_AUDIENCES".to_owned()))),
            ("LAKEBED_LISTN", Some(Meant::Variable("LAKEBED_LISTEN".to_owned()))),
            ("LAKEBED_ENCRYPTIONKEY", Some(Meant::Variable("LAKEBED_ENCRYPTION_KEY".to_owned()))),
            ("LAKEBED_OBJECT_STORE_OPTION", Some(Meant::Option("object-store-option".to_owned()))),
            ("LAKEBED_OBJECT_STORE_OPTIONS", Some(Meant::Option("object-store-option".to_owned()))),
            ("LAKEBED_PORT", None),
            ("LAKEBED_FOO", None),
        ] {
            assert_eq!(found(name, "8000"), [Unknown { name: name.to_owned(), meant }]);
            assert_eq!(found(name, ""), [], "an empty variable is unset");
        }
    }

    #[test]
    fn what_somebody_reads_or_sets_for_another_purpose_is_left_alone() {
        for name in WITHOUT_OPTION {
            assert_eq!(found(name, "x"), []);
        }
        for (name, value) in [
            ("LAKEBED_LISTEN", "x"),
            ("LAKEBED_METADATA", "x"),
            ("LAKEBED_ENDPOINT", "x"),
            ("LAKEBED_S3_ENDPOINT", "x"),
            ("LAKEBED_TEST_CLIENTS", "x"),
            ("LAKEBED", "x"),
            ("LAKEBEDS", "x"),
            ("LAKEBED_SERVICE_HOST", "10.0.0.1"),
            ("LAKEBED_SERVICE_PORT", "8000"),
            ("LAKEBED_SERVICE_PORT_HTTP", "8000"),
            ("LAKEBED_PORT", "tcp://10.0.0.1:8000"),
            ("LAKEBED_PORT_8000_TCP", "tcp://10.0.0.1:8000"),
            ("LAKEBED_PORT_8000_TCP_ADDR", "10.0.0.1"),
            ("LAKEBED_METADATA_SERVICE_HOST", "10.0.0.2"),
            ("LAKEBED_METADATA_PORT", "tcp://10.0.0.2:8001"),
            ("LAKEBED_METADATA_PORT_8001_TCP_PROTO", "tcp"),
        ] {
            assert_eq!(found(name, value), []);
        }
    }

    #[test]
    fn an_empty_variable_is_unset_for_every_option_that_has_one() {
        fn left(command: &Command) -> usize {
            let mine = command.get_arguments().filter(|arg| arg.get_env().is_some()).count();
            mine + command.get_subcommands().map(left).sum::<usize>()
        }
        let all = left(&crate::command());
        let after = |has_value: &dyn Fn(&OsStr) -> Option<bool>| left(&without_empty(crate::command(), has_value));
        assert!(all > 30);
        assert_eq!(after(&|_| Some(false)), 0);
        assert_eq!(after(&|name| (name == "LAKEBED_CA_CERT").then_some(false)), all - 1);
        assert_eq!((after(&|_| None), after(&|_| Some(true))), (all, all));
    }

    #[test]
    fn switches_have_the_same_words_everywhere() {
        for (text, read) in [("1", true), ("yes", true), ("TRUE", true), ("On", true), ("0", false), ("NO", false)] {
            assert_eq!(parse_switch(text), Ok(read));
        }
        assert_eq!((parse_switch("false"), parse_switch("off")), (Ok(false), Ok(false)));
        for bad in ["", "maybe", "2", " yes"] {
            assert!(parse_switch(bad).unwrap_err().contains("true or false"), "{bad}");
        }
    }

    #[test]
    fn a_wrong_value_names_the_variable_that_it_came_from() {
        let typed = |args: &[&str]| {
            let mut command = crate::command();
            command.build();
            let args: Vec<_> = args.iter().map(OsString::from).collect();
            // As if a variable had the value.
            let error = command.try_get_matches_from_mut(["lakebed", "run", "--cache-mib", "lots"]).unwrap_err();
            with_variable(error, &command, &args).to_string()
        };
        let told = typed(&["lakebed", "run"]);
        assert!(told.contains("'lots' for 'LAKEBED_CACHE_MIB (--cache-mib <MIB>)': expected a whole number"), "{told}");
        for args in [&["lakebed", "run", "--cache-mib", "lots"][..], &["lakebed", "run", "--cache-mib=lots"]] {
            assert!(typed(args).contains("'lots' for '--cache-mib <MIB>'"));
        }
    }
}
