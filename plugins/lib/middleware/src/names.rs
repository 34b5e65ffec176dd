//! Names in HTTP, and names that a backend may treat as one.

/// Whether `name` can be the name of a header, a method or an authentication scheme (RFC 9110 §5.6.2).
pub fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Whether a backend may treat two header names as one: CGI, WSGI and many servers do not distinguish `X-User`,
/// `x_user` and `X.User`.
pub fn same_to_a_backend(one: impl AsRef<[u8]>, other: impl AsRef<[u8]>) -> bool {
    let (one, other) = (one.as_ref(), other.as_ref());
    let fold = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => byte.to_ascii_lowercase(),
        _ => b'-',
    };
    one.len() == other.len() && one.iter().copied().map(fold).eq(other.iter().copied().map(fold))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_no_separators() {
        for (name, fits) in [
            ("X-User", true),
            ("GET", true),
            ("a!#$%&'*+-.^_`|~1", true),
            ("", false),
            ("X User", false),
            ("X:User", false),
            ("X/User", false),
            ("Größe", false),
        ] {
            assert_eq!(is_token(name), fits, "{name}");
        }
    }

    #[test]
    fn aliases_are_one_name() {
        for (one, other, same) in [
            ("X-User", "x_user", true),
            ("X-User", "X.USER", true),
            ("X-User", "X-User", true),
            ("X-User", "XUser", false),
            ("X-User", "X-Uses", false),
        ] {
            assert_eq!(same_to_a_backend(one, other), same, "{one} {other}");
        }
    }
}
