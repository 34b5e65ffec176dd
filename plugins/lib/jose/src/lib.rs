//! Compact JSON Web Signatures and JSON Web Key Sets, judged at a given time.
//!
//! In scope: taking a token apart ([`Token`]), reading keys ([`KeySet`]), checking the signature, and judging
//! claims ([`Policy`]). RFC 7515 (JWS), 7517 (JWK), 7518 (algorithms), 7519 (JWT), 8037 (EdDSA), 8725
//! (advice).
//!
//! Out of scope: fetching or caching keys, HTTP, configuration, clocks. Nothing here does I/O.
//!
//! A token passes three gates, cheapest first, and none of them trusts what a later one has yet to prove:
//!
//! ```text
//! bytes ──Token::parse──▶ Token ──Policy::judge──▶ not refused yet ──Token::verify──▶ VerifiedClaims
//!         shape, header          time, issuer, …                     keys, signature
//! ```
//!
//! Only [`Token::verify`] makes [`VerifiedClaims`], so code that asks for them cannot skip the signature.
#![forbid(unsafe_code)]

mod algorithm;
mod claim_headers;
mod claim_path;
mod claim_requirement;
mod claims;
mod expression;
mod header;
mod json;
mod jwk;
mod key;
mod key_set;
mod pem;
mod policy;
mod rejection;
mod rsa;
mod scopes;
mod strict_json;
#[cfg(test)]
mod test_keys;
mod token;
mod token_kind;
mod verify;

pub use algorithm::{Algorithm, KeyType};
pub use claim_headers::{ClaimHeaders, ClaimValues};
pub use claim_path::{ClaimPath, ClaimPathError};
pub use claim_requirement::ClaimRequirement;
pub use claims::{Claims, VerifiedClaims};
pub use expression::{Expression, ExpressionError};
pub use header::Header;
pub use json::{Members, Number, Value};
pub use jwk::UnusableKey;
pub use key_set::{IgnoredKey, KeySet, KeySetError, NotAKeySet};
pub use policy::{Policy, Validity, same_issuer};
pub use rejection::Rejection;
pub use scopes::{check_scopes, granted_scopes};
pub use token::{Acceptance, Token};
pub use token_kind::other_kind;
pub use verify::Unverified;
