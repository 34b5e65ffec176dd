//! The OAuth 2.0 token endpoint as a client sees it (RFC 6749), without any I/O.
//!
//! In scope: token requests ([`TokenRequest`]), client authentication ([`ClientAuthentication`]), and what the
//! answers of real providers mean ([`AccessToken`], [`TokenError`]).
//!
//! Out of scope: sending requests and keeping tokens (crate `egress` and the plugins), verifying them (`jose`).
#![forbid(unsafe_code)]

mod access_token;
mod client;
mod refresh_token;
mod request;
mod response;

pub use access_token::AccessToken;
pub use client::{ClientAuthentication, ClientCredentials};
pub use refresh_token::refresh_token;
pub use request::TokenRequest;
pub use response::{TokenError, TokenResponse};
