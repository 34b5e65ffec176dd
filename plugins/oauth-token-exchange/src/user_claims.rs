//! The claims that name the user.

use claims::ClaimPath;
use jose::Claims;
use middleware::ConfigError;

/// The claims that may name the user, in order of preference.
#[derive(Debug)]
pub(crate) struct UserClaims(Vec<ClaimPath>);

/// The longest user name, in bytes.
const LONGEST: usize = 256;

impl UserClaims {
    /// Reads the option `field`.
    ///
    /// # Errors
    /// [`ConfigError`] if the list is empty, or if a claim path cannot be parsed.
    pub(crate) fn new(field: &str, names: &[String]) -> Result<Self, ConfigError> {
        if names.is_empty() {
            return Err(ConfigError::new(
                field,
                "is required: which claim of the caller's token is the user's name at the token endpoint. It must be one that \
                 users cannot change and that is never given to somebody else: with Entra ID oid, or upn where only \
                 administrators change it; sub with other providers",
            ));
        }
        let path = |name: &String| {
            ClaimPath::parse(name)
                .map_err(|error| ConfigError::new(field, format!("names a claim by {error}")))
        };
        names.iter().map(path).collect::<Result<_, _>>().map(Self)
    }

    /// Returns the user's name in verified claims, or `None` if there is none. The first claim that exists must be a
    /// valid name, because the next claim may name another user.
    pub(crate) fn user(&self, claims: &Claims) -> Option<String> {
        let claim = self.0.iter().find_map(|path| path.find(claims))?;
        let name = claim.as_str()?;
        let is_name = !name.is_empty()
            && name.len() <= LONGEST
            && name.trim() == name
            && !name.chars().any(char::is_control);
        is_name.then(|| name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::unsigned;

    fn user(names: &[&str], claims: &str) -> Option<String> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        UserClaims::new("f", &names)
            .unwrap()
            .user(&Claims::of_trusted(unsigned(claims).as_bytes())?)
    }

    #[test]
    fn the_first_claim_that_is_there_names_the_user() {
        let both = r#"{"upn":"jane@old","preferred_username":"jane@new","a":{"b":"nested"}}"#;
        for (names, claims, expected) in [
            (&["preferred_username", "upn"] as &[&str], both, Some("jane@new")),
            (&["upn", "preferred_username"], both, Some("jane@old")),
            (&["email", "upn"], both, Some("jane@old")),
            (&["a.b"], both, Some("nested")),
            (&["email"], both, None),
            (&["sub", "upn"], r#"{"sub":7,"upn":"jane"}"#, None),
            (&["sub", "upn"], r#"{"sub":"","upn":"jane"}"#, None),
            (&["sub"], r#"{"sub":" jane"}"#, None),
            (&["sub"], r#"{"sub":"jane\njoe"}"#, None),
            (&["sub"], r#"{"sub":null}"#, None),
        ] {
            assert_eq!(user(names, claims).as_deref(), expected, "{names:?} {claims}");
        }
        let long = format!(r#"{{"sub":"{}"}}"#, "x".repeat(LONGEST + 1));
        assert_eq!(user(&["sub"], &long), None);
    }
}
