//! Rules about the claims of a token, and request headers made from claims.
//!
//! In scope: judging claims at a given time ([`Policy`]), rules about single claims ([`ClaimRequirement`],
//! [`Expression`]), scopes, and headers ([`ClaimHeaders`]). The options behind these rules are read here too.
//!
//! Out of scope: tokens, keys and signatures (crate `jose`), and answers to clients. Nothing here does I/O.
//!
//! Rules judge [`jose::Claims`], proven or not. A plugin may refuse a request because of unproven claims, but it must
//! never accept one because of them.
#![forbid(unsafe_code)]

mod expression;
mod headers;
mod issuer;
mod path;
mod policy;
mod requirement;
mod scopes;
mod token_kind;

pub use expression::{Expression, ExpressionError};
pub use headers::{ClaimHeaders, ClaimValues};
pub use issuer::same_issuer;
pub use path::{ClaimPath, ClaimPathError};
pub use policy::{Policy, Validity};
pub use requirement::ClaimRequirement;
pub use scopes::{check_scopes, granted_scopes};
pub use token_kind::other_kind;
