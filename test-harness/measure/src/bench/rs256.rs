//! Times one RS256 check (2048 bits) inside Traefik with three implementations.

use serde::Serialize;

use crate::signature_speed::{self, Kind};

/// Microseconds per check. `None` where there is no figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Rs256 {
    /// The implementation that the plugins use.
    pub ours: Option<f64>,
    /// The crate `ring`.
    pub ring: Option<f64>,
    /// The crate `jwt-simple`.
    pub jwt_simple: Option<f64>,
}

/// Measures with a probe in a separate Traefik.
pub(super) fn measure() -> Rs256 {
    const BITS: usize = 2048;
    const ROUNDS: u32 = 201;
    match signature_speed::measure(Kind::Rs256(BITS), ROUNDS) {
        Ok(times) => Rs256 {
            ours: times.ours,
            ring: Some(times.ring),
            jwt_simple: Some(times.jwt_simple),
        },
        Err(error) => {
            eprintln!("bench: no times of RS256 checks: {error}");
            Rs256::default()
        }
    }
}
