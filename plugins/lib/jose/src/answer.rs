//! What an issuer says of a token when it is asked (RFC 7662 section 2.2), read as tolerantly as providers write it.
//!
//! An answer comes from the configured provider over a connection of the gateway's own, so two habits of providers are
//! forgiven where a token would be refused:
//!
//! - a member with the value `null` counts as absent;
//! - `exp`, `nbf` and `iat` may be text with a number in it.
//!
//! Nothing else is, and none of this holds for what a caller brings.

use serde_json::{Number, Value};

use crate::{Claims, Rejection};

impl Claims {
    /// Reads an answer about a token: an object like a token's claims.
    ///
    /// # Errors
    /// As for a token's claims: a member that stands there twice, nesting that is too deep, no object.
    pub fn of_answer(json: &[u8]) -> Result<Self, Rejection> {
        let mut members = Self::parse(json)?.into_members();
        members.retain(|_, value| !value.is_null());
        for name in ["exp", "nbf", "iat"] {
            if let Some(value) = members.get_mut(name)
                && let Some(number) = value.as_str().and_then(number)
            {
                *value = Value::Number(number);
            }
        }
        Ok(Self::from_members(members))
    }
}

/// Digits, with or without a fraction. Neither sign nor exponent: no provider writes a time so.
fn number(text: &str) -> Option<Number> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    if fraction.bytes().all(|digit| digit == b'0') {
        return whole.parse::<u64>().ok().map(Number::from);
    }
    text.parse().ok().and_then(Number::from_f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn times_in_text_are_times_and_null_is_nothing() {
        for (value, expected) in [
            (json!(1_999_999_999), Some(json!(1_999_999_999))),
            (json!(1.5), Some(json!(1.5))),
            (json!("1999999999"), Some(json!(1_999_999_999))),
            (json!("1999999999.0"), Some(json!(1_999_999_999))),
            (json!("1999999999.5"), Some(json!(1_999_999_999.5))),
            (json!("0"), Some(json!(0))),
            (json!(null), None),
            // Left as they are, for whoever judges times to refuse.
            (json!(""), Some(json!(""))),
            (json!("."), Some(json!("."))),
            (json!("1."), Some(json!("1."))),
            (json!(".5"), Some(json!(".5"))),
            (json!("-1"), Some(json!("-1"))),
            (json!("+1"), Some(json!("+1"))),
            (json!("1e9"), Some(json!("1e9"))),
            (json!(" 1"), Some(json!(" 1"))),
            (json!("0x10"), Some(json!("0x10"))),
            (json!("\u{0661}"), Some(json!("\u{0661}"))),
            (json!("2033-05-18T03:33:20Z"), Some(json!("2033-05-18T03:33:20Z"))),
            (json!("99999999999999999999"), Some(json!("99999999999999999999"))),
            (json!(["1"]), Some(json!(["1"]))),
        ] {
            for name in ["exp", "nbf", "iat"] {
                let answer = json!({ "active": true, name: value }).to_string();
                let claims = Claims::of_answer(answer.as_bytes()).unwrap();
                assert_eq!(claims.get(name), expected.as_ref(), "{answer}");
            }
        }
        let claims = Claims::of_answer(br#"{"sub":null,"scope":"7","a":{"b":null}}"#).unwrap();
        assert_eq!(claims.get("sub"), None);
        assert_eq!(claims.get("scope"), Some(&json!("7")));
        assert_eq!(claims.get("a"), Some(&json!({"b": null})));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for json in [r#"{"active":true,"active":false}"#, "[]", "", r#"{"a":1} x"#] {
            assert!(Claims::of_answer(json.as_bytes()).is_err(), "{json}");
        }
    }
}
