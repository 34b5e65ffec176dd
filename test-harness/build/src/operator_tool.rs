//! `oic-gateway`, the operators' tool, as a program for tests and for the release.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::tools::{ToolError, run, target_dir, workspace_root};

const PACKAGE: &str = "oic-gateway";

/// The path of the tool, which cargo builds at the first call in a process.
///
/// # Errors
/// [`ToolError`], if it does not compile.
pub fn program() -> Result<&'static Path, ToolError> {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    if let Some(program) = PROGRAM.get() {
        return Ok(program);
    }
    let program = target_dir().join("debug").join(PACKAGE);
    if !program.exists() {
        eprintln!("compiling {PACKAGE} (the first time takes a minute) ...");
    }
    run(
        Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .current_dir(workspace_root())
            .args([
                "build",
                "--quiet",
                "-p",
                PACKAGE,
                "--bin",
                PACKAGE,
                "--target-dir",
            ])
            .arg(target_dir()),
        "the compiler says what is wrong",
    )?;
    Ok(PROGRAM.get_or_init(|| program))
}

/// Writes the JSON Schemas of the plugins' options into `folder`.
///
/// # Errors
/// [`ToolError`].
pub fn write_schemas(folder: &Path) -> Result<(), ToolError> {
    run(
        Command::new(program()?).args(["schema", "--out"]).arg(folder),
        "the tool says what is wrong",
    )?;
    Ok(())
}
