//! The configuration of `authorize`.

use claims::Expression;
use middleware::config::{empty_list, lenient, values};
use middleware::{ConfigError, is_token};
use serde::Deserialize;

use super::scopes;
use crate::{Access, AccessRule, OnDeny, PathPattern};

/// A rule of `authorize`.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RawRule {
    /// The methods, in capitals. Default: all.
    #[serde(default, deserialize_with = "lenient::given_strings")]
    methods: Option<Vec<String>>,
    /// The paths: `/hr`, `/hr/*` (one segment), `/hr/**` (all below, and `/hr` itself).
    path: String,
    /// Scopes of which the token must have one.
    #[serde(default, deserialize_with = "lenient::given_strings")]
    any_scope: Option<Vec<String>>,
    /// Scopes that the token must all have.
    #[serde(default, deserialize_with = "lenient::given_strings")]
    all_scopes: Option<Vec<String>>,
    /// An expression that must be true of the claims.
    #[serde(default)]
    claims: String,
    /// Accept every valid token.
    #[serde(default, deserialize_with = "lenient::boolean")]
    any_token: bool,
    /// The answer to all other requests: 401, 403 or 404.
    #[serde(default, deserialize_with = "lenient::integer")]
    on_deny: u64,
}

/// Reads the table. Returns `None` if there is none. `on_deny` is the option of that name, or 0 if it is missing.
pub(super) fn table(rules: Option<Vec<RawRule>>, on_deny: u64) -> Result<Option<Access>, ConfigError> {
    const FIELD: &str = "authorize";
    let default = answer("onDeny", on_deny, OnDeny::default())?;
    let Some(rules) = rules else {
        return match on_deny {
            0 => Ok(None),
            _ => Err(ConfigError::new(
                "onDeny",
                "says what authorize answers, but there is no authorize",
            )),
        };
    };
    if rules.is_empty() {
        return Err(empty_list(FIELD));
    }
    if rules.len() > Access::MOST {
        return Err(ConfigError::new(
            FIELD,
            format!("has more than {} rules", Access::MOST),
        ));
    }
    let count = rules.len();
    let rules = rules
        .into_iter()
        .enumerate()
        .map(|(place, rule)| rule.check(&format!("{FIELD}[{place}]"), default))
        .collect::<Result<_, _>>()?;
    let access = Access::new(rules, default);
    // A rule without effect is an error: its author expects it to do something.
    for place in 0..count {
        if let Some(earlier) = access.covered(place) {
            return Err(ConfigError::new(
                format!("{FIELD}[{place}]"),
                format!(
                    "is never asked: {FIELD}[{earlier}] comes first and decides about all its requests (case makes no \
                     difference there); put the narrower rule first"
                ),
            ));
        }
    }
    Ok(Some(access))
}

impl RawRule {
    fn check(self, option: &str, default: OnDeny) -> Result<AccessRule, ConfigError> {
        let field = |name: &str| format!("{option}.{name}");
        let methods = values(&field("methods"), self.methods)?;
        let is_method = |method: &String| is_token(method) && !method.bytes().any(|b| b.is_ascii_lowercase());
        if let Some(place) = methods.iter().position(|method| !is_method(method)) {
            return Err(ConfigError::new(
                format!("{}[{place}]", field("methods")),
                "is not a method: one per entry, in capitals, such as GET",
            ));
        }
        let path = PathPattern::parse(&self.path)
            .map_err(|error| ConfigError::new(field("path"), error.to_string()))?;
        let rule = AccessRule {
            methods,
            path,
            any_scope: scopes(&field("anyScope"), self.any_scope)?,
            all_scopes: scopes(&field("allScopes"), self.all_scopes)?,
            claims: Expression::option(&field("claims"), &self.claims)?,
            on_deny: answer(&field("onDeny"), self.on_deny, default)?,
        };
        let asks = !rule.any_scope.is_empty() || !rule.all_scopes.is_empty() || rule.claims.is_some();
        match (asks, self.any_token) {
            (false, false) => Err(ConfigError::new(
                option,
                "asks nothing of the token: give anyScope, allScopes or claims, or anyToken: true if every good token \
                 may pass",
            )),
            (true, true) => Err(ConfigError::new(
                field("anyToken"),
                "cannot be combined with anyScope, allScopes and claims: it lets every good token pass",
            )),
            _ => Ok(rule),
        }
    }
}

fn answer(field: &str, status: u64, default: OnDeny) -> Result<OnDeny, ConfigError> {
    match status {
        0 => Ok(default),
        401 => Ok(OnDeny::Unauthorized),
        403 => Ok(OnDeny::Forbidden),
        404 => Ok(OnDeny::NotFound),
        _ => Err(ConfigError::new(field, "must be 401, 403 or 404")),
    }
}
