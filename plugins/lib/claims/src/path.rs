//! The path to a value in a token's claims.

use jose::{Claims, Value};
use middleware::work;

/// The names on the way to a claim, outermost first. The syntax is that of Traefik Hub: each dot descends into an
/// object, `\.` is a dot in a name, and `\\` is a backslash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPath(Vec<String>);

/// Why a text is not a [`ClaimPath`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClaimPathError {
    /// A dot without a name before or after it.
    #[error("a key with an empty name (write \\. for a dot in a name)")]
    EmptyName,
    /// A backslash that escapes nothing.
    #[error("a key with a \\ that is followed by neither . nor \\")]
    Escape,
}

impl ClaimPath {
    /// Reads a path.
    ///
    /// # Errors
    /// [`ClaimPathError`].
    pub fn parse(text: &str) -> Result<Self, ClaimPathError> {
        let (mut names, mut name) = (Vec::new(), String::new());
        let mut chars = text.chars();
        while let Some(char) = chars.next() {
            match char {
                '.' => names.push(std::mem::take(&mut name)),
                '\\' => match chars.next() {
                    Some(escaped @ ('.' | '\\')) => name.push(escaped),
                    _ => return Err(ClaimPathError::Escape),
                },
                _ => name.push(char),
            }
        }
        names.push(name);
        if names.iter().any(String::is_empty) {
            return Err(ClaimPathError::EmptyName);
        }
        Ok(Self(names))
    }

    /// Whether the path leads to the claim `name`, or into it.
    pub fn begins_with(&self, name: &str) -> bool {
        self.0.first().is_some_and(|first| first == name)
    }

    /// The claim, if it exists.
    pub fn find<'c>(&self, claims: &'c Claims) -> Option<&'c Value> {
        let (first, inner) = self.0.split_first()?;
        let claim = inner
            .iter()
            .try_fold(claims.get(first)?, |claim, name| claim.get(name))?;
        // The caller reads the claim, so its size is announced here.
        work(match claim {
            Value::String(text) => text.len(),
            Value::Array(members) => 10 * members.len(),
            _ => 1,
        });
        Some(claim)
    }
}

/// A claim as text: a string as it is, a boolean as in JSON, a number with the digits that it has in the token. `None`
/// for all other claims.
pub(crate) fn text(claim: &Value) -> Option<String> {
    match claim {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(claim.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_descend_unless_escaped() {
        let claims = Claims::parse(br#"{"a":{"b":1,"b.c":2},"a.b":3,"d\\\\":4,"list":[5]}"#).unwrap();
        for (text, expected) in [
            ("a.b", Some(1)),
            (r"a.b\.c", Some(2)),
            (r"a\.b", Some(3)),
            (r"d\\\\", Some(4)),
            ("a.c", None),
            ("a.b.c", None),
            ("list.0", None),
            ("A", None),
        ] {
            let path = ClaimPath::parse(text).unwrap();
            let found = path.find(&claims).map(Value::to_string);
            assert_eq!(found, expected.map(|number: u8| number.to_string()), "{text}");
        }
    }

    #[test]
    fn a_path_with_an_empty_name_or_a_wrong_escape_is_refused() {
        for (text, error) in [
            ("", ClaimPathError::EmptyName),
            (".a", ClaimPathError::EmptyName),
            ("a.", ClaimPathError::EmptyName),
            ("a..b", ClaimPathError::EmptyName),
            (r"a\", ClaimPathError::Escape),
            (r"a\b", ClaimPathError::Escape),
        ] {
            assert_eq!(ClaimPath::parse(text), Err(error), "{text}");
        }
    }
}
