//! Who may do what: the option `authorize`, a table of rules about methods and paths.
//!
//! The first rule whose methods and path match a request decides. A request that no rule matches is refused. Whether a token
//! satisfies a rule does not depend on the request, so it is decided once for each token and kept as one bit ([`Satisfied`]).
//! For a request only its method, its path and its header names are examined.
//!
//! A rule for one path must never permit a path that the backend reads as another. Therefore a path that two servers may read
//! differently is always refused ([`RequestPath`]). A path that merely looks like the path of a rule is refused by that rule
//! ([`Fit::Alike`]). A request with a header that overrides its method or path is refused too ([`OVERRIDES`]).

mod characters;
mod marks;
mod outline;
mod pattern;
mod request_path;

use claims::{Expression, granted_scopes};
use jose::{Claims, Rejection};
use middleware::{RequestHead, same_to_a_backend, work};

pub use pattern::{PathPattern, PatternError};
pub use request_path::RequestPath;

use pattern::Fit;

/// The table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    rules: Vec<AccessRule>,
    on_deny: OnDeny,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRule {
    /// The methods that it applies to; all if empty.
    pub methods: Vec<String>,
    /// The paths that it applies to.
    pub path: PathPattern,
    /// Scopes of which the token must have one, if there are any.
    pub any_scope: Vec<String>,
    /// Scopes that the token must all have.
    pub all_scopes: Vec<String>,
    /// An expression that must hold for the token's claims.
    pub claims: Option<Expression>,
    /// The answer to everybody else.
    pub on_deny: OnDeny,
}

/// How to refuse a request that the token does not permit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnDeny {
    /// 401, for callers that then request another token.
    Unauthorized,
    /// 403 (RFC 6750 §3.1).
    #[default]
    Forbidden,
    /// 404, as if the resource did not exist.
    NotFound,
}

/// The rules that a token satisfies, whatever the request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Satisfied(u64);

/// Why a request with a good token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// Two servers may read the path in two ways.
    AmbiguousPath,
    /// The method is not in capitals, or a header overrides the method or path.
    AmbiguousRequest,
    /// A rule refuses it, or no rule matches.
    Rule {
        /// Its place in the table, from 0.
        rule: Option<usize>,
        /// Whether the path only looks like the rule's.
        alike: bool,
        /// The answer.
        answer: OnDeny,
    },
}

/// Headers by which some servers take a request for another one than it says: OIC's own API and other REST servers of
/// Oracle for one of another method, others for one of another path.
const OVERRIDES: [&str; 10] = [
    "X-HTTP-Method-Override",
    "X-HTTP-Method",
    "X-Method-Override",
    "X-Method",
    "X-Original-Method",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-Override-URL",
    "X-HTTP-Path-Override",
    "X-Request-URI",
];

impl Access {
    /// The most rules. Each rule is a bit.
    pub const MOST: usize = 64;

    /// The table of these rules, at most [`Self::MOST`]; `on_deny` is for requests that none of them fits.
    pub fn new(rules: Vec<AccessRule>, on_deny: OnDeny) -> Self {
        Self { rules, on_deny }
    }

    /// The first rule that decides about all requests of the later rule at `place`, which therefore has no effect.
    pub fn covered(&self, place: usize) -> Option<usize> {
        let rule = self.rules.get(place)?;
        self.rules.iter().take(place).position(|earlier| {
            let all_methods = earlier.methods.is_empty()
                || (!rule.methods.is_empty() && rule.methods.iter().all(|it| earlier.methods.contains(it)));
            all_methods && earlier.path.covers(&rule.path)
        })
    }

    /// Which rules a token with these claims satisfies.
    ///
    /// # Errors
    /// [`Rejection::MalformedClaims`] for scopes that are neither text nor list.
    pub fn satisfied(&self, claims: &Claims) -> Result<Satisfied, Rejection> {
        let granted = granted_scopes(claims)?;
        let mut satisfied = Satisfied::default();
        for (place, rule) in self.rules.iter().enumerate() {
            if rule.is_satisfied(claims, &granted) {
                satisfied.0 |= bit(place);
            }
        }
        Ok(satisfied)
    }

    /// Judges a request whose token satisfies these rules.
    ///
    /// # Errors
    /// [`Denial`] says by which rule, or why none was asked.
    pub fn judge(&self, request: &dyn RequestHead, satisfied: Satisfied) -> Result<(), Denial> {
        let method = request.method();
        let in_capitals = method
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || b"-_".contains(byte));
        if !in_capitals || asks_to_be_another(request) {
            return Err(Denial::AmbiguousRequest);
        }
        let path = RequestPath::read(&request.uri()).ok_or(Denial::AmbiguousPath)?;
        let about = |rule: &AccessRule| {
            rule.methods.is_empty() || rule.methods.iter().any(|it| it.as_bytes() == &*method)
        };
        for (place, rule) in self.rules.iter().enumerate().filter(|(_, rule)| about(rule)) {
            let alike = match rule.path.fit(&path) {
                Fit::No => continue,
                Fit::Exact if satisfied.0 & bit(place) != 0 => return Ok(()),
                fit => fit == Fit::Alike,
            };
            return Err(Denial::Rule {
                rule: Some(place),
                alike,
                answer: rule.on_deny,
            });
        }
        Err(Denial::Rule {
            rule: None,
            alike: false,
            answer: self.on_deny,
        })
    }

    /// The scopes that would have avoided the denial, if scopes would help.
    pub(crate) fn wanted(&self, denial: Denial) -> Vec<String> {
        let Denial::Rule {
            rule: Some(place),
            alike: false,
            ..
        } = denial
        else {
            return Vec::new();
        };
        self.rules.get(place).map(AccessRule::wanted).unwrap_or_default()
    }
}

impl AccessRule {
    fn is_satisfied(&self, claims: &Claims, granted: &[&str]) -> bool {
        let has = |scope: &String| {
            work(granted.len());
            granted.contains(&scope.as_str())
        };
        (self.any_scope.is_empty() || self.any_scope.iter().any(has))
            && self.all_scopes.iter().all(has)
            && self.claims.as_ref().is_none_or(|it| it.holds(claims))
    }

    /// The scopes to request. Any scope of `any_scope` is enough, so only the first is named.
    fn wanted(&self) -> Vec<String> {
        let mut wanted = self.all_scopes.clone();
        if !self.any_scope.iter().any(|scope| wanted.contains(scope)) {
            wanted.extend(self.any_scope.first().cloned());
        }
        wanted
    }
}

impl Denial {
    /// A stable code for the log.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::AmbiguousPath => "ambiguous_path",
            Self::AmbiguousRequest => "ambiguous_request",
            Self::Rule { rule: None, .. } => "no_rule",
            Self::Rule { alike: true, .. } => "path_like_a_rules",
            Self::Rule { .. } => "rule_not_met",
        }
    }
}

fn asks_to_be_another(request: &dyn RequestHead) -> bool {
    let names = request.header_names();
    names.iter().any(|sent| {
        work(10 + sent.len());
        OVERRIDES.iter().any(|name| same_to_a_backend(name, sent))
    })
}

/// The bit of the rule at `place`; none beyond [`Access::MOST`], so that no token satisfies such a rule.
fn bit(place: usize) -> u64 {
    let place = u32::try_from(place).unwrap_or(u32::MAX);
    1_u64.checked_shl(place).unwrap_or_default()
}

#[cfg(test)]
mod tests;
