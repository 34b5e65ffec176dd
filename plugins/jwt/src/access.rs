//! The option `authorize`: a table of rules that says which token may call which method and path.
//!
//! The first rule whose methods and path match a request decides. If no rule matches, the request is refused. Whether a
//! token satisfies a rule does not depend on the request, so this is computed once per token and kept as one bit per
//! rule ([`Satisfied`]). Judging a request then needs only its method, its path, and its header names.
//!
//! A rule for one path must never permit a path that the backend reads as another. Three checks ensure this:
//!
//! * A path that two servers may read differently is always refused ([`RequestPath`]).
//! * A path that merely looks like the path of a rule is refused by that rule ([`Fit::Alike`]).
//! * A request with a header that overrides its method or path is refused ([`OVERRIDES`]).

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

/// The table of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    rules: Vec<AccessRule>,
    on_deny: OnDeny,
}

/// One rule of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRule {
    /// The methods that the rule applies to. Empty means all methods.
    pub methods: Vec<String>,
    /// The paths that the rule applies to.
    pub path: PathPattern,
    /// The token must have at least one of these scopes. Empty means no requirement.
    pub any_scope: Vec<String>,
    /// The token must have all of these scopes.
    pub all_scopes: Vec<String>,
    /// An expression over the token's claims that must be true.
    pub claims: Option<Expression>,
    /// How to refuse tokens that do not satisfy the rule.
    pub on_deny: OnDeny,
}

/// How to refuse a request that the token does not permit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnDeny {
    /// 401, for clients that then request another token.
    Unauthorized,
    /// 403 (RFC 6750 §3.1).
    #[default]
    Forbidden,
    /// 404, as if the resource did not exist.
    NotFound,
}

/// The rules that a token satisfies, as one bit per rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Satisfied(u64);

/// Why a request with a valid token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// Two servers may read the path differently.
    AmbiguousPath,
    /// The method is not in capitals, or a header overrides the method or the path.
    AmbiguousRequest,
    /// A rule refuses the request, or no rule matches it.
    Rule {
        /// The index of the rule, from 0. `None` if no rule matches.
        rule: Option<usize>,
        /// Whether the path only looks like the path of the rule.
        alike: bool,
        /// How to refuse the request.
        answer: OnDeny,
    },
}

/// Headers that make some servers handle a request as if it had another method or path.
///
/// OIC and other Oracle REST servers honor method overrides. Other servers honor path overrides.
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
    /// The maximum number of rules. [`Satisfied`] has one bit for each.
    pub const MOST: usize = 64;

    /// Creates a table. It must have at most [`Self::MOST`] rules. `on_deny` answers requests that no rule matches.
    pub fn new(rules: Vec<AccessRule>, on_deny: OnDeny) -> Self {
        Self { rules, on_deny }
    }

    /// Returns the first earlier rule that matches every request of the rule at `place`, which therefore has no effect.
    pub fn covered(&self, place: usize) -> Option<usize> {
        let rule = self.rules.get(place)?;
        self.rules.iter().take(place).position(|earlier| {
            let all_methods = earlier.methods.is_empty()
                || (!rule.methods.is_empty() && rule.methods.iter().all(|it| earlier.methods.contains(it)));
            all_methods && earlier.path.covers(&rule.path)
        })
    }

    /// Returns the rules that a token with these claims satisfies.
    ///
    /// # Errors
    /// [`Rejection::MalformedClaims`] if the scopes are neither a string nor a list.
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

    /// Decides whether a token that satisfies these rules may be used for the request.
    ///
    /// # Errors
    /// [`Denial`] says which rule refused the request, or why no rule was consulted.
    pub fn judge(&self, request: &dyn RequestHead, satisfied: Satisfied) -> Result<(), Denial> {
        let method = request.method();
        let in_capitals = method
            .iter()
            .all(|byte| byte.is_ascii_uppercase() || b"-_".contains(byte));
        if !in_capitals || asks_to_be_another(request) {
            return Err(Denial::AmbiguousRequest);
        }
        let path = RequestPath::read(request.uri()).ok_or(Denial::AmbiguousPath)?;
        let about = |rule: &AccessRule| {
            rule.methods.is_empty() || rule.methods.iter().any(|it| it.as_bytes() == method)
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

    /// The scopes that the caller needs. Empty if more scopes would not help.
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

    /// The scopes to request. One scope of `any_scope` is enough, so only the first is named.
    fn wanted(&self) -> Vec<String> {
        let mut wanted = self.all_scopes.clone();
        if !self.any_scope.iter().any(|scope| wanted.contains(scope)) {
            wanted.extend(self.any_scope.first().cloned());
        }
        wanted
    }
}

impl Denial {
    /// Returns a stable code for the log.
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
        // All of them begin with an X.
        matches!(sent, [b'X' | b'x', ..]) && {
            work(10 + sent.len());
            OVERRIDES.iter().any(|name| same_to_a_backend(name, sent))
        }
    })
}

/// Returns the bit of the rule at `place`. Beyond [`Access::MOST`] it is zero, so no token satisfies such a rule.
fn bit(place: usize) -> u64 {
    let place = u32::try_from(place).unwrap_or(u32::MAX);
    1_u64.checked_shl(place).unwrap_or_default()
}

#[cfg(test)]
mod tests;
