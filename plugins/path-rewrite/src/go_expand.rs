//! Replacement templates with the rules of Go's `regexp.Expand`.
//!
//! `$name` and `${name}` insert a group, by number or by name. A name is the longest run of letters, digits, and `_`,
//! so `$1x` means `${1x}`. `$$` is a dollar sign, and so is a `$` that does not start a reference. A group that does
//! not exist in the regex, or that did not take part in the match, inserts nothing.

use std::fmt;

use crate::go_regex::{GoRegex, Groups};

/// A parsed template with resolved groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
    unknown_groups: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Group(usize),
}

/// A template whose meaning in Go depends on Unicode tables that this plugin does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    name: String,
    next: char,
}

impl std::error::Error for TemplateError {}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, next } = self;
        if name.is_empty() {
            write!(
                f,
                "names a group ${next}…, but a group's name holds only A-Z, a-z, 0-9 and _: write $$ for a dollar sign"
            )
        } else {
            write!(
                f,
                "has {next} right after ${name}, which would become part of the name: write ${{{name}}}{next}"
            )
        }
    }
}

impl Template {
    /// Parses `template` and resolves its groups in `regex`.
    ///
    /// # Errors
    /// [`TemplateError`] if a group's name has a non-ASCII letter or digit. No regex can have such a group, so this is
    /// always a mistake.
    pub fn new(template: &str, regex: &GoRegex) -> Result<Self, TemplateError> {
        let mut builder = Builder::default();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            builder.literal(before);
            if let Some(after) = after.strip_prefix('$') {
                builder.literal("$");
                rest = after;
            } else if let Some((name, after)) = reference(after)? {
                builder.group(name, regex);
                rest = after;
            } else {
                builder.literal("$");
                rest = after;
            }
        }
        builder.literal(rest);
        Ok(builder.0)
    }

    /// Appends the template to `result`, with the groups of one match in `path`.
    pub fn expand(&self, path: &str, groups: &Groups, result: &mut String) {
        for part in &self.parts {
            match part {
                Part::Literal(text) => result.push_str(text),
                Part::Group(index) => {
                    let text = groups
                        .get(*index)
                        .and_then(|group| path.get(group.start..group.end));
                    result.push_str(text.unwrap_or_default());
                }
            }
        }
    }

    /// Returns the total length of the template's literal parts, in bytes.
    pub fn literal_len(&self) -> usize {
        let lengths = self.parts.iter().map(|part| match part {
            Part::Literal(text) => text.len(),
            Part::Group(_) => 0,
        });
        lengths.sum()
    }

    /// Returns the referenced groups that the regex does not have.
    pub fn unknown_groups(&self) -> &[String] {
        &self.unknown_groups
    }
}

/// Parses a reference after a `$`. Returns the group's name and the rest of the text, or `None` if the `$` is literal.
fn reference(text: &str) -> Result<Option<(&str, &str)>, TemplateError> {
    let (braced, text) = match text.strip_prefix('{') {
        Some(text) => (true, text),
        None => (false, text),
    };
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    let Some((name, rest)) = text.split_at_checked(end) else {
        return Ok(None);
    };
    // In Go, a name may contain any Unicode letter or digit. A character that is not alphanumeric in Rust is neither in
    // Go. For the others the two may differ, so they are refused.
    if let Some(next) = rest.chars().next().filter(|c| c.is_alphanumeric()) {
        return Err(TemplateError {
            name: name.to_owned(),
            next,
        });
    }
    if name.is_empty() {
        return Ok(None);
    }
    if braced {
        return Ok(rest.strip_prefix('}').map(|rest| (name, rest)));
    }
    Ok(Some((name, rest)))
}

#[derive(Debug)]
struct Builder(Template);

impl Default for Builder {
    fn default() -> Self {
        Self(Template {
            parts: Vec::new(),
            unknown_groups: Vec::new(),
        })
    }
}

impl Builder {
    fn literal(&mut self, text: &str) {
        match self.0.parts.last_mut() {
            Some(Part::Literal(last)) => last.push_str(text),
            _ if text.is_empty() => {}
            _ => self.0.parts.push(Part::Literal(text.to_owned())),
        }
    }

    fn group(&mut self, name: &str, regex: &GoRegex) {
        match regex.group(name) {
            Some(index) => self.0.parts.push(Part::Group(index)),
            None => self.0.unknown_groups.push(name.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str) -> Result<Template, TemplateError> {
        Template::new(
            text,
            &GoRegex::new("(a)(?P<n>b)(?<under_score>c)(?P<7up>d)(x)?").unwrap(),
        )
    }

    #[test]
    fn groups_by_number_and_name() {
        let regex = GoRegex::new("(a)(?P<n>b)(?<under_score>c)(?P<7up>d)(x)?").unwrap();
        let mut groups = regex.groups();
        regex.find_at(&mut groups, "abcd", 0).unwrap();
        for (text, expected) in [
            ("$0", "abcd"),
            ("$1-$2", "a-b"),
            ("$n", "b"),
            ("${n}", "b"),
            ("${n}x", "bx"),
            ("$nx", ""),
            ("$1x", ""),
            ("${1}x", "ax"),
            ("$1_", ""),
            ("$1-", "a-"),
            ("$under_score", "c"),
            ("$7up", "d"),
            ("$5", ""),
            ("$6", ""),
            ("$01", ""),
            ("$00", ""),
            ("$100000001", ""),
            ("$99999999999999999999999", ""),
            ("$$", "$"),
            ("$$1", "$1"),
            ("$$$1", "$a"),
            ("$", "$"),
            ("a$", "a$"),
            ("$ 1", "$ 1"),
            ("$/1", "$/1"),
            ("${", "${"),
            ("${}", "${}"),
            ("${1", "${1"),
            ("${1 }", "${1 }"),
            ("${1$2", "${1b"),
            ("$-$1", "$-a"),
            (r"\1", r"\1"),
            (r"\$1", r"\a"),
            ("$1→$2", "a→b"),
            ("", ""),
        ] {
            let mut result = String::new();
            template(text).unwrap().expand("abcd", &groups, &mut result);
            assert_eq!(result, expected, "{text}");
        }
    }

    #[test]
    fn letters_beyond_ascii_in_a_name_are_refused() {
        for text in ["$1é", "$é", "${1é}", "$n٣", "${ñ}"] {
            assert!(template(text).is_err(), "{text}");
        }
        assert_eq!(
            template("/$1é").unwrap_err().to_string(),
            "has é right after $1, which would become part of the name: write ${1}é"
        );
    }

    #[test]
    fn unknown_groups_are_kept_for_a_warning() {
        assert_eq!(
            template("$1x$2${nope}$9").unwrap().unknown_groups(),
            ["1x", "nope", "9"]
        );
    }
}
