//! The plugin `jwt`: lets a request pass only with an access token that the identity provider signed.
//!
//! This crate has the options ([`Options`]), takes the token from the request, checks it ([`Jwt`]), decides which token
//! permits which path ([`Access`]), answers refused requests, and remembers verified tokens. The source of keys is a
//! trait ([`KeySource`]), so all of this runs natively.
//!
//! Other crates handle tokens and keys (`jose`), rules about claims (`claims`), sharing of fetched keys
//! (`shared-state`), and the host (`guest`).
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
