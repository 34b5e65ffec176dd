//! Rust's standard library for the plugins' target.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use super::command::run;
use super::error::ToolError;
use super::folders::{lock, tools_dir};

/// The target of the plugins: WASI preview 1, which Traefik's Wasm host offers.
pub const WASM_TARGET: &str = "wasm32-wasip1";

/// Adds the plugins' target to the current toolchain, unless it is there.
pub fn ensure_wasm_target() -> Result<(), ToolError> {
    ensure_target(WASM_TARGET)
}

/// Adds a target to the current toolchain, unless it is there.
pub(crate) fn ensure_target(target: &str) -> Result<(), ToolError> {
    if has_target(target)? {
        return Ok(());
    }
    let _lock = lock(&tools_dir(), "wasm-target")?;
    if has_target(target)? {
        return Ok(());
    }
    eprintln!("adding the Rust target {target} (once) ...");
    // rustup reads the toolchain from RUSTUP_TOOLCHAIN, which its own proxies set for this process.
    run(
        Command::new("rustup").args(["target", "add", target]),
        "Rust's standard library for this target is needed: add it with rustup, or install your distribution's package \
         of it for the very version of `rustc`",
    )?;
    Ok(())
}

/// Returns the trimmed output of the current toolchain's `rustc` for these arguments.
pub fn rustc_output<S: AsRef<OsStr>>(arguments: &[S]) -> Result<String, ToolError> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = run(
        Command::new(rustc).args(arguments),
        "install Rust, or set RUSTC to the compiler's path",
    )?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn has_target(target: &str) -> Result<bool, ToolError> {
    let sysroot = rustc_output(&["--print", "sysroot"])?;
    Ok(Path::new(&sysroot)
        .join("lib/rustlib")
        .join(target)
        .join("lib")
        .is_dir())
}
