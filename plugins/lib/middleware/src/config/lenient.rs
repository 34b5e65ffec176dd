//! Deserialisers for values that Traefik's providers spell in several ways.
//!
//! Use with `#[serde(deserialize_with = "middleware::config::lenient::integer")]`. serde makes a type of its own for each
//! such field, so the functions are never inlined: each would be in a module as often as it has fields.

use std::fmt;

use serde::de::{Deserializer, Error, SeqAccess, Visitor};

/// A whole number ≥ 0, given as `60`, `60.0` or `"60"`.
///
/// # Errors
/// Anything else.
#[inline(never)]
pub fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct Integer;
    impl Visitor<'_> for Integer {
        type Value = u64;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number that is not negative")
        }
        fn visit_u64<E: Error>(self, value: u64) -> Result<u64, E> {
            Ok(value)
        }
        fn visit_f64<E: Error>(self, value: f64) -> Result<u64, E> {
            // Traefik passes numbers through float64; beyond 2^53 they are no longer exact.
            const EXACT: f64 = 9_007_199_254_740_992.0;
            if value.fract() == 0.0 && (0.0..=EXACT).contains(&value) {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked just above
                return Ok(value as u64);
            }
            Err(E::invalid_value(serde::de::Unexpected::Float(value), &self))
        }
        fn visit_str<E: Error>(self, value: &str) -> Result<u64, E> {
            value
                .trim()
                .parse()
                .map_err(|_| E::invalid_value(serde::de::Unexpected::Str(value), &self))
        }
    }
    deserializer.deserialize_any(Integer)
}

/// A boolean, given as `true` or `"true"`.
///
/// # Errors
/// Anything else.
#[inline(never)]
pub fn boolean<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    struct Boolean;
    impl Visitor<'_> for Boolean {
        type Value = bool;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("true or false")
        }
        fn visit_bool<E: Error>(self, value: bool) -> Result<bool, E> {
            Ok(value)
        }
        fn visit_str<E: Error>(self, value: &str) -> Result<bool, E> {
            match value.trim() {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => Err(E::invalid_value(serde::de::Unexpected::Str(value), &self)),
            }
        }
    }
    deserializer.deserialize_any(Boolean)
}

/// A list of strings, given as a list or as one string (`a` or `a,b`).
///
/// # Errors
/// Anything else.
#[inline(never)]
pub fn strings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Strings;
    impl<'de> Visitor<'de> for Strings {
        type Value = Vec<String>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of strings")
        }
        fn visit_str<E: Error>(self, value: &str) -> Result<Vec<String>, E> {
            Ok(value
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(str::to_owned)
                .collect())
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<String>, A::Error> {
            let mut list = Vec::new();
            while let Some(item) = items.next_element::<String>()? {
                list.push(item);
            }
            Ok(list)
        }
    }
    deserializer.deserialize_any(Strings)
}

/// Like [`strings`], for an optional list.
///
/// # Errors
/// As [`strings`].
#[inline(never)]
pub fn given_strings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    strings(deserializer).map(Some)
}

/// Like [`integer`], for an optional number.
///
/// # Errors
/// As [`integer`].
#[inline(never)]
pub fn given_integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    integer(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    #[derive(Deserialize)]
    struct Number(#[serde(deserialize_with = "super::integer")] u64);
    #[derive(Deserialize)]
    struct Truth(#[serde(deserialize_with = "super::boolean")] bool);
    #[derive(Deserialize)]
    struct List(#[serde(deserialize_with = "super::strings")] Vec<String>);

    #[test]
    fn whole_numbers_in_every_spelling() {
        for (value, expected) in [
            (json!(60), Some(60)),
            (json!(60.0), Some(60)),
            (json!("60"), Some(60)),
            (json!(0), Some(0)),
            (json!(-1), None),
            (json!(1.5), None),
            (json!(1e300), None),
            (json!("soon"), None),
            (json!(true), None),
            (json!([1]), None),
        ] {
            assert_eq!(
                serde_json::from_value::<Number>(value.clone()).ok().map(|n| n.0),
                expected,
                "{value}"
            );
        }
    }

    #[test]
    fn truth_values_in_every_spelling() {
        for (value, expected) in [
            (json!(true), Some(true)),
            (json!("false"), Some(false)),
            (json!("yes"), None),
            (json!(1), None),
        ] {
            assert_eq!(
                serde_json::from_value::<Truth>(value.clone()).ok().map(|t| t.0),
                expected,
                "{value}"
            );
        }
    }

    #[test]
    fn lists_in_every_spelling() {
        for (value, expected) in [
            (json!(["a", "b c"]), Some(vec!["a", "b c"])),
            (json!("a"), Some(vec!["a"])),
            (json!("a, b"), Some(vec!["a", "b"])),
            (json!([]), Some(vec![])),
            (json!([1]), None),
            (Value::Bool(true), None),
        ] {
            let expected = expected.map(|items| items.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(
                serde_json::from_value::<List>(value.clone()).ok().map(|l| l.0),
                expected,
                "{value}"
            );
        }
    }
}
