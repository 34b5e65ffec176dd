//! What one RS256 check (2048 bits) takes inside Traefik, by three implementations.

use serde::Serialize;

/// Microseconds per check; `None` where there is no figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Rs256 {
    /// The one that the plugins use.
    pub ours: Option<f64>,
    /// The crate `ring`.
    pub ring: Option<f64>,
    /// The crate `jwt-simple`.
    pub jwt_simple: Option<f64>,
}

/// The place where a probe that runs inside Traefik reports.
pub(super) fn measure() -> Rs256 {
    Rs256::default()
}
