//! Guests that are not plugins (crate `host-probes`), laid out where Traefik looks for plugins.

use std::path::Path;

use serde_json::json;

use super::cargo::{Program, compile};
use super::error::GuestError;
use super::layout::{MANIFEST, MODULE_PREFIX, WASM, create_dir, plugin_dir, read, write};
use super::variant::Variant;
use crate::tools;

/// Builds the probe `bin` and returns its module as linked.
pub fn build_probe(bin: &str) -> Result<Vec<u8>, GuestError> {
    let target = tools::target_dir().join("guests");
    let program = Program {
        package: "host-probes",
        bin,
    };
    let linked = compile(tools::workspace_root(), &target, &[program], Variant::Plain)?;
    linked.iter().try_fold(Vec::new(), |_, module| read(module))
}

/// Lays `wasm` out below `root` as the plugin with the module name [`probe_module`]`(name)`.
pub fn lay_out_probe(root: &Path, name: &str, wasm: &[u8]) -> Result<(), GuestError> {
    let folder = plugin_dir(root, name);
    create_dir(&folder)?;
    write(&folder.join(WASM), wasm)?;
    let manifest = json!({
        "displayName": name, "type": "middleware", "runtime": "wasm", "wasmPath": WASM,
        "import": probe_module(name), "summary": "A probe", "testData": {},
    });
    write(&folder.join(MANIFEST), manifest.to_string().as_bytes())
}

/// The module name of a probe that was laid out as `name`.
pub fn probe_module(name: &str) -> String {
    format!("{MODULE_PREFIX}/{name}")
}
