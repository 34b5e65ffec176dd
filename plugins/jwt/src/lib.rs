//! The plugin `jwt`: lets a request pass only with an access token that the identity provider signed.
//!
//! In scope: the options ([`Options`]), taking the token from the request, the order of the checks
//! ([`Jwt`]), the answers of RFC 6750, and remembering tokens that were verified. Where keys come from is a
//! trait ([`KeySource`]), so all of this runs natively.
//!
//! Out of scope: tokens and keys themselves (crate `jose`), fetching keys (crate `egress`), the host (crate
//! `guest`).
#![forbid(unsafe_code)]

mod answer;
mod authenticate;
mod bearer;
mod cache_control;
mod config;
mod keys;
mod plugin;
mod remote_keys;
mod token_field;
mod verified_tokens;

pub use authenticate::Jwt;
pub use config::{KeyOptions, KeyUrl, Options, RemoteKeyOptions, Rules};
pub use keys::{Issuers, KeySource, KeysUnavailable, StaticKeys};
pub use plugin::JwtPlugin;
pub use token_field::TokenField;
