//! The command line: `cargo run --release -p measure -- bench|soak|reloads|signature-speed|fuzz`.

mod bench;
mod files;
mod fuzz;
mod interrupt;
mod reloads;
mod signature_speed;
mod soak;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures the plugins inside a real Traefik.
#[derive(Debug, Parser)]
#[command(about, version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Bench(bench::Options),
    Fuzz(fuzz::Options),
    Reloads(reloads::Options),
    SignatureSpeed(signature_speed::Options),
    Soak(soak::Options),
}

/// Runs the command that the process was called with. Prints an error to stderr.
pub fn run() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Bench(options) => bench::run(options),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Reloads(options) => reloads::run(&options),
        Command::SignatureSpeed(options) => signature_speed::run(&options).map_err(Into::into),
        Command::Soak(options) => soak::run(&options),
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
