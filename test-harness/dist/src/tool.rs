//! The operators' tool in the release: static programs, and the files that the tool generates about itself.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::archive::Archive;
use harness_build::operator_tool::{PROCESSORS, program, static_programs};
use harness_build::tools::ToolError;

/// Why the tool could not be added to a release.
#[derive(Debug, thiserror::Error)]
pub enum ToolFilesError {
    /// The tool does not compile.
    #[error(transparent)]
    Build(#[from] ToolError),
    /// A file operation failed.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
    /// A command of the tool failed.
    #[error("oic-gateway {command} failed: {said}")]
    Failed {
        /// The command.
        command: String,
        /// What it printed.
        said: String,
    },
}

/// Returns the static programs by processor.
pub(super) fn programs() -> Result<Vec<(&'static str, Vec<u8>)>, ToolFilesError> {
    let read =
        |(processor, path): (&'static str, PathBuf)| Ok((processor, fs::read(&path).map_err(at(&path))?));
    PROCESSORS.into_iter().zip(static_programs()?).map(read).collect()
}

/// Adds manual pages and shell completions.
pub(super) fn add_manual(archive: &mut Archive) -> Result<(), ToolFilesError> {
    add_written(archive, "man", "share/man/man1")?;
    for (shell, path) in [
        ("bash", "share/bash-completion/completions/oic-gateway"),
        ("fish", "share/fish/vendor_completions.d/oic-gateway.fish"),
        ("zsh", "share/zsh/site-functions/_oic-gateway"),
    ] {
        archive.add(path, output(&["completions".as_ref(), shell.as_ref()])?);
    }
    Ok(())
}

/// Adds the JSON Schemas of the plugins' options.
pub(super) fn add_schemas(archive: &mut Archive) -> Result<(), ToolFilesError> {
    add_written(archive, "schema", "schemas")
}

/// Adds the files that a command of the tool writes into a folder.
fn add_written(archive: &mut Archive, command: &str, prefix: &str) -> Result<(), ToolFilesError> {
    let folder = tempfile::tempdir().map_err(at(Path::new("a temporary folder")))?;
    output(&[command.as_ref(), "--out".as_ref(), folder.path().as_ref()])?;
    archive
        .add_folder(folder.path(), prefix)
        .map_err(at(folder.path()))
}

/// Runs the tool built for this machine and returns its output.
fn output(arguments: &[&std::ffi::OsStr]) -> Result<Vec<u8>, ToolFilesError> {
    let program = program()?;
    let output = Command::new(program)
        .args(arguments)
        .output()
        .map_err(at(program))?;
    if !output.status.success() {
        return Err(ToolFilesError::Failed {
            command: arguments
                .first()
                .copied()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        });
    }
    Ok(output.stdout)
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> ToolFilesError + '_ {
    |source| ToolFilesError::Io {
        path: path.to_owned(),
        source,
    }
}
