//! References in options to what exists only on Traefik's machine.

/// What a reference names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target<'t> {
    /// `env:NAME`.
    Variable(&'t str),
    /// `file:/path`, or the path in `jwksFile`.
    File(&'t str),
    /// `urn:k8s:secret:NAME:KEY`.
    Secret { name: &'t str, key: &'t str },
}

impl<'t> Target<'t> {
    /// Reads the text of an option. `None` if it is an ordinary value.
    pub(super) fn of(option: &str, text: &'t str) -> Option<Self> {
        if let Some(name) = text.strip_prefix("env:") {
            return Some(Self::Variable(name));
        }
        if let Some(path) = text.strip_prefix("file:") {
            return Some(Self::File(path));
        }
        if option == "jwksFile" && text.starts_with('/') {
            return Some(Self::File(text));
        }
        let parts = text.strip_prefix("urn:k8s:secret:")?.split(':');
        let mut parts = parts.filter(|part| !part.is_empty());
        match (parts.next(), parts.next(), parts.next()) {
            (Some(name), Some(key), None) => Some(Self::Secret { name, key }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_known_by_its_beginning() {
        for (option, text, expected) in [
            ("clientSecret", "env:NAME", Some(Target::Variable("NAME"))),
            ("ca", "file:/ca.pem", Some(Target::File("/ca.pem"))),
            ("jwksFile", "/keys.json", Some(Target::File("/keys.json"))),
            ("jwksFile", "keys.json", None),
            ("path", "/keys.json", None),
            (
                "secret",
                "urn:k8s:secret:oic:key",
                Some(Target::Secret {
                    name: "oic",
                    key: "key",
                }),
            ),
            ("secret", "urn:k8s:secret:oic", None),
            ("secret", "urn:k8s:secret:oic:key:more", None),
            ("secret", "environment", None),
        ] {
            assert_eq!(Target::of(option, text), expected, "{option}: {text}");
        }
    }
}
