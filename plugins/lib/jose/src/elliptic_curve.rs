//! Public keys of the curves P-256 and P-384.
//!
//! The plugins use jwt-simple's keys. They contain those of the crates `p256` and `p384`. The operators' tool uses the
//! inner keys directly: it reads the same keys, and compiles without jwt-simple's other algorithms.

#[cfg(not(feature = "jwt-simple"))]
mod direct;

#[cfg(not(feature = "jwt-simple"))]
pub(crate) use direct::{P256PublicKey, P384PublicKey};
#[cfg(feature = "jwt-simple")]
pub(crate) use jwt_simple::algorithms::{P256PublicKey, P384PublicKey};
