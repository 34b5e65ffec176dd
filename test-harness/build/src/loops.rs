//! The commands that a contributor uses all day: `cargo unit`, `cargo e2e`, `cargo lint`.

use std::ffi::OsString;
use std::io;
use std::process::{Command, ExitStatus};
use std::thread::available_parallelism;

use harness_build::guests::{self, GuestError};
use harness_build::tools::workspace_root;

/// Why one of these commands failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoopError {
    /// cargo did not start.
    #[error("cargo could not be started: {0}; run this through cargo")]
    CannotStart(#[from] io::Error),
    /// cargo failed. Its output says why.
    #[error("`{command}` failed ({status})")]
    Failed {
        /// The command line.
        command: String,
        /// Its exit status.
        status: ExitStatus,
    },
    /// Clippy failed on the plugins.
    #[error(transparent)]
    Plugins(#[from] GuestError),
}

/// Runs the tests that need neither Wasm nor Traefik.
pub(crate) fn unit(arguments: &[OsString]) -> Result<(), LoopError> {
    let mut cargo = cargo("test");
    cargo.arg("--workspace");
    for package in WITH_TRAEFIK {
        cargo.args(["--exclude", package]);
    }
    // Some of these tests wait, so more of them run than there are processors.
    run(cargo.args(arguments).env(THREADS, (2 * processors()).to_string()))
}

/// Runs the end-to-end tests whose names contain one of the arguments. The harness builds only the plugins that they
/// register.
pub(crate) fn e2e(arguments: &[OsString]) -> Result<(), LoopError> {
    // Uses the same features as `cargo test`, so that both share compiled crates.
    let mut cargo = cargo("test");
    cargo.args(["--workspace", "--test", "e2e", "--"]).args(arguments);
    // These tests mostly wait, so one more runs than there are processors.
    run(cargo.env(THREADS, (processors() + 1).to_string()))
}

/// Checks format and lints as CI does: everything natively, then the plugins for Wasm.
pub(crate) fn lint() -> Result<(), LoopError> {
    run(cargo("fmt").args(["--all", "--check"]))?;
    run(cargo("clippy").args(["--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    guests::show_progress();
    Ok(guests::clippy()?)
}

/// The packages whose tests start Traefik or build for Wasm.
const WITH_TRAEFIK: [&str; 6] = ["demo", "dist", "e2e", "harness", "host-probes", "measure"];

/// How many tests of a program run at the same time. `.cargo/config.toml` has a value for a small machine.
const THREADS: &str = "RUST_TEST_THREADS";

fn processors() -> usize {
    available_parallelism().map_or(1, usize::from)
}

fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace_root()).arg(subcommand);
    // Remove what `cargo run` sets for this program: build scripts would take it for a change and run again.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_MANIFEST_", "CARGO_PKG_"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            command.env_remove(&name);
        }
    }
    command
}

fn run(command: &mut Command) -> Result<(), LoopError> {
    let status = command.status()?;
    if status.success() {
        return Ok(());
    }
    Err(LoopError::Failed {
        command: harness_build::tools::command_line(command),
        status,
    })
}
