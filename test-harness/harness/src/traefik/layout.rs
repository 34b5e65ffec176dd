//! The names of files and entry points of each Traefik.

/// The entry point that tests call.
pub(super) const WEB: &str = "web";
/// The entry point of Traefik's API and dashboard, with `api.insecure`.
pub(super) const API: &str = "traefik";

/// The folder that the file provider watches.
pub(super) const DYNAMIC_DIR: &str = "dynamic";

/// Traefik's log.
pub(super) const LOG: &str = "traefik.log";
/// The access log.
pub(super) const ACCESS_LOG: &str = "access.log";
/// Traefik's output: errors from before the log is open.
pub(super) const OUTPUT: &str = "output.log";
