//! What a refused caller is told. RFC 6750 §3: little, and nothing an attacker could use.

use jose::Rejection;
use middleware::{Problem, Reason};

use crate::KeysUnavailable;
use crate::bearer::NoToken;

/// Why a request does not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no token to judge.
    NoToken(NoToken),
    /// The token is refused.
    Rejected(Rejection),
    /// The token cannot be judged.
    KeysUnavailable(KeysUnavailable),
}

impl From<NoToken> for Refusal {
    fn from(no_token: NoToken) -> Self {
        Self::NoToken(no_token)
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl From<KeysUnavailable> for Refusal {
    fn from(unavailable: KeysUnavailable) -> Self {
        Self::KeysUnavailable(unavailable)
    }
}

impl Refusal {
    /// A stable code for the log.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::NoToken(NoToken::Missing) => "missing_token",
            Self::NoToken(NoToken::Malformed) => "malformed_authorization",
            Self::NoToken(NoToken::FormTooLong) => "form_too_long",
            Self::Rejected(rejection) => rejection.code(),
            Self::KeysUnavailable(KeysUnavailable { overloaded: true, .. }) => "overloaded",
            Self::KeysUnavailable(_) => "keys_unavailable",
        }
    }

    /// The answer. `required_scopes` are told to a caller who lacks one of them (RFC 6750 §3.1).
    pub(crate) fn problem(self, required_scopes: &[String]) -> Problem {
        match self {
            Self::NoToken(NoToken::Missing) => Problem::new(Reason::MissingToken).challenge(REALM),
            Self::NoToken(NoToken::Malformed) => {
                Problem::new(Reason::InvalidRequest).challenge(with_error("invalid_request"))
            }
            Self::NoToken(NoToken::FormTooLong) => Problem::new(Reason::FormTooLong),
            Self::Rejected(Rejection::ClaimsNotMet) => {
                Problem::new(Reason::InsufficientScope).challenge(with_error("insufficient_scope"))
            }
            Self::Rejected(Rejection::InsufficientScope) => {
                let scope = required_scopes.join(" ");
                Problem::new(Reason::InsufficientScope)
                    .challenge(format!("{}, scope=\"{scope}\"", with_error("insufficient_scope")))
            }
            Self::Rejected(_) => Problem::new(Reason::InvalidToken).challenge(with_error("invalid_token")),
            Self::KeysUnavailable(unavailable) => {
                let reason = if unavailable.overloaded {
                    Reason::Overloaded
                } else {
                    Reason::IdentityProviderUnavailable
                };
                Problem::new(reason).retry_after(unavailable.retry_after_seconds)
            }
        }
    }
}

fn with_error(error: &str) -> String {
    format!("{REALM}, error=\"{error}\"")
}

const REALM: &str = r#"Bearer realm="oic-gateway""#;

#[cfg(test)]
mod tests {
    use super::*;
    use middleware::Reply;

    fn reply(refusal: Refusal) -> (u16, Option<String>, Option<String>) {
        let reply = Reply::from(refusal.problem(&["read".to_owned(), "write".to_owned()]));
        let header = |name: &str| {
            let mut found = reply.headers.iter().filter(|(header, _)| *header == name);
            found.next().map(|(_, value)| value.clone())
        };
        (reply.status, header("WWW-Authenticate"), header("Retry-After"))
    }

    #[test]
    fn answers_follow_rfc_6750() {
        let unavailable = |overloaded| {
            Refusal::KeysUnavailable(KeysUnavailable {
                retry_after_seconds: 7,
                overloaded,
            })
        };
        for (refusal, status, challenge, retry_after) in [
            (
                NoToken::Missing.into(),
                401,
                Some(r#"Bearer realm="oic-gateway""#),
                None,
            ),
            (
                NoToken::Malformed.into(),
                400,
                Some(r#"Bearer realm="oic-gateway", error="invalid_request""#),
                None,
            ),
            (
                Rejection::InsufficientScope.into(),
                403,
                Some(r#"Bearer realm="oic-gateway", error="insufficient_scope", scope="read write""#),
                None,
            ),
            (
                Rejection::ClaimsNotMet.into(),
                403,
                Some(r#"Bearer realm="oic-gateway", error="insufficient_scope""#),
                None,
            ),
            (NoToken::FormTooLong.into(), 413, None, None),
            (unavailable(false), 503, None, Some("7")),
            (unavailable(true), 503, None, Some("7")),
        ] {
            let (got_status, got_challenge, got_retry_after) = reply(refusal);
            assert_eq!(
                (got_status, got_challenge.as_deref(), got_retry_after.as_deref()),
                (status, challenge, retry_after),
                "{refusal:?}"
            );
        }
    }

    #[test]
    fn every_other_rejection_looks_the_same() {
        let answers: Vec<_> = Rejection::ALL
            .into_iter()
            .filter(|rejection| !rejection.is_forbidden())
            .map(|rejection| Reply::from(Refusal::from(rejection).problem(&[])))
            .collect();
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
        assert_eq!(
            reply(Rejection::Expired.into()),
            (
                401,
                Some(r#"Bearer realm="oic-gateway", error="invalid_token""#.to_owned()),
                None
            )
        );
    }
}
