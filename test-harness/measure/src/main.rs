//! `cargo run --release -p measure -- bench`: the measurements as a program.

use std::process::ExitCode;

fn main() -> ExitCode {
    measure::cli::run()
}
