//! Reading an expression, by recursive descent.

use super::{Node, Test};
use crate::path::ClaimPath;

/// Why an expression cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at character {at}")]
pub struct ExpressionError {
    /// What is wrong, and what to write instead.
    what: String,
    /// Which character of the expression, counted from 1.
    at: usize,
}

impl ExpressionError {
    /// Which character of the expression, counted from 1.
    pub fn at(&self) -> usize {
        self.at
    }
}

const FUNCTIONS: [&str; 5] = ["Equals", "Prefix", "Contains", "SplitContains", "OneOf"];

/// The deepest nesting of parentheses and negations, which bounds the stack.
const MAX_DEPTH: usize = 32;

pub(super) fn parse(text: &str) -> Result<Node, ExpressionError> {
    let mut parser = Parser {
        chars: text.chars().collect(),
        at: 0,
        depth: 0,
    };
    let node = parser.any()?;
    match parser.peek() {
        None => Ok(node),
        Some(')') => Err(parser.error("a ) without its (")),
        Some(_) => Err(parser.error("&& or || is missing")),
    }
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn any(&mut self) -> Result<Node, ExpressionError> {
        let mut nodes = vec![self.all()?];
        while self.take("||")? {
            nodes.push(self.all()?);
        }
        Ok(one_or(nodes, Node::Any))
    }

    fn all(&mut self) -> Result<Node, ExpressionError> {
        let mut nodes = vec![self.one()?];
        while self.take("&&")? {
            nodes.push(self.one()?);
        }
        Ok(one_or(nodes, Node::All))
    }

    fn one(&mut self) -> Result<Node, ExpressionError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error(format!(
                "more than {MAX_DEPTH} parentheses or ! within one another"
            )));
        }
        let node = match self.peek() {
            Some('!') => {
                self.at += 1;
                Node::Not(Box::new(self.one()?))
            }
            Some('(') => {
                let open = self.at;
                self.at += 1;
                let node = self.any()?;
                match self.peek() {
                    Some(')') => self.at += 1,
                    None => return Err(error_at(open, "a ( without its )")),
                    Some(_) => return Err(self.error("&& or || is missing")),
                }
                node
            }
            Some(first) if first.is_ascii_alphabetic() => self.call()?,
            Some(found @ ('`' | '"')) => {
                return Err(self.error(format!(
                    "a text outside of a function ({found}): write a function such as Equals(`key`, `value`)"
                )));
            }
            Some(found) => return Err(self.error(format!("{found} where a function is expected"))),
            None => return Err(self.error("the expression ends where a function is expected")),
        };
        self.depth -= 1;
        Ok(node)
    }

    fn call(&mut self) -> Result<Node, ExpressionError> {
        let start = self.at;
        let name: String = self
            .rest()
            .iter()
            .take_while(|char| char.is_ascii_alphanumeric())
            .collect();
        self.at += name.len();
        if !FUNCTIONS.contains(&name.as_str()) {
            let known = FUNCTIONS.join(", ");
            return Err(error_at(start, format!("no function {name} (known are {known})")));
        }
        if self.peek() != Some('(') {
            return Err(self.error(format!("no ( after {name}")));
        }
        self.at += 1;
        let arguments = self.arguments()?;
        node(&name, start, arguments)
    }

    /// Reads texts between commas, each with its position, including the closing parenthesis.
    fn arguments(&mut self) -> Result<Vec<(usize, String)>, ExpressionError> {
        let mut arguments = Vec::new();
        loop {
            match self.peek() {
                Some('`' | '"') => arguments.push((self.at, self.text()?)),
                Some('\'') => return Err(self.error("text between ', which Go does not know: use backticks")),
                _ => return Err(self.error("a text between backticks is missing")),
            }
            match self.peek() {
                Some(',') => self.at += 1,
                Some(')') => {
                    self.at += 1;
                    return Ok(arguments);
                }
                _ => return Err(self.error("a comma or ) is missing")),
            }
        }
    }

    /// Reads a text. Between backticks every character stands for itself. Between double quotes `\"` and `\\` are
    /// escapes.
    fn text(&mut self) -> Result<String, ExpressionError> {
        let start = self.at;
        let mut chars = self.rest().iter().copied();
        let quote = chars.next();
        let mut text = String::new();
        let mut length = 1;
        while let Some(char) = chars.next() {
            length += 1;
            match char {
                _ if Some(char) == quote => {
                    self.at += length;
                    return Ok(text);
                }
                '\\' if quote == Some('"') => match chars.next() {
                    Some(escaped @ ('"' | '\\')) => {
                        length += 1;
                        text.push(escaped);
                    }
                    _ => {
                        return Err(error_at(
                            start + length - 1,
                            "an escape other than \\\" and \\\\: use backticks",
                        ));
                    }
                },
                _ => text.push(char),
            }
        }
        Err(error_at(start, "a text that does not end"))
    }

    /// Skips white space and returns the next character without consuming it.
    fn peek(&mut self) -> Option<char> {
        let blank = |char: &&char| char.is_ascii_whitespace();
        self.at += self.rest().iter().take_while(blank).count();
        self.rest().first().copied()
    }

    /// Consumes the operator if it comes next.
    fn take(&mut self, operator: &str) -> Result<bool, ExpressionError> {
        let Some(found) = self.peek().filter(|found| operator.starts_with(*found)) else {
            return Ok(false);
        };
        self.at += 1;
        if self.rest().first() != Some(&found) {
            self.at -= 1;
            return Err(self.error(format!("a single {found}: write {operator}")));
        }
        self.at += 1;
        Ok(true)
    }

    fn rest(&self) -> &[char] {
        self.chars.get(self.at..).unwrap_or_default()
    }

    fn error(&self, what: impl Into<String>) -> ExpressionError {
        error_at(self.at, what)
    }
}

fn error_at(index: usize, what: impl Into<String>) -> ExpressionError {
    ExpressionError {
        what: what.into(),
        at: index + 1,
    }
}

fn one_or(mut nodes: Vec<Node>, more: fn(Vec<Node>) -> Node) -> Node {
    match (nodes.pop(), nodes.is_empty()) {
        (Some(only), true) => only,
        (last, _) => {
            nodes.extend(last);
            more(nodes)
        }
    }
}

fn node(name: &str, at: usize, arguments: Vec<(usize, String)>) -> Result<Node, ExpressionError> {
    let count = arguments.len();
    let takes = |what: &str| error_at(at, format!("{name} takes {what}, not {count} texts"));
    let mut arguments = arguments.into_iter();
    let key = match arguments.next() {
        Some((at, text)) => ClaimPath::parse(&text).map_err(|error| error_at(at, error.to_string()))?,
        None => return Err(takes("a key")),
    };
    let values: Vec<String> = arguments.map(|(_, text)| text).collect();
    let test = match (name, values.as_slice()) {
        ("OneOf", []) => return Err(takes("a key and at least one value")),
        ("Equals", [_]) | ("OneOf", _) => Test::OneOf(values),
        ("Prefix", [value]) => Test::Prefix(value.clone()),
        ("Contains", [value]) => Test::Contains(value.clone()),
        ("SplitContains", [separator, _]) if separator.is_empty() => {
            return Err(error_at(at, "SplitContains with an empty separator"));
        }
        ("SplitContains", [separator, value]) => Test::SplitContains {
            separator: separator.clone(),
            value: value.clone(),
        },
        ("SplitContains", _) => return Err(takes("a key, a separator and a value")),
        _ => return Err(takes("a key and a value")),
    };
    Ok(Node::Test(key, test))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_point_at_the_character() {
        for (text, at, what) in [
            ("", 1, "ends where a function is expected"),
            ("Equals(`a`, `b`) &&", 20, "ends where a function is expected"),
            ("Equals(`a`, `b`) & Equals(`a`, `b`)", 18, "write &&"),
            ("Equals(`a`, `b`) | Equals(`a`, `b`)", 18, "write ||"),
            ("Equals(`a`, `b`) Equals(`a`, `b`)", 18, "&& or || is missing"),
            ("(Equals(`a`, `b`)", 1, "a ( without its )"),
            ("Equals(`a`, `b`))", 17, "a ) without its ("),
            ("(Equals(`a`, `b`) Equals(`a`, `b`))", 19, "&& or || is missing"),
            (
                "Equal(`a`, `b`)",
                1,
                "no function Equal (known are Equals, Prefix,",
            ),
            ("  equals(`a`, `b`)", 3, "no function equals"),
            ("Equals `a`, `b`", 8, "no ( after Equals"),
            ("Equals(a, `b`)", 8, "a text between backticks is missing"),
            ("Equals('a', `b`)", 8, "use backticks"),
            ("Equals(`a`; `b`)", 11, "a comma or ) is missing"),
            ("Equals(`a`, `b)", 13, "a text that does not end"),
            (r#"Equals("a\n", `b`)"#, 10, "use backticks"),
            ("Equals()", 8, "a text between backticks is missing"),
            ("Equals(`a`)", 1, "takes a key and a value, not 1 texts"),
            ("Equals(`a`, `b`, `c`)", 1, "takes a key and a value, not 3 texts"),
            ("OneOf(`a`)", 1, "at least one value"),
            (
                "SplitContains(`a`, `b`)",
                1,
                "takes a key, a separator and a value",
            ),
            ("SplitContains(`a`, ``, `b`)", 1, "empty separator"),
            ("Equals(``, `b`)", 8, "empty name"),
            ("Equals(`a..b`, `b`)", 8, "empty name"),
            (r"Equals(`a\b`, `b`)", 8, "followed by neither"),
            ("`a`", 1, "outside of a function"),
            ("ä", 1, "ä where a function is expected"),
            ("Equals(`ä`, `ö`) ?", 18, "&& or || is missing"),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error.at(), at, "{text}: {error}");
            assert!(error.to_string().contains(what), "{text}: {error}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| {
            let (open, close) = ("(".repeat(depth), ")".repeat(depth));
            format!("{open}Equals(`a`, `b`){close}")
        };
        assert!(parse(&nested(MAX_DEPTH - 1)).is_ok());
        assert_eq!(parse(&nested(MAX_DEPTH)).unwrap_err().at(), MAX_DEPTH + 1);
        assert!(parse(&"!".repeat(100_000)).is_err());
        let wide = vec!["Equals(`a`, `b`)"; 1000].join(" && ");
        assert!(parse(&wide).is_ok());
    }
}
