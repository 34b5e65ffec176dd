//! The OAuth 2.0 token endpoint as a client sees it (RFC 6749).
//!
//! In scope: token requests ([`TokenRequest`]), client authentication ([`ClientAuthentication`]) with its options
//! ([`ClientOptions`]), signed assertions ([`AssertionSigner`]), and the answers of real providers ([`AccessToken`],
//! [`TokenError`]).
//!
//! Out of scope: connections (crate `egress`), keeping and sharing tokens (crate `shared-state`), verifying them (crate
//! `jose`). Nothing here does I/O by itself.
#![forbid(unsafe_code)]

mod access_token;
mod assertion;
mod client;
mod fetch;
mod options;
mod parameters;
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
pub use parameters::endpoint_parameters;
pub use refresh_token::refresh_token;
pub use request::{RequestError, TokenRequest};
pub use response::{TokenError, TokenResponse};
pub use signing_key::SigningError;
