//! The command line of the programs for operators and of the release.

mod check;
mod device_login;
mod dist;
mod interrupt;
mod schema;
mod status;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Checks configurations, logs users in, shows the state, makes the release.
#[derive(Debug, Parser)]
#[command(about, version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Options),
    DeviceLogin(device_login::Options),
    Dist(dist::Options),
    Schema(schema::Options),
    Status(status::Status),
}

/// Runs the command that the process was called with. Prints an error to stderr.
pub fn run() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Check(options) => check::run(&options).map_err(Into::into),
        Command::DeviceLogin(options) => device_login::run(options),
        Command::Dist(options) => dist::run(&options).map_err(Into::into),
        Command::Schema(options) => schema::run(&options).map_err(Into::into),
        Command::Status(status) => status.run(),
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
