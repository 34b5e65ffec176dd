//! A name and a password in the Authorization header. RFC 7617.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use middleware::{Secret, Values};

/// The name and password in `Authorization: Basic`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basic {
    /// The name, or a client's identifier. Not empty, without colons and control characters.
    pub name: String,
    /// The password, or a client's secret. Without control characters.
    pub password: Secret,
}

/// Why a request carries no name and password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoBasic {
    /// No Authorization header.
    Missing,
    /// An Authorization header of another scheme.
    OtherScheme,
    /// Several Authorization headers, or a value after `Basic` that RFC 7617 does not allow.
    Malformed,
}

impl Basic {
    /// Checks a name and a password that are to be sent.
    ///
    /// # Errors
    /// RFC 7617 §2 does not allow them.
    pub fn new(name: impl Into<String>, password: Secret) -> Result<Self, &'static str> {
        let name = name.into();
        if name.is_empty() {
            return Err("is empty");
        }
        if name.contains(':') {
            return Err("holds a colon, which HTTP Basic does not allow in a name (RFC 7617 section 2)");
        }
        if name
            .chars()
            .chain(password.expose().chars())
            .any(char::is_control)
        {
            return Err("holds a control character, which HTTP Basic does not allow (RFC 7617 section 2)");
        }
        Ok(Self { name, password })
    }

    /// Reads the values of the Authorization header. Name and password are taken literally; only token endpoints use
    /// the form-encoding of RFC 6749 §2.3.1.
    ///
    /// # Errors
    /// See [`NoBasic`].
    pub fn read(authorization: &Values<'_>) -> Result<Self, NoBasic> {
        let value = match authorization.only().map(<[u8]>::trim_ascii) {
            Some([]) => return Err(NoBasic::Missing),
            Some(value) => value,
            None if authorization.is_empty() => return Err(NoBasic::Missing),
            None => return Err(NoBasic::Malformed),
        };
        let end = value.iter().position(u8::is_ascii_whitespace);
        let (scheme, encoded) = value
            .split_at_checked(end.unwrap_or(value.len()))
            .ok_or(NoBasic::Malformed)?;
        if !scheme.eq_ignore_ascii_case(b"Basic") {
            return Err(NoBasic::OtherScheme);
        }
        let encoded = encoded.trim_ascii();
        if encoded.len() > LONGEST {
            return Err(NoBasic::Malformed);
        }
        // Accept one spelling only: padded, canonical, without blanks.
        let decoded = STANDARD.decode(encoded).map_err(|_| NoBasic::Malformed)?;
        let decoded = String::from_utf8(decoded).map_err(|_| NoBasic::Malformed)?;
        let (name, password) = decoded.split_once(':').ok_or(NoBasic::Malformed)?;
        Self::new(name, Secret::new(password)).map_err(|_| NoBasic::Malformed)
    }

    /// The value of the Authorization header, in UTF-8.
    pub fn header_value(&self) -> String {
        let pair = format!("{}:{}", self.name, self.password.expose());
        format!("Basic {}", STANDARD.encode(pair))
    }
}

/// The longest base64 that is decoded, in bytes.
const LONGEST: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[String]) -> Result<(String, String), NoBasic> {
        let values: Values<'_> = values.iter().collect();
        Basic::read(&values).map(|basic| (basic.name, basic.password.expose().to_owned()))
    }

    #[test]
    fn names_and_passwords_are_taken_as_they_stand() {
        for (pair, name, password) in [
            ("app:secret", "app", "secret"),
            ("app:", "app", ""),
            ("app:a:b:", "app", "a:b:"),
            ("a%2Bb:p%3A+q%", "a%2Bb", "p%3A+q%"),
            ("env:HOME", "env", "HOME"),
            ("jürgen:pässwörd €", "jürgen", "pässwörd €"),
            ("a b: c ", "a b", " c "),
        ] {
            let basic = Basic::new(name, Secret::new(password)).unwrap();
            assert_eq!(basic.header_value(), format!("Basic {}", STANDARD.encode(pair)));
            for value in [
                basic.header_value(),
                basic.header_value().replacen("Basic ", " bASIC   ", 1),
            ] {
                assert_eq!(
                    read(&[value]),
                    Ok((name.to_owned(), password.to_owned())),
                    "{pair}"
                );
            }
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let encoded = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        let latin1 = format!("Basic {}", STANDARD.encode([b'a', b':', 0xe9]));
        let good = encoded("a:b");
        for (values, expected) in [
            (vec![], NoBasic::Missing),
            (vec![String::new()], NoBasic::Missing),
            (vec!["Bearer abc".to_owned()], NoBasic::OtherScheme),
            (vec!["YTpi".to_owned()], NoBasic::OtherScheme),
            (vec![good.clone(), good.clone()], NoBasic::Malformed),
            (vec!["Bearer abc".to_owned(), good.clone()], NoBasic::Malformed),
            (vec![good.clone(), String::new()], NoBasic::Malformed),
            (vec!["Basic".to_owned()], NoBasic::Malformed),
            (vec!["Basic ".to_owned()], NoBasic::Malformed),
            (vec!["Basic ???".to_owned()], NoBasic::Malformed),
            (vec![format!("{good}, {good}")], NoBasic::Malformed),
            (vec!["Basic YTpi YTpi".to_owned()], NoBasic::Malformed),
            // a:bc without padding, with bits left over, in the other alphabet.
            (vec!["Basic YTpiYw".to_owned()], NoBasic::Malformed),
            (vec!["Basic YTpiYx==".to_owned()], NoBasic::Malformed),
            (vec!["Basic YTo_Pz8-".to_owned()], NoBasic::Malformed),
            (vec![encoded("no colon")], NoBasic::Malformed),
            (vec![encoded(":no name")], NoBasic::Malformed),
            (vec![encoded("a:line\nbreak")], NoBasic::Malformed),
            (vec![encoded("a\0:b")], NoBasic::Malformed),
            (vec![encoded("a:\u{85}")], NoBasic::Malformed),
            (vec![latin1], NoBasic::Malformed),
            (
                vec![encoded(&format!("a:{}", "x".repeat(LONGEST)))],
                NoBasic::Malformed,
            ),
        ] {
            assert_eq!(read(&values), Err(expected), "{values:?}");
        }
    }

    #[test]
    fn debug_output_shows_no_password() {
        let basic = Basic::new("app", Secret::new("hunter2")).unwrap();
        assert!(!format!("{basic:?}").contains("hunter2"));
    }
}
