//! Expressions about claims, in the language of Traefik Hub's option `claims`:
//!
//! ```text
//! Equals(`grp`, `admin`) && (Contains(`roles`, `writer`) || !Prefix(`user.name`, `tmp-`))
//! ```
//!
//! | function | true when |
//! | --- | --- |
//! | `Equals(key, value)` | the claim's text is `value` |
//! | `Prefix(key, value)` | the claim is a string that begins with `value` |
//! | `Contains(key, value)` | the claim is a string with `value` in it, or a list with `value` as a member |
//! | `SplitContains(key, separator, value)` | the claim is a string, and `value` is a part of it between separators |
//! | `OneOf(key, value, …)` | the claim's text is one of the values |
//!
//! A key is a [`ClaimPath`]. The text of a boolean is `true` or `false`. The text of a number is the digits that it has
//! in the token. Other claims have no text. `!` binds most tightly, then `&&`, then `||`.
//!
//! A function is false for a claim that is missing or `null`, so its negation is true. If a function cannot read a
//! claim of this type, such as a list where `Equals` expects text, the result is neither true nor false, and so is its
//! negation: ``!Equals(`role`, `guest`)`` does not hold for `"role": ["guest"]`. An expression that is neither does not
//! hold.

mod parser;

use jose::{Claims, Value};
use middleware::ConfigError;

use crate::path::{ClaimPath, text};

pub use self::parser::ExpressionError;

/// An expression about claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expression(Node);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Any(Vec<Node>),
    All(Vec<Node>),
    Not(Box<Node>),
    Test(ClaimPath, Test),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    OneOf(Vec<String>),
    Prefix(String),
    Contains(String),
    SplitContains { separator: String, value: String },
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`ExpressionError`] says what is wrong, and at which character.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        parser::parse(text).map(Self)
    }

    /// Reads the option `field`. A blank text is `None`.
    ///
    /// # Errors
    /// [`ConfigError`] says what is wrong, and at which character.
    pub fn option(field: &str, text: &str) -> Result<Option<Self>, ConfigError> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        Self::parse(text)
            .map(Some)
            .map_err(|error| ConfigError::new(field, format!("cannot be read: {error}")))
    }

    /// Whether the expression is true for these claims.
    pub fn holds(&self, claims: &Claims) -> bool {
        self.0.verdict(claims) == Some(true)
    }

    /// Whether the expression reads the claim `name`, or a part of it.
    pub fn mentions(&self, name: &str) -> bool {
        self.0.mentions(name)
    }
}

impl Node {
    /// `None` if a function cannot read its claim and the rest does not decide (Kleene's three-valued logic).
    fn verdict(&self, claims: &Claims) -> Option<bool> {
        match self {
            Self::Any(nodes) => joined(nodes, claims, true),
            Self::All(nodes) => joined(nodes, claims, false),
            Self::Not(node) => node.verdict(claims).map(|holds| !holds),
            Self::Test(key, test) => match key.find(claims) {
                None | Some(Value::Null) => Some(false),
                Some(claim) => test.verdict(claim),
            },
        }
    }

    fn mentions(&self, name: &str) -> bool {
        match self {
            Self::Any(nodes) | Self::All(nodes) => nodes.iter().any(|node| node.mentions(name)),
            Self::Not(node) => node.mentions(name),
            Self::Test(key, _) => key.begins_with(name),
        }
    }
}

/// `decisive` if one of the nodes is decisive, the opposite if all are the opposite, otherwise `None`.
fn joined(nodes: &[Node], claims: &Claims, decisive: bool) -> Option<bool> {
    let mut verdict = Some(!decisive);
    for node in nodes {
        match node.verdict(claims) {
            Some(found) if found == decisive => return Some(decisive),
            Some(_) => {}
            None => verdict = None,
        }
    }
    verdict
}

impl Test {
    /// `None` for a claim of a type that the function cannot read.
    fn verdict(&self, claim: &Value) -> Option<bool> {
        match (self, claim) {
            (Self::OneOf(values), claim) => text(claim).map(|text| values.contains(&text)),
            (Self::Prefix(value), Value::String(text)) => Some(text.starts_with(value)),
            (Self::Contains(value), Value::String(text)) => Some(text.contains(value)),
            (Self::Contains(value), Value::Array(members)) => contains(members, value),
            (Self::SplitContains { separator, value }, Value::String(text)) => {
                Some(text.split(separator).any(|part| part == value))
            }
            _ => None,
        }
    }
}

/// `None` if the value is not found and some member has no text.
fn contains(members: &[Value], value: &str) -> Option<bool> {
    let mut all_read = true;
    for member in members {
        match text(member) {
            Some(text) if text == value => return Some(true),
            Some(_) => {}
            None => all_read = false,
        }
    }
    all_read.then_some(false)
}

#[cfg(test)]
mod tests;
