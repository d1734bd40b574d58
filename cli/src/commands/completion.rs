//! `lakebed completion`: a shell's completion script.

use anyhow::Result;
use clap::Args;
use clap_complete::Shell;

use crate::cli;
use crate::output::Output;

#[derive(Args, Debug)]
pub(crate) struct Completion {
    /// For which shell
    shell: Shell,
}

impl Completion {
    pub(crate) fn run(&self, output: Output) -> Result<()> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut cli::command(), "lakebed", &mut script);
        output.bytes(&script)
    }
}
