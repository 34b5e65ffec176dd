//! `cargo demo`: compiles the demo and its plugins at the same time, then replaces itself with the demo.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use launch::PLUGINS;
use launch::jobs::{Failed, Jobs};
use launch::progress::Display;

fn main() -> ExitCode {
    let begun = Instant::now();
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let demo = match prepare(begun) {
        Ok(demo) => demo,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    let error = Command::new(&demo).args(arguments).exec();
    eprintln!("error: {} could not be started: {error}", demo.display());
    ExitCode::FAILURE
}

/// Compiles everything and returns the path of the demo.
fn prepare(begun: Instant) -> Result<PathBuf, Box<dyn std::error::Error>> {
    let own = std::env::current_exe()?;
    let programs = own.parent().unwrap_or(Path::new("."));
    if !programs.join(DEMO).exists() {
        eprintln!("Compiling the demo, and the plugins for WebAssembly: the first time takes some minutes.");
    }

    // Compile the program that builds the plugins first, because the plugins take longest.
    let mut jobs = Jobs::new(begun);
    jobs.start("tools", &mut cargo_build(BUILDER))?;
    finish(jobs)?;

    let mut jobs = Jobs::new(begun);
    let mut plugins = Command::new(programs.join(BUILDER));
    show_bars(plugins.arg("prepare").args(PLUGINS));
    jobs.start("plugins", &mut plugins)?;
    jobs.start("demo", &mut cargo_build(DEMO))?;
    finish(jobs)?;
    Ok(programs.join(DEMO))
}

fn finish(mut jobs: Jobs) -> Result<(), Failed> {
    Display::stderr().follow(&mut jobs);
    jobs.failed().map_or(Ok(()), Err)
}

/// Compiles one of the two programs. Names both packages each time: cargo chooses the features of shared dependencies
/// by the packages that are named, and would otherwise compile them twice.
fn cargo_build(program: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .arg("build")
        .args([
            "--manifest-path",
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        ])
        .args(["--package", BUILDER, "--package", DEMO, "--bin", program]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    show_bars(&mut command);
    // Remove what `cargo run` sets for this program: build scripts would take it for a change and run again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if OF_THIS_PACKAGE.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command
}

/// Makes cargo draw its progress bars even though it does not write to a terminal.
fn show_bars(command: &mut Command) {
    command
        .env("CARGO_TERM_PROGRESS_WHEN", "always")
        .env("CARGO_TERM_PROGRESS_WIDTH", "200");
}

/// The package that builds the plugins, and its program.
const BUILDER: &str = "harness-build";

/// The package of the demo, and its program.
const DEMO: &str = "demo";

const OF_THIS_PACKAGE: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];
