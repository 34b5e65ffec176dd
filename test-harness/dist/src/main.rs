//! `cargo run -p dist`: makes a release in `target/dist`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use harness_build::guests;
use lexopt::prelude::*;

const USAGE: &str = "\
Makes a release: archives of the plugins, checksums, and an SBOM.

Usage: cargo run -p dist [-- --out DIR]

Options:
  --out DIR  The folder to write to, created if necessary [default: target/dist]
  --help     Print this text";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut out = PathBuf::from("target/dist");
    let mut arguments = lexopt::Parser::from_env();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("out") => out = arguments.value()?.into(),
            Long("help") | Short('h') => {
                println!("{USAGE}");
                return Ok(());
            }
            _ => return Err(argument.unexpected().into()),
        }
    }
    guests::show_progress();
    for file in dist::make(&out)? {
        println!("{}  {:>9}  {}", file.sha256, file.size, file.name);
    }
    println!("written to {}", out.display());
    Ok(())
}
