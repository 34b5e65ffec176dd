//! The tool as a program; what it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    oic_gateway::commands::run()
}
