//! What one RS256 check (2048 bits) takes inside Traefik, by three implementations.

use serde::Serialize;

use crate::rsa_speed;

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

/// Has a probe inside a Traefik of its own measure them.
pub(super) fn measure() -> Rs256 {
    const BITS: usize = 2048;
    const ROUNDS: u32 = 201;
    match rsa_speed::measure(BITS, ROUNDS) {
        Ok(times) => Rs256 {
            ours: Some(times.ours),
            ring: Some(times.ring),
            jwt_simple: Some(times.jwt_simple),
        },
        Err(error) => {
            eprintln!("bench: no times of RS256 checks: {error}");
            Rs256::default()
        }
    }
}
