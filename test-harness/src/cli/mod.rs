//! The command line: `cargo run -p test-harness -- build --out DIR`, `cargo demo`.

mod bench;
mod build;
mod dist;
mod fuzz;
mod interrupt;
mod reloads;
mod soak;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::demo;

/// Builds the plugins and shows them at work.
#[derive(Debug, Parser)]
#[command(about, version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Bench(bench::Options),
    /// Build the plugins into DIR/plugins-local/src/oic-gateway/, where a Traefik started in DIR finds them
    Build {
        /// The folder to write to; it is created if need be
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Keep the names of functions, for stack traces and profiles
        #[arg(long)]
        keep_names: bool,
    },
    /// Run a real Traefik with the plugins between a mock identity provider and a mock backend
    Demo {
        /// Keep running, and print lines to paste into a shell
        #[arg(long)]
        serve: bool,
    },
    Dist(dist::Options),
    Fuzz(fuzz::Options),
    Soak(soak::Options),
}

/// Runs the command that the process was called with; an error goes to stderr.
pub fn run() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Bench(options) => bench::run(options),
        Command::Build { out, keep_names } => build::run(&out, keep_names).map_err(Into::into),
        Command::Demo { serve } => demo::run(serve),
        Command::Dist(options) => dist::run(&options).map_err(Into::into),
        Command::Fuzz(options) => fuzz::run(&options),
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

    #[test]
    fn build_takes_a_folder_and_an_option() {
        let arguments = Arguments::parse_from(["test-harness", "build", "--out", "dist", "--keep-names"]);
        let Command::Build { out, keep_names } = arguments.command else {
            panic!("{arguments:?}")
        };
        assert_eq!((out, keep_names), (PathBuf::from("dist"), true));
    }
}
