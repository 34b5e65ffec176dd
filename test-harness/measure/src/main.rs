//! The command-line program: `cargo run --release -p measure -- bench`.

use std::process::ExitCode;

fn main() -> ExitCode {
    measure::cli::run()
}
