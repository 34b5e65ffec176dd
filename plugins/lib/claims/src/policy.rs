//! What claims must say. RFC 7519 §4.1, RFC 9068 §4, and the habits of IDCS.

use std::time::Duration;

use jose::{Claims, Rejection, Value};
use middleware::{UnixTime, work};

use crate::expression::Expression;
use crate::issuer::{first_host_label, same_issuer, without_https_port};
use crate::requirement::ClaimRequirement;
use crate::scopes::granted_scopes;
use crate::token_kind;

/// The rules a token's claims must satisfy. An empty list or `None` means that the rule is not applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Accepted values of `iss`. One trailing slash and the port `:443` of an https URL make no difference.
    pub issuers: Vec<String>,
    /// Accepted audiences; one match with `aud` is enough. The port `:443` of an https URL makes no
    /// difference.
    pub audiences: Vec<String>,
    /// What single claims must be.
    pub verify_claims: Vec<ClaimRequirement>,
    /// Scopes that `scope` or `scp` must all contain.
    pub required_scopes: Vec<String>,
    /// How far clocks may differ; applied to `exp`, `nbf` and `iat`.
    pub leeway: Duration,
    /// Whether a token without `exp` is refused.
    pub require_exp: bool,
    /// The IDCS tenant (`idcs-…`) the token must come from. All tenants share one issuer, so `iss` cannot
    /// tell.
    pub tenant: Option<String>,
    /// What must be true of the claims.
    pub claims: Option<Expression>,
}

/// When claims are acceptable, leeway included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    not_before: UnixTime,
    /// [`UnixTime::MAX`] for a token without `exp`.
    expires: UnixTime,
}

impl Policy {
    /// Judges claims at `now`. What forbids ([`Rejection::is_forbidden`]) comes last, so such a rejection means that
    /// everything else is in order.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn judge(&self, claims: &Claims, now: UnixTime) -> Result<Validity, Rejection> {
        token_kind::check(claims)?;
        let validity = self.judge_times(claims, now)?;
        self.judge_issuer(claims)?;
        self.judge_tenant(claims)?;
        self.judge_audience(claims)?;
        let verified = self.verify_claims.iter().all(|it| it.is_met(claims));
        accept_if(verified, Rejection::ClaimNotVerified)?;
        self.judge_scopes(claims)?;
        if let Some(expression) = &self.claims {
            accept_if(expression.holds(claims), Rejection::ClaimsNotMet)?;
        }
        Ok(validity)
    }

    fn judge_times(&self, claims: &Claims, now: UnixTime) -> Result<Validity, Rejection> {
        let expires = match claims.time("exp")? {
            Some(exp) => exp.plus(self.leeway),
            None if self.require_exp => return Err(Rejection::NoExpiry),
            None => UnixTime::MAX,
        };
        let not_before = claims.time("nbf")?.unwrap_or_default().minus(self.leeway);
        let issued = claims.time("iat")?.unwrap_or_default().minus(self.leeway);
        if now >= expires {
            return Err(Rejection::Expired);
        }
        if now < not_before {
            return Err(Rejection::NotYetValid);
        }
        if now < issued {
            return Err(Rejection::IssuedInFuture);
        }
        Ok(Validity {
            not_before: not_before.max(issued),
            expires,
        })
    }

    fn judge_issuer(&self, claims: &Claims) -> Result<(), Rejection> {
        if self.issuers.is_empty() {
            return Ok(());
        }
        let Some(Value::String(issuer)) = claims.get("iss") else {
            return Err(Rejection::WrongIssuer);
        };
        let same = |accepted: &String| same_issuer(accepted, issuer);
        accept_if(self.issuers.iter().any(same), Rejection::WrongIssuer)
    }

    /// IDCS names the tenant in `tenant`. Newer domains add `tenant_iss`, the domain's URL, whose first
    /// host label is the tenant's name; it counts only where `tenant` is missing.
    fn judge_tenant(&self, claims: &Claims) -> Result<(), Rejection> {
        let Some(expected) = &self.tenant else {
            return Ok(());
        };
        let named = match (claims.get("tenant"), claims.get("tenant_iss")) {
            (Some(Value::String(tenant)), _) => Some(tenant.as_str()),
            (None, Some(Value::String(url))) => first_host_label(url),
            _ => None,
        };
        accept_if(named == Some(expected), Rejection::WrongTenant)
    }

    fn judge_audience(&self, claims: &Claims) -> Result<(), Rejection> {
        if self.audiences.is_empty() {
            return Ok(());
        }
        let audience = match claims.get("aud") {
            Some(Value::String(audience)) => vec![audience.as_str()],
            Some(Value::Array(audiences)) => audiences
                .iter()
                .map(|audience| audience.as_str().ok_or(Rejection::MalformedClaims))
                .collect::<Result<_, _>>()?,
            Some(_) => return Err(Rejection::MalformedClaims),
            None => return Err(Rejection::WrongAudience),
        };
        let size: usize = audience.iter().map(|audience| 5 + audience.len()).sum();
        let meant = |accepted: &String| {
            work(size);
            audience
                .iter()
                .any(|audience| without_https_port(audience) == without_https_port(accepted))
        };
        accept_if(self.audiences.iter().any(meant), Rejection::WrongAudience)
    }

    fn judge_scopes(&self, claims: &Claims) -> Result<(), Rejection> {
        if self.required_scopes.is_empty() {
            return Ok(());
        }
        let granted = granted_scopes(claims)?;
        let all_granted = self.required_scopes.iter().all(|required| {
            work(granted.len());
            granted.contains(&required.as_str())
        });
        accept_if(all_granted, Rejection::InsufficientScope)
    }
}

impl Validity {
    /// From when on the claims are no longer acceptable; [`UnixTime::MAX`] if that never happens.
    pub const fn expires(&self) -> UnixTime {
        self.expires
    }

    /// Whether the claims are acceptable at `now`.
    pub fn contains(&self, now: UnixTime) -> bool {
        self.not_before <= now && now < self.expires
    }
}

fn accept_if(condition: bool, otherwise: Rejection) -> Result<(), Rejection> {
    if condition { Ok(()) } else { Err(otherwise) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const END_OF_9999: u64 = 253_402_300_799;
    const NOW: u64 = 1_700_000_000;

    fn lenient() -> Policy {
        Policy {
            issuers: Vec::new(),
            audiences: Vec::new(),
            verify_claims: Vec::new(),
            required_scopes: Vec::new(),
            leeway: Duration::from_secs(60),
            require_exp: false,
            tenant: None,
            claims: None,
        }
    }

    fn claims(value: &Value) -> Claims {
        Claims::parse(value.to_string().as_bytes()).unwrap()
    }

    /// Judges every row at `NOW`; `None` means accepted.
    fn judge_all(policy: &Policy, rows: &[(Value, Option<Rejection>)]) {
        for (value, expected) in rows {
            let verdict = policy.judge(&claims(value), UnixTime::from_secs(NOW));
            assert_eq!(verdict.err(), *expected, "{value}");
        }
    }

    fn strings(values: &[&str]) -> Vec<String> {
        values.iter().map(|&value| value.to_owned()).collect()
    }

    #[test]
    fn times_are_judged_with_leeway() {
        judge_all(
            &lenient(),
            &[
                (json!({}), None),
                (json!({"exp": NOW + 1}), None),
                (json!({"exp": NOW - 59}), None),
                (json!({"exp": NOW - 60}), Some(Rejection::Expired)),
                (json!({"exp": 0}), Some(Rejection::Expired)),
                (json!({"exp": NOW as f64 - 59.5}), None),
                (json!({"exp": NOW as f64 - 60.5}), Some(Rejection::Expired)),
                (json!({"nbf": NOW + 60}), None),
                (json!({"nbf": NOW + 61}), Some(Rejection::NotYetValid)),
                (json!({"iat": NOW + 60}), None),
                (json!({"iat": NOW + 61}), Some(Rejection::IssuedInFuture)),
                (json!({"nbf": 0, "iat": 0, "exp": END_OF_9999}), None),
            ],
        );
    }

    #[test]
    fn times_that_are_no_times_are_refused() {
        let absurd = [
            json!(-1),
            json!(-0.5),
            json!("1700000000"),
            json!(null),
            json!(true),
            json!([NOW]),
            json!({}),
            json!(1e300),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(NOW * 1000), // milliseconds
            json!(END_OF_9999 + 1),
        ];
        for name in ["exp", "nbf", "iat"] {
            for value in &absurd {
                judge_all(
                    &lenient(),
                    &[(json!({ name: value }), Some(Rejection::InvalidTime))],
                );
            }
        }
    }

    #[test]
    fn an_expiry_can_be_required() {
        let policy = Policy {
            require_exp: true,
            ..lenient()
        };
        judge_all(
            &policy,
            &[
                (json!({}), Some(Rejection::NoExpiry)),
                (json!({"exp": NOW + 1}), None),
            ],
        );
    }

    #[test]
    fn validity_reaches_as_far_as_the_judgement() {
        let value = claims(&json!({"iat": NOW, "nbf": NOW - 10, "exp": NOW + 100}));
        let validity = lenient().judge(&value, UnixTime::from_secs(NOW)).unwrap();
        for (second, expected) in [
            (NOW - 61, false),
            (NOW - 60, true),
            (NOW + 159, true),
            (NOW + 160, false),
        ] {
            let second = UnixTime::from_secs(second);
            assert_eq!(validity.contains(second), expected, "{second}");
            assert_eq!(lenient().judge(&value, second).is_ok(), expected, "{second}");
        }
    }

    #[test]
    fn issuers_match_with_and_without_slash_and_default_port() {
        let policy = Policy {
            issuers: strings(&[
                "https://identity.oraclecloud.com/",
                "https://idcs-1.example:443",
                "plain",
            ]),
            ..lenient()
        };
        judge_all(
            &policy,
            &[
                (json!({"iss": "https://identity.oraclecloud.com/"}), None),
                (json!({"iss": "https://identity.oraclecloud.com"}), None),
                (json!({"iss": "https://identity.oraclecloud.com:443/"}), None),
                (json!({"iss": "https://idcs-1.example/"}), None),
                (json!({"iss": "plain"}), None),
                (
                    json!({"iss": "https://identity.oraclecloud.com//"}),
                    Some(Rejection::WrongIssuer),
                ),
                (
                    json!({"iss": "http://identity.oraclecloud.com"}),
                    Some(Rejection::WrongIssuer),
                ),
                (
                    json!({"iss": "identity.oraclecloud.com"}),
                    Some(Rejection::WrongIssuer),
                ),
                (
                    json!({"iss": "https://identity.oraclecloud.com:8443"}),
                    Some(Rejection::WrongIssuer),
                ),
                (
                    json!({"iss": "https://identity.oraclecloud.com.evil.example"}),
                    Some(Rejection::WrongIssuer),
                ),
                (
                    json!({"iss": "https://IDENTITY.oraclecloud.com"}),
                    Some(Rejection::WrongIssuer),
                ),
                (
                    json!({"iss": ["https://identity.oraclecloud.com/"]}),
                    Some(Rejection::WrongIssuer),
                ),
                (json!({"iss": ""}), Some(Rejection::WrongIssuer)),
                (json!({}), Some(Rejection::WrongIssuer)),
            ],
        );
    }

    #[test]
    fn one_matching_audience_is_enough() {
        let policy = Policy {
            audiences: strings(&["https://abc.integration.example:443", "urn:x"]),
            ..lenient()
        };
        judge_all(
            &policy,
            &[
                (json!({"aud": "urn:x"}), None),
                (json!({"aud": "https://abc.integration.example:443"}), None),
                (json!({"aud": "https://abc.integration.example"}), None),
                (json!({"aud": ["other", "urn:x"]}), None),
                (
                    json!({"aud": "https://abc.integration.example/"}),
                    Some(Rejection::WrongAudience),
                ),
                (
                    json!({"aud": "https://abc.integration.example:4430"}),
                    Some(Rejection::WrongAudience),
                ),
                (
                    json!({"aud": "http://abc.integration.example"}),
                    Some(Rejection::WrongAudience),
                ),
                (json!({"aud": "urn:x "}), Some(Rejection::WrongAudience)),
                (json!({"aud": []}), Some(Rejection::WrongAudience)),
                (json!({}), Some(Rejection::WrongAudience)),
                (json!({"aud": ["urn:x", 1]}), Some(Rejection::MalformedClaims)),
                (json!({"aud": {"urn:x": 1}}), Some(Rejection::MalformedClaims)),
            ],
        );
    }

    #[test]
    fn every_required_scope_must_be_granted() {
        let policy = Policy {
            required_scopes: strings(&["read", "urn:opc:resource:consumer::all"]),
            ..lenient()
        };
        judge_all(
            &policy,
            &[
                (json!({"scope": "urn:opc:resource:consumer::all read"}), None),
                (json!({"scp": ["read", "urn:opc:resource:consumer::all"]}), None),
                (json!({"scp": "read urn:opc:resource:consumer::all more"}), None),
                (
                    json!({"scope": "read", "scp": ["urn:opc:resource:consumer::all"]}),
                    None,
                ),
                (json!({"scope": "read"}), Some(Rejection::InsufficientScope)),
                (
                    json!({"scope": "readurn:opc:resource:consumer::all"}),
                    Some(Rejection::InsufficientScope),
                ),
                (
                    json!({"scope": "READ urn:opc:resource:consumer::all"}),
                    Some(Rejection::InsufficientScope),
                ),
                (json!({"scope": ""}), Some(Rejection::InsufficientScope)),
                (json!({}), Some(Rejection::InsufficientScope)),
                (json!({"scope": 1}), Some(Rejection::MalformedClaims)),
            ],
        );
    }

    #[test]
    fn the_tenant_must_be_named_by_the_token() {
        let policy = Policy {
            tenant: Some("idcs-a".to_owned()),
            ..lenient()
        };
        judge_all(
            &policy,
            &[
                (json!({"tenant": "idcs-a"}), None),
                (
                    json!({"tenant_iss": "https://idcs-a.identity.oraclecloud.com:443"}),
                    None,
                ),
                (
                    json!({"tenant_iss": "https://idcs-a.identity.oraclecloud.com"}),
                    None,
                ),
                (json!({"tenant": "idcs-b"}), Some(Rejection::WrongTenant)),
                (json!({"tenant": "idcs-A"}), Some(Rejection::WrongTenant)),
                (
                    json!({"tenant": "idcs-b", "tenant_iss": "https://idcs-a.identity.oraclecloud.com"}),
                    Some(Rejection::WrongTenant),
                ),
                (
                    json!({"tenant": 1, "tenant_iss": "https://idcs-a.identity.oraclecloud.com"}),
                    Some(Rejection::WrongTenant),
                ),
                (
                    json!({"tenant_iss": "https://idcs-ab.example"}),
                    Some(Rejection::WrongTenant),
                ),
                (
                    json!({"tenant_iss": "http://idcs-a.example"}),
                    Some(Rejection::WrongTenant),
                ),
                (json!({"tenant_iss": "idcs-a"}), Some(Rejection::WrongTenant)),
                (json!({}), Some(Rejection::WrongTenant)),
            ],
        );
    }

    #[test]
    fn id_tokens_are_no_access_tokens() {
        judge_all(
            &lenient(),
            &[
                (json!({"tok_type": "AT"}), None),
                (json!({"tok_type": "IT"}), Some(Rejection::NotAccessToken)),
                (json!({"tok_type": ""}), Some(Rejection::NotAccessToken)),
                (json!({"tok_type": null}), Some(Rejection::NotAccessToken)),
            ],
        );
    }

    #[test]
    fn what_forbids_is_reported_only_when_all_else_is_well() {
        let policy = Policy {
            required_scopes: strings(&["read"]),
            audiences: strings(&["urn:x"]),
            claims: Some(Expression::parse("Equals(`grp`, `admin`)").unwrap()),
            ..lenient()
        };
        judge_all(
            &policy,
            &[
                (json!({"aud": "urn:y"}), Some(Rejection::WrongAudience)),
                (json!({"aud": "urn:x"}), Some(Rejection::InsufficientScope)),
                (
                    json!({"aud": "urn:x", "grp": "admin"}),
                    Some(Rejection::InsufficientScope),
                ),
                (
                    json!({"aud": "urn:x", "scope": "read"}),
                    Some(Rejection::ClaimsNotMet),
                ),
                (
                    json!({"aud": "urn:x", "scope": "read", "grp": "user"}),
                    Some(Rejection::ClaimsNotMet),
                ),
                (json!({"aud": "urn:x", "scope": "read", "grp": "admin"}), None),
            ],
        );
    }
}
