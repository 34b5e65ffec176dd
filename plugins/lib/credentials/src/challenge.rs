//! Refusals with the `WWW-Authenticate` challenges that belong to them. RFC 6750 §3, RFC 7617 §2.
//!
//! An answer tells a client how to do better, and nothing that an attacker could use.

use middleware::{Problem, Reason};

use crate::bearer::NoToken;

/// Asks for a name and a password in UTF-8 (RFC 7617 §2.1).
pub const BASIC: &str = r#"Basic realm="oic-gateway", charset="UTF-8""#;

const BEARER: &str = r#"Bearer realm="oic-gateway""#;

/// 401: the request has no token. RFC 6750 §3: the challenge then names no error.
pub fn missing_token() -> Problem {
    Problem::new(Reason::MissingToken).challenge(BEARER)
}

/// 400: the request itself is malformed.
pub fn invalid_request() -> Problem {
    Problem::new(Reason::InvalidRequest).challenge(with_error("invalid_request"))
}

/// 401: the token is not acceptable.
pub fn invalid_token() -> Problem {
    Problem::new(Reason::InvalidToken).challenge(with_error("invalid_token"))
}

/// 403: the token is good, but lacks a right. `wanted` are the scopes that would help, if any.
pub fn insufficient_scope(wanted: &[String]) -> Problem {
    Problem::new(Reason::InsufficientScope).challenge(with_scopes(wanted))
}

/// 401 instead of 403, if a rule asks for it.
pub fn unauthorized(wanted: &[String]) -> Problem {
    Problem::new(Reason::Unauthorized).challenge(with_scopes(wanted))
}

/// The answer to a request without a usable token.
pub fn no_token(no_token: NoToken) -> Problem {
    match no_token {
        NoToken::Missing => missing_token(),
        NoToken::Malformed => invalid_request(),
        NoToken::FormTooLong => Problem::new(Reason::FormTooLong),
    }
}

/// 401: the request has no name and password.
pub fn missing_basic() -> Problem {
    Problem::new(Reason::MissingCredentials).challenge(BASIC)
}

/// 401: name and password are wrong.
pub fn invalid_basic() -> Problem {
    Problem::new(Reason::InvalidCredentials).challenge(BASIC)
}

fn with_scopes(wanted: &[String]) -> String {
    let challenge = with_error("insufficient_scope");
    match wanted {
        [] => challenge,
        wanted => format!("{challenge}, scope=\"{}\"", wanted.join(" ")),
    }
}

fn with_error(error: &str) -> String {
    format!("{BEARER}, error=\"{error}\"")
}
