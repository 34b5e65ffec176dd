//! The rules about claims. RFC 7519 §4.1, RFC 9068 §4, and the conventions of IDCS.

use std::time::Duration;

use jose::{Claims, Rejection, Value};
use middleware::{UnixTime, work};

use crate::expression::Expression;
use crate::issuer::{first_host_label, same_issuer, without_https_port};
use crate::requirement::ClaimRequirement;
use crate::scopes::granted_scopes;
use crate::token_kind;

/// The rules that a token's claims must satisfy. A rule with an empty list or `None` does not apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Accepted values of `iss`. A trailing slash and the port `:443` of an https URL make no difference.
    pub issuers: Vec<String>,
    /// Accepted audiences; one match with `aud` is enough. The port `:443` of an https URL makes no
    /// difference.
    pub audiences: Vec<String>,
    /// Requirements for single claims.
    pub verify_claims: Vec<ClaimRequirement>,
    /// Scopes that the token must all have.
    pub required_scopes: Vec<String>,
    /// How far clocks may differ; applied to `exp`, `nbf` and `iat`.
    pub leeway: Duration,
    /// Whether a token without `exp` is refused.
    pub require_exp: bool,
    /// The IDCS tenant (`idcs-…`) that the token must come from. All tenants share one issuer, so `iss` does not tell
    /// them apart.
    pub tenant: Option<String>,
    /// An expression that must hold.
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
    /// Judges claims at `now`. Rules that forbid ([`Rejection::is_forbidden`]) come last, so such a rejection means
    /// that all other rules are satisfied.
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

    /// IDCS names the tenant in `tenant`. Newer domains add `tenant_iss`, the domain's URL, whose first host label is
    /// the tenant's name. It counts only if `tenant` is missing.
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
    /// When the claims stop being acceptable; [`UnixTime::MAX`] if never.
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
mod tests;
