//! Compact JSON Web Signatures and JSON Web Key Sets.
//!
//! In scope: parsing a token ([`Token`]), reading keys ([`KeySet`]), and checking the signature. RFC 7515 (JWS), 7517
//! (JWK), 7518 (algorithms), 7519 (JWT), 8037 (EdDSA), 8725 (best practices).
//!
//! Out of scope: judging claims (crate `claims`), fetching or caching keys, options, HTTP, clocks. Nothing here does
//! I/O.
//!
//! A token passes three gates, the cheapest first. No gate relies on anything that a later gate has yet to prove:
//!
//! ```text
//! bytes ──Token::parse──▶ Token ──claims::Policy::judge──▶ not refused yet ──Token::verify──▶ VerifiedClaims
//!         shape, header          time, issuer, …                             keys, signature
//! ```
//!
//! Only [`Token::verify`] makes [`VerifiedClaims`], so code that asks for them cannot skip the signature.
#![forbid(unsafe_code)]

mod algorithm;
mod claims;
mod elliptic_curve;
mod header;
mod json;
mod jwk;
mod key;
mod key_set;
mod key_set_error;
mod pem;
mod rejection;
mod rsa;
mod strict_json;
#[cfg(test)]
mod test_keys;
mod token;
mod unusable_key;
mod verify;

pub use algorithm::{Algorithm, KeyType};
pub use claims::{Claims, VerifiedClaims};
pub use header::Header;
pub use json::{Members, Number, Value};
pub use key_set::KeySet;
pub use key_set_error::{IgnoredKey, KeySetError, NotAKeySet};
pub use rejection::Rejection;
pub use token::{Acceptance, Token};
pub use unusable_key::UnusableKey;
pub use verify::Unverified;
