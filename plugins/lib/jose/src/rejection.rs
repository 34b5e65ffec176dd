//! Why a token is refused.

/// Why a token is refused. For the log: a caller learns no more than "invalid" or "insufficient scope".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Rejection {
    /// Longer than the configured limit, or with more than 20,000 values in its header or claims.
    #[error("the token is longer than allowed")]
    TooLong,
    /// It does not have three non-empty parts. An unsigned token (`alg` `none`) has an empty third part.
    #[error("the token does not consist of three non-empty parts")]
    NotCompact,
    /// A part is not canonical base64url without padding. RFC 7515 §2.
    #[error("a part of the token is not unpadded base64url")]
    NotBase64Url,
    /// The header is not a JSON object, or one of its members is of a wrong type.
    #[error("the header is malformed")]
    MalformedHeader,
    /// The payload is not a JSON object, or a claim is of a wrong type.
    #[error("the claims are malformed")]
    MalformedClaims,
    /// A member name occurs twice, so that two readers could see two values. RFC 7515 §4, RFC 7519 §4.
    #[error("a JSON member occurs twice")]
    DuplicateMember,
    /// The JSON is nested deeper than in any honest token.
    #[error("the JSON is nested too deeply")]
    NestedTooDeeply,
    /// `alg` is `none`, or a name that this crate does not know.
    #[error("the signature algorithm is unknown")]
    UnknownAlgorithm,
    /// `alg` is known but not on the allow-list.
    #[error("the signature algorithm is not allowed here")]
    AlgorithmNotAllowed,
    /// `crit` or `b64` asks for an extension. None is supported. RFC 7515 §4.1.11, RFC 7797.
    #[error("the header demands an extension")]
    UnsupportedExtension,
    /// `jwk`, `jku` or `x5u`: the token brings or names its own key. RFC 8725 §3.10.
    #[error("the header brings or names its own key")]
    EmbeddedKey,
    /// `cty` or `typ` say that this is a nested token or one made for another purpose. RFC 8725 §3.11.
    #[error("the header says that this is not an access token")]
    WrongType,
    /// No key of the set fits `kid` and `alg`.
    #[error("no key fits the token's kid and algorithm")]
    UnknownKey,
    /// Some keys fit, but none of them verifies the signature.
    #[error("the signature does not verify")]
    BadSignature,
    /// The claims say that this is an ID token, a refresh token or another kind of token. RFC 8725 §3.12.
    #[error("the claims say that this is not an access token")]
    NotAccessToken,
    /// `exp`, `nbf` or `iat` is not a time between 1970 and 9999.
    #[error("a time is not between 1970 and 9999")]
    InvalidTime,
    /// There is no `exp`, and one is required.
    #[error("there is no exp")]
    NoExpiry,
    /// `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// `nbf` is in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `iat` is in the future.
    #[error("the token was issued in the future")]
    IssuedInFuture,
    /// `iss` is not one of the issuers.
    #[error("the issuer is not accepted")]
    WrongIssuer,
    /// The tenant is a different one, or is not named.
    #[error("the tenant is not accepted")]
    WrongTenant,
    /// `aud` names none of the audiences.
    #[error("the token is meant for another audience")]
    WrongAudience,
    /// A claim is missing, or has none of the values that `verifyClaims` accepts.
    #[error("a claim is not what it must be")]
    ClaimNotVerified,
    /// A claim cannot become a request header: it has control characters, or blanks around it.
    #[error("a claim cannot be a header")]
    UnfitForHeader,
    /// A required scope is missing. The answer is 403: the caller is known, but not permitted.
    #[error("a required scope is missing")]
    InsufficientScope,
    /// The expression about claims does not hold. The answer is 403 as well.
    #[error("the claims do not satisfy the expression")]
    ClaimsNotMet,
}

impl Rejection {
    /// Every reason.
    pub const ALL: [Self; 27] = [
        Self::TooLong,
        Self::NotCompact,
        Self::NotBase64Url,
        Self::MalformedHeader,
        Self::MalformedClaims,
        Self::DuplicateMember,
        Self::NestedTooDeeply,
        Self::UnknownAlgorithm,
        Self::AlgorithmNotAllowed,
        Self::UnsupportedExtension,
        Self::EmbeddedKey,
        Self::WrongType,
        Self::UnknownKey,
        Self::BadSignature,
        Self::NotAccessToken,
        Self::InvalidTime,
        Self::NoExpiry,
        Self::Expired,
        Self::NotYetValid,
        Self::IssuedInFuture,
        Self::WrongIssuer,
        Self::WrongTenant,
        Self::WrongAudience,
        Self::ClaimNotVerified,
        Self::UnfitForHeader,
        Self::InsufficientScope,
        Self::ClaimsNotMet,
    ];

    /// Whether the token itself is good, but does not permit the request. Only a caller with a proven token is told so.
    pub const fn is_forbidden(self) -> bool {
        matches!(self, Self::InsufficientScope | Self::ClaimsNotMet)
    }

    /// A stable code for the log, for example `expired`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too_long",
            Self::NotCompact => "not_compact",
            Self::NotBase64Url => "not_base64url",
            Self::MalformedHeader => "malformed_header",
            Self::MalformedClaims => "malformed_claims",
            Self::DuplicateMember => "duplicate_member",
            Self::NestedTooDeeply => "nested_too_deeply",
            Self::UnknownAlgorithm => "unknown_algorithm",
            Self::AlgorithmNotAllowed => "algorithm_not_allowed",
            Self::UnsupportedExtension => "unsupported_extension",
            Self::EmbeddedKey => "embedded_key",
            Self::WrongType => "wrong_type",
            Self::UnknownKey => "unknown_key",
            Self::BadSignature => "bad_signature",
            Self::NotAccessToken => "not_access_token",
            Self::InvalidTime => "invalid_time",
            Self::NoExpiry => "no_expiry",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::IssuedInFuture => "issued_in_future",
            Self::WrongIssuer => "wrong_issuer",
            Self::WrongTenant => "wrong_tenant",
            Self::WrongAudience => "wrong_audience",
            Self::ClaimNotVerified => "claim_not_verified",
            Self::UnfitForHeader => "unfit_for_header",
            Self::InsufficientScope => "insufficient_scope",
            Self::ClaimsNotMet => "claims_not_met",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_reason_has_a_code_of_its_own() {
        let codes: HashSet<_> = Rejection::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Rejection::ALL.len());
    }
}
