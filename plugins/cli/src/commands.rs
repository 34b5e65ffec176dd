//! The command line: one file for each subcommand.

mod check;
mod interrupt;
mod login;
mod schema;
mod status;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Checks configuration, shows the state of keys and tokens, and logs users in
#[derive(Debug, Parser)]
#[command(name = "oic-gateway", about, version)]
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
}

/// Runs the command that the process was called with. An error goes to stderr.
pub fn run() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Check(options) => check::run(&options).map_err(Into::into),
        Command::Status(options) => status::run(&options),
        Command::Login(options) => login::run(options),
        Command::Schema(options) => schema::run(&options).map_err(Into::into),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
