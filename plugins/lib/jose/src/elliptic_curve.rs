//! Public keys of the curve P-384.
//!
//! The plugins use jwt-simple's key, which contains that of the crate `p384`: in Traefik it is faster than ring. The
//! operators' tool uses ring: it reads the same keys, and compiles without the crates of elliptic curves.

#[cfg(feature = "jwt-simple")]
mod by_jwt_simple;
#[cfg(not(feature = "jwt-simple"))]
mod by_ring;

#[cfg(feature = "jwt-simple")]
pub(crate) use by_jwt_simple::P384PublicKey;
#[cfg(not(feature = "jwt-simple"))]
pub(crate) use by_ring::P384PublicKey;
