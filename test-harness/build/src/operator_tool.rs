//! Builds `oic-gateway`, the operators' tool: for this machine in tests, as static programs for the release.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::guests::{encoded, forget_outer_cargo, path_remaps};
use crate::tools::{ToolError, c_compiler_for_static_linux, ensure_target, run, target_dir, workspace_root};

const PACKAGE: &str = "oic-gateway";

/// Processors that have a static program, as Rust and the Linux kernel name them.
pub const PROCESSORS: [&str; 2] = ["x86_64", "aarch64"];

/// Returns the Rust target of the static program for a processor.
pub fn static_target(processor: &str) -> String {
    format!("{processor}-unknown-linux-musl")
}

/// Returns the path of the tool for this machine. cargo builds it at the first call in a process.
///
/// # Errors
/// [`ToolError`] if the tool does not compile.
pub fn program() -> Result<&'static Path, ToolError> {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    if let Some(program) = PROGRAM.get() {
        return Ok(program);
    }
    let program = target_dir().join("debug").join(PACKAGE);
    announce(&program, PACKAGE);
    run(
        cargo_build().arg("--target-dir").arg(target_dir()),
        "the compiler says what is wrong",
    )?;
    Ok(PROGRAM.get_or_init(|| program))
}

/// Builds the static programs, which run on every Linux, and returns their paths in the order of [`PROCESSORS`]. The
/// same sources give the same bytes.
///
/// # Errors
/// [`ToolError`] if a target is missing or the tool does not compile.
pub fn static_programs() -> Result<[PathBuf; PROCESSORS.len()], ToolError> {
    // The tool has its own profile, like the plugins. See the workspace's Cargo.toml.
    const PROFILE: &str = "tool";
    let folder = target_dir().join("tool");
    let programs = PROCESSORS.map(|processor| {
        let folder = folder.join(static_target(processor)).join(PROFILE);
        folder.join(PACKAGE)
    });
    let mut command = cargo_build();
    forget_outer_cargo(&mut command);
    // Use Rust's own linker and C library, so that nothing depends on this machine.
    let mut flags: Vec<String> = [
        "linker=rust-lld",
        "link-self-contained=yes",
        "target-feature=+crt-static",
    ]
    .map(|flag| format!("-C{flag}"))
    .into();
    flags.extend(path_remaps(workspace_root())?);
    command
        .args(["--locked", "--profile", PROFILE, "--target-dir"])
        .arg(&folder)
        .env("CARGO_ENCODED_RUSTFLAGS", encoded(&flags));
    for (processor, program) in PROCESSORS.iter().zip(&programs) {
        let target = static_target(processor);
        announce(program, &format!("{PACKAGE} for {target}"));
        ensure_target(&target)?;
        let compiler = c_compiler_for_static_linux(processor)?;
        let name = target.replace('-', "_");
        command
            .args(["--target", &target])
            .env(format!("CC_{name}"), &compiler.cc);
        if let Some(ar) = &compiler.ar {
            command.env(format!("AR_{name}"), ar);
        }
    }
    run(&mut command, "the compiler says what is wrong")?;
    Ok(programs)
}

fn cargo_build() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(workspace_root())
        .args(["build", "--quiet", "-p", PACKAGE, "--bin", PACKAGE]);
    command
}

fn announce(program: &Path, what: &str) {
    if !program.exists() {
        eprintln!("compiling {what} (the first time takes a minute or two) ...");
    }
}
