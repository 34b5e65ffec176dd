//! The OAuth 2.0 token endpoint as a client sees it (RFC 6749), without any I/O.
//!
//! In scope: token requests ([`TokenRequest`]), client authentication ([`ClientAuthentication`]) with its options
//! ([`ClientOptions`]), signed assertions ([`AssertionSigner`]), and what the answers of real providers mean
//! ([`AccessToken`], [`TokenError`]).
//!
//! Out of scope: sending requests (crate `egress`), keeping tokens (crate `shared-state` and the plugins), verifying
//! them (`jose`).
#![forbid(unsafe_code)]

mod access_token;
mod assertion;
mod client;
mod options;
mod refresh_token;
mod request;
mod response;
mod signing_key;
#[cfg(test)]
mod tests;

pub use access_token::AccessToken;
pub use assertion::{AssertionClaims, AssertionSigner};
pub use client::{Client, ClientAuthentication};
pub use options::{AssertionOptions, ClientOptions};
pub use refresh_token::refresh_token;
pub use request::{RequestError, TokenRequest};
pub use response::{TokenError, TokenResponse};
pub use signing_key::SigningError;
