//! The `lakebed` command: a client of a Lakebed server, and every role of one.
//!
//! Owns the command line and the composition of the roles; leaves what a command means to the server and what a role
//! does to its crate. A library beside its binary so that the benches serve through the same [`server::Listener`].
//! Invariant: a command's result is all that goes to standard output.

mod allocator;
mod cli;
mod commands;
mod environment;
mod exit;
mod graph;
mod output;
mod progress;
mod prompt;
mod signals;
mod transfer;
mod uri;
mod view;

mod connection;
mod profile;
pub mod server;

use std::process::ExitCode;

pub use cli::command;

/// Carries out the process's command line.
pub fn run() -> ExitCode {
    rustls::crypto::ring::default_provider().install_default().expect("because nothing else installs a provider");
    let cli = cli::Cli::read();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("because a process that can't start threads can't do anything");
    match runtime.block_on(cli.run()) {
        Ok(code) => code,
        Err(error) => {
            commands::env::fail_shell();
            if exit::is_interrupted(&error) {
                // A file that is being read or hashed isn't waited for.
                runtime.shutdown_background();
            }
            exit::report(&error)
        }
    }
}
