//! `completions SHELL`.

use std::io;

use clap::{Args, Command};
use clap_complete::Shell;

/// Prints completions for a shell
///
/// For bash: `oic-gateway completions bash > ~/.local/share/bash-completion/completions/oic-gateway`.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(super) fn run(options: &Options, command: &mut Command) {
    clap_complete::generate(options.shell, command, "oic-gateway", &mut io::stdout());
}
