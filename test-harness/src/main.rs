//! The harness as a program; what it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    test_harness::cli::run()
}
