//! Patterns for user names, with at most one `*`: the option `names`.

use std::fmt;

/// A name, or a prefix and a suffix of names. ASCII letters match in either case, as in identity domains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamePattern {
    before: String,
    /// The text after the `*`. `None` if there is no `*`.
    after: Option<String>,
}

impl NamePattern {
    /// Parses a pattern. Returns `None` for an empty text and for more than one `*`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (before, after) = match text.split_once('*') {
            Some((_, after)) if after.contains('*') => return None,
            Some((before, after)) => (before, Some(after.to_owned())),
            None => (text, None),
        };
        (!text.is_empty()).then(|| Self {
            before: before.to_owned(),
            after,
        })
    }

    /// Returns whether `name` matches. The `*` stands for at least one character.
    pub(crate) fn fits(&self, name: &str) -> bool {
        let Some(after) = &self.after else {
            return name.eq_ignore_ascii_case(&self.before);
        };
        let (name, before, after) = (name.as_bytes(), self.before.as_bytes(), after.as_bytes());
        let begins = name
            .get(..before.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(before));
        let rest = name.get(before.len()..).unwrap_or_default();
        let starred = rest.len().saturating_sub(after.len());
        let ends = rest
            .get(starred..)
            .is_some_and(|end| end.eq_ignore_ascii_case(after));
        begins && ends && starred > 0
    }

    /// Returns whether some name could match both patterns, under any rule for case. If in doubt, returns true.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let [one, two] = [self, other].map(|pattern| Self {
            before: pattern.before.to_lowercase(),
            after: pattern.after.as_ref().map(|after| after.to_lowercase()),
        });
        match (&one.after, &two.after) {
            (None, None) => one.before == two.before,
            (None, Some(_)) => two.fits(&one.before),
            (Some(_), None) => one.fits(&two.before),
            (Some(end), Some(other_end)) => {
                let begins = one.before.starts_with(&two.before) || two.before.starts_with(&one.before);
                begins && (end.ends_with(other_end.as_str()) || other_end.ends_with(end.as_str()))
            }
        }
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.after {
            Some(after) => write!(f, "{}*{after}", self.before),
            None => f.write_str(&self.before),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> NamePattern {
        NamePattern::parse(text).unwrap()
    }

    #[test]
    fn a_star_stands_for_at_least_one_character() {
        for (text, name, expected) in [
            ("*@a.example", "jane@a.example", true),
            ("*@a.example", "Jane@A.Example", true),
            ("*@a.example", "jane@b.example@a.example", true),
            ("*@a.example", "@a.example", false),
            ("*@a.example", "jane@a.example.org", false),
            ("*@a.example", "jane@xa.example", false),
            ("*@a.example", "jane@a.exampl\u{e9}", false),
            ("*@a.ex", "jane@a.\u{212a}x", false),
            ("a-*", "a-jane", true),
            ("a-*", "a-", false),
            ("a-*", "b-a-jane", false),
            ("a*a", "a", false),
            ("a*a", "aa", false),
            ("a*a", "aba", true),
            ("*", "x", true),
            ("*", "", false),
            ("jane", "JANE", true),
            ("jane", "janet", false),
            ("\u{fc}*", "\u{fc}ber", true),
            ("*\u{fc}", "x\u{fc}", true),
            ("*\u{fc}", "\u{fc}", false),
        ] {
            assert_eq!(pattern(text).fits(name), expected, "{text} {name}");
        }
        assert_eq!(NamePattern::parse(""), None);
        assert_eq!(NamePattern::parse(" "), None);
        assert_eq!(NamePattern::parse("*a*"), None);
    }

    #[test]
    fn patterns_that_one_name_could_fit_overlap() {
        for (one, two, expected) in [
            ("*@a.example", "*@b.example", false),
            ("*@a.example", "*@A.EXAMPLE", true),
            ("*@a.example", "*a.example", true),
            ("*@a.example", "*", true),
            ("*@a.example", "jane@a.example", true),
            ("*@a.example", "jane@b.example", false),
            ("jane", "Jane", true),
            ("jane", "joe", false),
            ("a-*", "b-*", false),
            ("a-*", "A-b-*", true),
            ("a-*", "*@b", true),
            ("a*x", "a*y", false),
            ("*@m\u{fc}.example", "*@M\u{dc}.EXAMPLE", true),
        ] {
            for (one, two) in [(one, two), (two, one)] {
                assert_eq!(pattern(one).overlaps(&pattern(two)), expected, "{one} {two}");
            }
        }
    }
}
