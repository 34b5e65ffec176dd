//! Derives audience and scope of a token from the requested scope.

use super::applications::Application;
use super::domain::Domain;
use super::errors::OAuthError;
use super::switches::ScopeRefusal;
use super::user_grants::Allowed;

/// The contents of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grantable {
    pub(super) audience: Vec<String>,
    /// Scope names without audience, separated by spaces.
    pub(super) scope: String,
    /// The lifetime from `urn:opc:resource:expiry=<seconds>`.
    pub(super) lifetime: Option<u32>,
    /// The user that the token represents. `None` means the client itself.
    pub(super) user: Option<String>,
    /// The refresh token that is issued with it.
    pub(super) refresh_token: Option<String>,
}

/// Evaluates the `scope` parameter by IDCS's rules.
pub(super) fn resolve(
    domain: &Domain,
    application: &Application,
    requested: Option<&str>,
) -> Result<Grantable, OAuthError> {
    let mut lifetime = None;
    let mut scopes = Vec::new();
    for scope in requested.unwrap_or_default().split_whitespace() {
        match scope.strip_prefix(EXPIRY) {
            Some(seconds) => lifetime = Some(seconds.parse().map_err(|_| invalid_scope(scope))?),
            None if scope == OFFLINE_ACCESS => {}
            None => scopes.push(scope),
        }
    }
    let (audience, scope) = match scopes.as_slice() {
        [] => return Err(OAuthError::new("invalid_scope", "Required scope missing")),
        // Every client has this scope and no other by default. It opens the domain's own API as far as the client's
        // roles allow.
        [MY_SCOPES] => (domain.own_audience(), MY_SCOPES.to_owned()),
        [CONSUMER_ALL] if is_granted(application, CONSUMER_ALL) => (
            vec!["urn:opc:resource:scope:account".to_owned()],
            CONSUMER_ALL.to_owned(),
        ),
        several if several.contains(&MY_SCOPES) || (several.len() > 1 && several.contains(&CONSUMER_ALL)) => {
            return Err(invalid_scope(&several.join(" ")));
        }
        several => of_one_resource(domain, application, several)?,
    };
    Ok(Grantable {
        audience,
        scope,
        lifetime,
        user: None,
        refresh_token: None,
    })
}

/// Like [`resolve`], for the user who gave this grant.
pub(super) fn resolve_for_user(
    domain: &Domain,
    application: &Application,
    allowed: &Allowed,
) -> Result<Grantable, OAuthError> {
    let granted = resolve(domain, application, Some(&allowed.scope))?;
    Ok(Grantable {
        user: Some(allowed.user.clone()),
        ..granted
    })
}

fn of_one_resource(
    domain: &Domain,
    application: &Application,
    scopes: &[&str],
) -> Result<(Vec<String>, String), OAuthError> {
    let refused = || match domain.switches().unauthorized_scope_error {
        ScopeRefusal::InvalidScope => invalid_scope(&scopes.join(" ")),
        ScopeRefusal::UnauthorizedClient => OAuthError::unauthorized_client(),
    };
    let mut audience: Option<Vec<String>> = None;
    let mut names = Vec::new();
    for full_scope in scopes {
        let (resource, name) = domain
            .resources
            .iter()
            .find_map(|resource| {
                let name = full_scope.strip_prefix(resource.primary_audience.as_str())?;
                resource
                    .scopes
                    .iter()
                    .any(|scope| scope == name)
                    .then_some((resource, name))
            })
            .ok_or_else(refused)?;
        if !is_granted(application, full_scope) {
            return Err(refused());
        }
        let wanted: Vec<String> = std::iter::once(&resource.primary_audience)
            .chain(&resource.secondary_audiences)
            .cloned()
            .collect();
        if audience.get_or_insert_with(|| wanted.clone()) != &wanted {
            return Err(OAuthError::new(
                "invalid_scope",
                "Scopes of several resources in one request.",
            ));
        }
        names.push(name);
    }
    Ok((audience.unwrap_or_default(), names.join(" ")))
}

fn is_granted(application: &Application, full_scope: &str) -> bool {
    application
        .granted_scopes
        .iter()
        .any(|granted| granted == full_scope)
}

fn invalid_scope(scope: &str) -> OAuthError {
    OAuthError::new("invalid_scope", format!("Invalid scope: {scope}"))
}

/// The scope of a token for the domain's own API, for example to read the signing certificate.
pub(super) const MY_SCOPES: &str = "urn:opc:idm:__myscopes__";
const CONSUMER_ALL: &str = "urn:opc:resource:consumer::all";
const OFFLINE_ACCESS: &str = "offline_access";
const EXPIRY: &str = "urn:opc:resource:expiry=";

#[cfg(test)]
mod tests {
    use super::*;

    use crate::idcs::applications::Resource;
    use crate::idcs::switches::Switches;

    fn outcome(scope: &str, refusal: ScopeRefusal) -> Result<(String, String, Option<u32>), &'static str> {
        let other = Resource::new("https://other.example/", &["read"]);
        let mut ours = Resource::new("https://ours.example/", &["read", "write", "admin"]);
        ours.secondary_audiences = vec!["https://alias.example/".to_owned()];
        let application = Application::new("id", "secret")
            .granted(&other)
            .granted_scope("https://ours.example/read")
            .granted_scope("https://ours.example/write")
            .granted_scope(CONSUMER_ALL);
        let switches = Switches {
            unauthorized_scope_error: refusal,
            ..Switches::default()
        };
        let domain = Domain::new(0, Vec::new(), vec![ours, other], switches);
        resolve(&domain, &application, Some(scope))
            .map(|granted| (granted.audience.join(" "), granted.scope, granted.lifetime))
            .map_err(|error| error.error)
    }

    #[test]
    fn audience_and_scope_follow_from_the_concatenated_form() {
        let ours = "https://ours.example/ https://alias.example/";
        let table = [
            ("https://ours.example/read", Ok((ours, "read", None))),
            (
                "https://ours.example/read https://ours.example/write",
                Ok((ours, "read write", None)),
            ),
            (
                "https://ours.example/read urn:opc:resource:expiry=120",
                Ok((ours, "read", Some(120))),
            ),
            (
                CONSUMER_ALL,
                Ok(("urn:opc:resource:scope:account", CONSUMER_ALL, None)),
            ),
            (
                "offline_access urn:opc:resource:consumer::all",
                Ok(("urn:opc:resource:scope:account", CONSUMER_ALL, None)),
            ),
            (
                "urn:opc:resource:consumer::all https://ours.example/read",
                Err("invalid_scope"),
            ),
            (
                "https://ours.example/read https://other.example/read",
                Err("invalid_scope"),
            ),
            ("https://ours.example/ read", Err("invalid_scope")),
            ("https://ours.example/admin", Err("invalid_scope")),
            ("https://nobody.example/read", Err("invalid_scope")),
            ("read", Err("invalid_scope")),
            ("offline_access", Err("invalid_scope")),
            ("", Err("invalid_scope")),
        ];
        for (scope, expected) in table {
            let expected =
                expected.map(|(aud, name, ttl): (&str, &str, _)| (aud.to_owned(), name.to_owned(), ttl));
            assert_eq!(outcome(scope, ScopeRefusal::InvalidScope), expected, "{scope}");
        }
    }

    #[test]
    fn a_scope_not_granted_can_be_an_unauthorized_client() {
        for scope in ["https://ours.example/admin", "https://nobody.example/read"] {
            assert_eq!(
                outcome(scope, ScopeRefusal::UnauthorizedClient),
                Err("unauthorized_client"),
                "{scope}"
            );
        }
    }

    #[test]
    fn my_scopes_is_for_the_domain_itself() {
        let (audience, scope, _) = outcome(MY_SCOPES, ScopeRefusal::InvalidScope).unwrap();
        assert!(audience.contains("urn:opc:lbaas:logicalguid=idcs-"), "{audience}");
        assert_eq!(scope, MY_SCOPES);
    }
}
