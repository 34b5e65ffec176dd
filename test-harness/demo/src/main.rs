//! The demo as a program. `cargo demo` compiles and starts it.

use std::process::ExitCode;

fn main() -> ExitCode {
    const USAGE: &str = "usage: cargo demo [--serve]\n  --serve  keeps the gateway running, and prints lines to paste into a shell";
    let mut serve = false;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--serve" => serve = true,
            "--help" | "-h" => {
                println!("{USAGE}");
                return ExitCode::SUCCESS;
            }
            other => {
                eprintln!("error: {other} is not an option of the demo\n{USAGE}");
                return ExitCode::FAILURE;
            }
        }
    }
    match demo::run(serve) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
