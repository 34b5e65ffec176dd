//! Compiles plugins to the same bytes on every machine.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use super::error::GuestError;
use super::plugins::Guest;
use super::variant::Variant;
use crate::tools::{self, WASM_TARGET, ensure_wasm_target, last_lines, rustc_output};

/// The size of a plugin's stack in bytes. The stack is part of every instance's memory, and each request in flight has
/// an instance, so Rust's usual 1 MiB would dominate. Serving takes 11 KiB, a TLS handshake 16, and JSON nested as
/// deeply as serde_json allows 37. The linker puts the stack first, so an overflow runs below address 0 and traps.
pub const STACK_SIZE: u32 = 80 * 1024;

/// The initial size of an instance's heap in bytes: whole pages of 64 KiB after those of stack and data. Memory that is
/// never touched costs nothing. When a memory grows, Traefik's runtime copies it, which touches all of it.
pub const INITIAL_HEAP: u32 = 128 * 1024;

/// Processor features beyond the target's own, as `rustc -C target-feature` expects them.
pub const TARGET_FEATURES: &[&str] = &["simd128"];

/// A program to compile.
#[derive(Clone, Copy, Debug)]
pub struct Program<'n> {
    /// The name of its package.
    pub package: &'n str,
    /// The name of its binary.
    pub bin: &'n str,
}

/// Makes [`compile`] show cargo's progress on stderr from now on. Tests do not call it, because the progress would
/// appear between their results.
pub fn show_progress() {
    SHOWN.store(true, Ordering::Relaxed);
}

static SHOWN: AtomicBool = AtomicBool::new(false);

/// Compiles `programs` in one go, because linking each one keeps one processor busy for half a minute. Returns the
/// paths of the linked modules.
///
/// cargo decides what is up to date. The plugins have their own target folder, so that a test can build while the cargo
/// that runs the test locks the usual one.
pub fn compile(
    workspace: &Path,
    target_dir: &Path,
    programs: &[Program<'_>],
    variant: Variant,
) -> Result<Vec<PathBuf>, GuestError> {
    let folder = target_dir.join(WASM_TARGET).join(PROFILE);
    let modules: Vec<PathBuf> = programs
        .iter()
        .map(|program| folder.join(format!("{}.wasm", program.bin)))
        .collect();
    let names: Vec<&str> = programs.iter().map(|program| program.package).collect();
    if modules.iter().any(|module| !module.exists()) {
        let names = names.join(", ");
        eprintln!("compiling for Wasm: {names} (the first time takes some minutes) ...");
    }
    let mut command = cargo_for_wasm("build", workspace, target_dir)?;
    command.args(["--profile", PROFILE]);
    for Program { package, bin } in programs {
        command.args(["-p", package, "--bin", bin]);
    }
    match variant {
        Variant::Plain => {}
        Variant::WithNames => drop(command.env("CARGO_PROFILE_GUEST_STRIP", "debuginfo")),
        Variant::WithTraps => drop(command.args(["--features", "traps"])),
    }
    run(command, &names)?;
    Ok(modules)
}

/// Runs clippy on the code that exists only in Wasm. A warning is an error.
pub fn clippy() -> Result<(), GuestError> {
    let mut command = cargo_for_wasm(
        "clippy",
        tools::workspace_root(),
        &tools::target_dir().join("guests"),
    )?;
    let names = Guest::ALL.map(|guest| guest.folder);
    for name in names {
        command.args(["-p", name]);
    }
    command.args(["--", "-D", "warnings"]);
    run(command, &names)
}

/// Prepares `cargo SUBCOMMAND` for the plugins' target, with everything that makes the result the same on every
/// machine.
fn cargo_for_wasm(subcommand: &str, workspace: &Path, target_dir: &Path) -> Result<Command, GuestError> {
    ensure_wasm_target()?;
    let compiler = tools::c_compiler_for_wasm()?;
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    forget_outer_cargo(&mut command);
    command
        .current_dir(workspace)
        .args([subcommand, "--target", WASM_TARGET])
        .arg("--target-dir")
        .arg(target_dir)
        .env("CARGO_ENCODED_RUSTFLAGS", rust_flags(workspace)?)
        .env(tools::CC_FOR_WASM, &compiler.cc);
    if let Some(ar) = &compiler.ar {
        command.env(tools::AR_FOR_WASM, ar);
    }
    Ok(command)
}

/// Runs cargo on these packages. Shows its progress on stderr if [`show_progress`] was called.
fn run(mut command: Command, packages: &[&str]) -> Result<(), GuestError> {
    if SHOWN.load(Ordering::Relaxed) {
        command.stderr(Stdio::inherit());
    } else {
        command.env("CARGO_TERM_QUIET", "true");
    }
    let line = tools::command_line(&command);
    let output = command
        .output()
        .map_err(|source| tools::ToolError::CommandMissing {
            command: line,
            cure: "install Rust, or run this through cargo".into(),
            source,
        })?;
    if !output.status.success() {
        return Err(GuestError::DoesNotCompile {
            folder: packages.join(", "),
            status: output.status.to_string(),
            output: last_lines(&String::from_utf8_lossy(&output.stderr), 60),
        });
    }
    Ok(())
}

/// The flags in the format of `CARGO_ENCODED_RUSTFLAGS`. They keep paths of this machine out of the module.
fn rust_flags(workspace: &Path) -> Result<OsString, GuestError> {
    let mut flags = vec![
        format!("-Clink-arg=-zstack-size={STACK_SIZE}"),
        format!("-Clink-arg=--initial-heap={INITIAL_HEAP}"),
    ];
    if !TARGET_FEATURES.is_empty() {
        flags.push(format!("-Ctarget-feature=+{}", TARGET_FEATURES.join(",+")));
    }
    flags.extend(path_remaps(workspace)?);
    Ok(encoded(&flags))
}

/// Joins flags in the format of `CARGO_ENCODED_RUSTFLAGS`.
pub(crate) fn encoded(flags: &[String]) -> OsString {
    const SEPARATOR: &str = "\x1f";
    flags.join(SEPARATOR).into()
}

/// Flags that keep paths of this machine out of the result.
pub(crate) fn path_remaps(workspace: &Path) -> Result<Vec<String>, tools::ToolError> {
    // Later flags win. The workspace may lie in the home folder, or the other way round.
    let sysroot = rustc_output(&["--print", "sysroot"])?;
    let version = rustc_output(&["--version", "--verbose"])?;
    let commit = version
        .lines()
        .find_map(|line| line.strip_prefix("commit-hash: "))
        .unwrap_or("unknown");
    let cargo_home = cargo_home();
    let mut remaps = vec![
        (cargo_home.clone(), "/cargo".to_owned()),
        (workspace.to_path_buf(), "/oic-gateway".to_owned()),
        // The path that the compiler itself uses if the component rust-src is not installed.
        (
            Path::new(&sysroot).join("lib/rustlib/src/rust"),
            format!("/rustc/{commit}"),
        ),
    ];
    // The name of a registry's folder contains a hash of its address, which differs behind a mirror. This crate's own
    // dependencies were unpacked there, so it exists.
    let registries = fs::read_dir(cargo_home.join("registry/src"))
        .into_iter()
        .flatten()
        .flatten();
    let mut registries: Vec<PathBuf> = registries.map(|entry| entry.path()).collect();
    registries.sort();
    remaps.extend(registries.into_iter().map(|path| (path, "/crates".to_owned())));
    Ok(remaps
        .iter()
        .map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()))
        .collect())
}

fn cargo_home() -> PathBuf {
    std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(".cargo")))
        .unwrap_or_else(|| ".cargo".into())
}

/// Removes the variables that an outer cargo has set for this process. Some of them change the code. Build scripts
/// watch others, so `cargo test` and `cargo run` would each rebuild what the other built.
pub(crate) fn forget_outer_cargo(command: &mut Command) {
    const KEPT: [&str; 7] = [
        "CARGO_HOME",
        "CARGO_HTTP_",
        "CARGO_NET_",
        "CARGO_REGISTR",
        "CARGO_SOURCE_",
        "CARGO_BUILD_JOBS",
        "CARGO_TERM_",
    ];
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let of_cargo = text.starts_with("CARGO_") && !KEPT.iter().any(|kept| text.starts_with(kept));
        if of_cargo || FOREIGN_SETTINGS.contains(&text.as_ref()) {
            command.env_remove(&name);
        }
    }
}

/// Settings of the caller's build that must not reach the plugins.
const FOREIGN_SETTINGS: &[&str] = &[
    "LD_LIBRARY_PATH",
    "OUT_DIR",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
    "TARGET_CFLAGS",
    "CFLAGS",
];

/// The profile of the plugins, in the workspace's `Cargo.toml`.
const PROFILE: &str = "guest";
