//! Times one signature check inside Traefik with three implementations.

use serde::Serialize;

use crate::signature_speed::{self, Kind};

/// Microseconds per check. `None` where there is no figure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct CheckTimes {
    /// The implementation that the plugins use.
    pub ours: Option<f64>,
    /// The crate `ring`.
    pub ring: Option<f64>,
    /// The crate `jwt-simple`.
    pub jwt_simple: Option<f64>,
}

impl CheckTimes {
    /// How many times as fast as ring the plugins' implementation is.
    pub(super) fn times_as_fast_as_ring(self) -> Option<f64> {
        self.ours.zip(self.ring).map(|(ours, ring)| ring / ours)
    }
}

const ROUNDS: u32 = 201;

/// Measures RS256 (2048 bits) with a probe in a separate Traefik.
pub(super) fn rs256() -> CheckTimes {
    times(Kind::Rs256(2048))
}

/// Measures ES256 with a probe in a separate Traefik.
pub(super) fn es256() -> CheckTimes {
    times(Kind::Es256)
}

fn times(kind: Kind) -> CheckTimes {
    match signature_speed::measure(kind, ROUNDS) {
        Ok(speed) => CheckTimes {
            ours: speed.ours,
            ring: Some(speed.ring),
            jwt_simple: Some(speed.jwt_simple),
        },
        Err(error) => {
            eprintln!("bench: no times of {kind} checks: {error}");
            CheckTimes::default()
        }
    }
}
