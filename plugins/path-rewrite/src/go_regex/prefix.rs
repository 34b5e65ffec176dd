//! Matches patterns of the form that most rules have, such as `^/echo(/.*)?$`: a literal prefix, then one of a few
//! endings.
//!
//! Comparing bytes is many times faster here than the engine, which simulates an automaton. An instance of the plugin
//! would also have to compile the regex again for every concurrent request. All other patterns go to the engine.

use super::Span;

/// A pattern of that form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Prefix {
    literal: String,
    ending: Ending,
}

/// What may follow the prefix, with its groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Anything, which is not part of the match.
    Open,
    /// Nothing.
    Closed,
    /// Anything.
    Any,
    /// Anything, which is group 1.
    Rest,
    /// At least one character, which is group 1.
    SomeRest,
    /// A slash and anything, together group 1.
    Below,
    /// Nothing, or a slash and anything, together group 1.
    SameOrBelow,
    /// A slash and anything, together group 1. Anything else is not part of the match.
    OpenOrBelow,
    /// Nothing, or a slash, which is group 1, followed by anything, which is group 2.
    SlashAndRest,
}

const ENDINGS: [(&str, Ending); 14] = [
    ("", Ending::Open),
    ("$", Ending::Closed),
    (".*", Ending::Any),
    (".*$", Ending::Any),
    ("(.*)", Ending::Rest),
    ("(.*)$", Ending::Rest),
    ("(.+)", Ending::SomeRest),
    ("(.+)$", Ending::SomeRest),
    ("(/.*)", Ending::Below),
    ("(/.*)$", Ending::Below),
    ("(/.*)?$", Ending::SameOrBelow),
    ("(/.*)?", Ending::OpenOrBelow),
    ("(/|$)(.*)", Ending::SlashAndRest),
    ("(/|$)(.*)$", Ending::SlashAndRest),
];

/// Groups 0 to 2 of a match.
pub(super) type Groups = [Option<Span>; 3];

impl Prefix {
    /// Recognizes `pattern`. It must be a pattern that Go compiles.
    pub(super) fn of(pattern: &str) -> Option<Self> {
        let mut rest = pattern.strip_prefix('^')?;
        let mut literal = String::new();
        while let Some((char, after)) = literal_char(rest)? {
            literal.push(char);
            rest = after;
        }
        let (_, ending) = ENDINGS.iter().find(|(text, _)| *text == rest)?;
        Some(Self {
            literal,
            ending: *ending,
        })
    }

    /// Returns the number of groups, including the whole match.
    pub(super) fn groups(&self) -> usize {
        match self.ending {
            Ending::Open | Ending::Closed | Ending::Any => 1,
            Ending::SlashAndRest => 3,
            _ => 2,
        }
    }

    /// Finds the match in `text` that begins at `from` or later. A match is possible only at the start of the text.
    pub(super) fn find_at(&self, text: &str, from: usize) -> Option<Groups> {
        let rest = text.strip_prefix(&self.literal).filter(|_| from == 0)?;
        let (start, end) = (self.literal.len(), text.len());
        let all = Some(Span { start: 0, end });
        let only_prefix = Some(Span { start: 0, end: start });
        let tail = Some(Span { start, end });
        let below = rest.starts_with('/');
        Some(match self.ending {
            Ending::Open => [only_prefix, None, None],
            Ending::Closed if rest.is_empty() => [all, None, None],
            Ending::Any => [all, None, None],
            Ending::Rest => [all, tail, None],
            Ending::SomeRest if !rest.is_empty() => [all, tail, None],
            Ending::Below | Ending::SameOrBelow | Ending::OpenOrBelow if below => [all, tail, None],
            Ending::SameOrBelow if rest.is_empty() => [all, None, None],
            Ending::OpenOrBelow => [only_prefix, None, None],
            Ending::SlashAndRest if below || rest.is_empty() => {
                let middle = start + usize::from(below);
                let (slash, rest) = (Span { start, end: middle }, Span { start: middle, end });
                [all, Some(slash), Some(rest)]
            }
            _ => return None,
        })
    }
}

/// Reads the first character of a pattern if it is a literal, and returns it with the rest. The outer `None` means an
/// escape with another meaning.
#[allow(clippy::option_option)] // three results: a character, no character, and another form of pattern
fn literal_char(pattern: &str) -> Option<Option<(char, &str)>> {
    let mut chars = pattern.chars();
    let Some(first) = chars.next() else {
        return Some(None);
    };
    match first {
        '\\' => {
            let escaped = chars.next().filter(char::is_ascii_punctuation)?;
            Some(Some((escaped, chars.as_str())))
        }
        '.' | '*' | '+' | '?' | '(' | ')' | '[' | ']' | '{' | '}' | '|' | '^' | '$' => Some(None),
        _ if first.is_ascii_graphic() => Some(Some((first, chars.as_str()))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex_lite::Regex;

    const TEXTS: [&str; 12] = [
        "", "/", "/a", "/a/", "/a/b/c", "/a.b", "/aXb", "/ab", "/a/a", "b/a", "/a%20b/c", "//a",
    ];

    #[test]
    fn every_ending_matches_what_the_engine_matches() {
        for (literal, ending) in ["", "/", "/a", "/a/", r"/a\.b", "/a%20b"]
            .iter()
            .flat_map(|literal| ENDINGS.map(|(ending, _)| (literal, ending)))
        {
            let pattern = format!("^{literal}{ending}");
            let prefix = Prefix::of(&pattern).unwrap_or_else(|| panic!("{pattern} is not recognised"));
            let regex = Regex::new(&pattern).unwrap();
            assert_eq!(prefix.groups(), regex.captures_len(), "{pattern}");
            for text in TEXTS {
                let mut groups = regex.capture_locations();
                for from in 0..=text.len() {
                    let expected = regex.captures_read_at(&mut groups, text, from).map(|_| {
                        [0, 1, 2].map(|group| groups.get(group).map(|(start, end)| Span { start, end }))
                    });
                    assert_eq!(
                        prefix.find_at(text, from),
                        expected,
                        "{pattern} on {text} from {from}"
                    );
                }
            }
        }
    }

    #[test]
    fn other_shapes_are_left_to_the_engine() {
        for pattern in [
            "/a",
            "^/a?",
            "^/a*$",
            "^/a+(/.*)?$",
            "^/a{2}",
            "^/a|b",
            "^/(a|b)(/.*)?$",
            "^/a(?P<rest>/.*)?$",
            "^/a(/.*)?$|^/b",
            "^/[ab]",
            r"^/\d",
            r"^/\Qa",
            r"^/a\b",
            r"^/\é",
            "^/é",
            "^/a b",
            "^^/a",
            "(?i)^/a",
            "^/a.",
            "^/a$$",
        ] {
            assert_eq!(Prefix::of(pattern), None, "{pattern}");
        }
    }
}
