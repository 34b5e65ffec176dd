//! The plugin `jwt`: lets a request pass only with an access token that the identity provider signed.
//!
//! In scope: the options ([`Options`]), taking the token from the request, the order of the checks ([`Jwt`]), which token
//! permits which path ([`Access`]), the answers to callers, and remembering verified tokens. The source of keys is a trait
//! ([`KeySource`]), so all of this runs natively.
//!
//! Out of scope: tokens and keys (crate `jose`), rules about claims (crate `claims`), sharing fetched keys (crate
//! `shared-state`), the host (crate `guest`).
#![forbid(unsafe_code)]

mod accepted_issuers;
mod access;
mod answer;
mod authenticate;
mod cache_control;
mod config;
mod keys;
mod keys_login;
mod plugin;
mod remote_keys;
mod verified_tokens;

pub use accepted_issuers::AcceptedIssuers;
pub use access::{Access, AccessRule, Denial, OnDeny, PathPattern, PatternError, RequestPath, Satisfied};
pub use authenticate::Jwt;
pub use bearer::TokenHeader;
pub use config::{KeyOptions, KeyUrl, Options, RemoteKeyOptions, Rules};
pub use credentials::TokenField;
use credentials::bearer;
pub use keys::{Issuers, KeySource, StaticKeys};
pub use keys_login::KeysLogin;
pub use plugin::JwtPlugin;
