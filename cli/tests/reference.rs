//! Holds `docs/cli.md` to the command line: the reference is generated, checked in, and compared here.
//!
//! After a change of the command line: `UPDATE_GOLDEN=1 cargo test -p cli --test reference`

use std::fmt::Write;
use std::fs;
use std::path::Path;

use clap::{Arg, Command};

/// The width at which help is wrapped in the reference.
const WIDTH: usize = 100;

const HEAD: &str = r#"# The `lakebed` command

Made from the command's own help by `cli/tests/reference.rs`; change it there.

Settings are looked for in this order: option, environment variable, and for the servers the TOML file that `--config`
names, by the options' names with underscores ([an example with all of them](lakebed.example.toml)). An empty variable is
unset. Options that are on or off take `true`, `yes`, `on`, `1` or `false`, `no`, `off`, `0` from variables, in any case. One file
and one environment may serve all roles, each of which reads its own settings; names that no role knows are refused.

A command's keys are those of a server: of a profile of its URL or installation, those in `LAKEBED_ACCESS_KEY_ID` and
`LAKEBED_SECRET_ACCESS_KEY`, or those that `lakebed env` set for S3 tools. Other `AWS_*` keys are used with `--aws-keys` only.
Calls are signed with the secret, which stays here.

Secrets come by environment only: `LAKEBED_INSTALLATION_ACCESS_KEY_ID` and `LAKEBED_INSTALLATION_SECRET_ACCESS_KEY`
preset the administrator's key, `LAKEBED_ENCRYPTION_KEY` is the key under which secrets are encrypted, and
`LAKEBED_ACCESS_KEY_ID` and `LAKEBED_SECRET_ACCESS_KEY` are a client's. `LAKEBED_PROFILE_FILE` says where the profile lies
and `LAKEBED_LOG` what servers log, as in `info` or `warn,s3_gateway=debug`.
"#;

#[test]
fn the_reference_is_that_of_this_command_line() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cli.md");
    let reference = reference();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &reference).unwrap();
    }
    let checked_in = fs::read_to_string(&path).unwrap_or_default();
    let differs = checked_in.lines().zip(reference.lines()).find(|(old, new)| old != new);
    assert!(
        checked_in == reference,
        "docs/cli.md isn't that of this command line; make it anew with UPDATE_GOLDEN=1. First difference: {differs:?}"
    );
}

/// All commands' long help, in Markdown. Global options stand in the first section only.
fn reference() -> String {
    let mut command = cli::command().term_width(WIDTH);
    command.build();
    let mut text = HEAD.to_owned();
    section(&mut command, &mut text);
    text
}

fn section(command: &mut Command, text: &mut String) {
    let name = command.get_bin_name().unwrap_or("lakebed").to_owned();
    let help = command.render_long_help().to_string();
    let lines: Vec<_> = help.lines().map(str::trim_end).collect();
    writeln!(text, "\n## {name}\n\n```text\n{}\n```", lines.join("\n").trim()).expect("writing to a String");
    for sub in command.get_subcommands().filter(|sub| sub.get_name() != "help") {
        let mut sub = sub.clone().mut_args(|arg| if is_everywhere(&arg) { arg.hide(true) } else { arg });
        section(&mut sub, text);
    }
}

fn is_everywhere(arg: &Arg) -> bool {
    arg.is_global_set() || arg.get_id() == "help"
}
