//! The command line, with one file for each subcommand.

mod check;
mod completions;
mod exit;
mod interrupt;
mod line;
mod login;
mod man;
mod schema;
mod status;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use exit::Exit;

/// The tool for operators of the OIC gateway: checks configuration, shows the state of keys and tokens, logs users in
#[derive(Debug, Parser)]
#[command(
    name = "oic-gateway",
    about,
    version,
    after_help = "Colours appear only on a terminal. NO_COLOR=1 switches them off."
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Options),
    Status(status::Options),
    Login(login::Options),
    Schema(schema::Options),
    Completions(completions::Options),
    Man(man::Options),
}

/// Runs the command from the process's arguments.
pub fn run() -> ExitCode {
    match Arguments::parse().command {
        Command::Check(options) => check::run(&options),
        Command::Status(options) => status::run(&options),
        Command::Login(options) => Exit::of(login::run(options)),
        Command::Schema(options) => Exit::of(schema::run(&options)),
        Command::Completions(options) => {
            completions::run(&options, &mut Arguments::command());
            Exit::Fine
        }
        Command::Man(options) => Exit::of(man::run(&options, Arguments::command())),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn commands_whose_exit_code_means_something_say_what() {
        for name in ["check", "status", "login"] {
            let mut command = Arguments::command();
            let help = command
                .find_subcommand_mut(name)
                .unwrap()
                .render_long_help()
                .to_string();
            for code in ["Exit codes:", "  0  ", "  1  ", "  2  "] {
                assert!(help.contains(code), "{help}");
            }
        }
    }
}
