//! JSON values whose numbers keep the digits they are written with.
//!
//! A number in a token may be the id of a person. Read as floats, 12345678901234567890123 and …124 are equal, so two
//! people would become one. Therefore claims are compared by the text of a number, and a backend gets that text.

use std::collections::BTreeMap;
use std::fmt;

/// The members of a JSON object.
pub type Members = BTreeMap<String, Value>;

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string.
    String(String),
    /// A list.
    Array(Vec<Value>),
    /// An object.
    Object(Members),
}

/// A number as it is written: `100`, `1e2` and `100.0` are three different numbers. Only
/// [`strict_json`](crate::strict_json) makes one, from the text of a JSON number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number(Box<str>);

impl Value {
    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The member `name`, if this is an object that has it.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.get(name),
            _ => None,
        }
    }
}

impl Number {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The number as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest float. Use it for measures such as times, never to compare ids. serde_json reads it, since the
    /// standard library's parser would make every module larger.
    pub fn as_f64(&self) -> Option<f64> {
        serde_json::from_str(&self.0).ok()
    }
}

impl PartialEq<str> for Value {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == Some(other)
    }
}

impl PartialEq<&str> for Value {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == Some(*other)
    }
}

/// JSON without blanks. The members of an object are in the order of their names.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(number) => f.write_str(number.as_str()),
            Self::String(text) => write_string(f, text),
            Self::Array(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { "" } else { "," })?;
                }
                f.write_str("]")
            }
            Self::Object(members) => {
                f.write_str("{")?;
                for (index, (name, member)) in members.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    write_string(f, name)?;
                    write!(f, ":{member}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn write_string(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strict_json;

    #[test]
    fn what_is_written_is_what_was_read() {
        for json in [
            "{}",
            r#"{"a":[1,-2,2.50,1e2,1E+2,-0,0.0,18446744073709551616,null,true,false,"x",[],{}]}"#,
            r#"{"a":"\"\\\n\u0001é😀","b\"":{"c":""}}"#,
        ] {
            let members = strict_json::object(json.as_bytes(), 8).unwrap();
            assert_eq!(Value::Object(members).to_string(), json);
        }
    }

    #[test]
    fn text_compares_with_strings_alone() {
        let members = strict_json::object(br#"{"a":"1","b":1}"#, 2).unwrap();
        assert!(members["a"] == "1" && members["b"] != "1" && members["a"] != *"2");
    }
}
