//! Public keys of the curve P-384.
//!
//! The plugins use jwt-simple's key. It contains that of the crate `p384`. The operators' tool uses the inner key
//! directly: it reads the same keys, and compiles without jwt-simple's other algorithms.

#[cfg(not(feature = "jwt-simple"))]
mod direct;

#[cfg(not(feature = "jwt-simple"))]
pub(crate) use direct::P384PublicKey;
#[cfg(feature = "jwt-simple")]
pub(crate) use jwt_simple::algorithms::P384PublicKey;
