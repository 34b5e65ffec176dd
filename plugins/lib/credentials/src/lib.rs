//! What a caller proves himself with, as it stands in a request.
//!
//! In scope: taking a bearer token (RFC 6750) or a name and a password (RFC 7617) out of a request, and out of it alone
//! one way: where two readers could see two credentials the request is refused.
//!
//! Out of scope: whether they are any good (the plugins).
#![forbid(unsafe_code)]

mod basic;
pub mod bearer;
pub mod challenge;
mod token_field;

pub use basic::{Basic, NoBasic};
pub use token_field::TokenField;
