//! The credentials in a request, and the refusals of requests without good ones.
//!
//! In scope: taking a bearer token (RFC 6750) or a name and a password (RFC 7617) from a request, and the challenges in
//! refusals. A request in which two readers could see two different credentials is refused.
//!
//! Out of scope: whether credentials are valid (the plugins).
#![forbid(unsafe_code)]

mod basic;
pub mod bearer;
pub mod challenge;
mod token_digest;
mod token_field;

pub use basic::{Basic, NoBasic};
pub use token_digest::{TokenDigest, TokenHasher};
pub use token_field::TokenField;
