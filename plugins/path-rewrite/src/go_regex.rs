//! Go's regular expressions, run by `regex-lite`.
//!
//! Both engines use leftmost-first matching, but their dialects differ: `\<`, `\s`, `a{,2}`, `a**`, `\Q…\E`, `\C`,
//! `(?x)`, case folding, and more mean different things or exist in one dialect only. Therefore the pattern is parsed
//! by Go's rules (flags `syntax.Perl`, as `regexp.Compile` sets them) and rewritten in the small subset of the dialect
//! on which both agree. A pattern that cannot be rewritten is refused, and so is a pattern that Go refuses.
//!
//! One fact keeps this small: the text is always an escaped path, which is printable ASCII by RFC 3986. So a character
//! class is a set of 128 bits, a non-ASCII letter matches nothing (except the two that fold to `s` and `k`), and the
//! whole text is a single line.

mod charset;
mod cost;
mod parser;
mod prefix;

use regex_lite::{CaptureLocations, Regex, RegexBuilder};

use cost::Cost;
use parser::Parser;
use prefix::Prefix;

/// The memory limit of one compiled regex. Each concurrent request has its own instance of the plugin, and each
/// instance compiles its own regexes.
const SIZE_LIMIT: usize = 256 << 10;

/// A compiled regex and the names of its groups.
#[derive(Debug)]
pub struct GoRegex {
    matcher: Matcher,
    names: Vec<(String, usize)>,
    steps_per_byte: usize,
    /// How many bytes after the start of a match a search may read.
    reach: Option<usize>,
}

#[derive(Debug)]
enum Matcher {
    Prefix(Prefix),
    Engine(Regex),
}

/// A range of bytes in a text: from `start` up to but not including `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

/// The groups of a match. Before the first match it is an empty buffer.
#[derive(Debug)]
pub struct Groups(GroupsOf);

#[derive(Debug)]
enum GroupsOf {
    Prefix(prefix::Groups),
    Engine(CaptureLocations),
}

impl Groups {
    /// Returns the place of group `index`, or `None` if the group did not take part in the match. Group 0 is the whole
    /// match.
    pub fn get(&self, index: usize) -> Option<Span> {
        match &self.0 {
            GroupsOf::Prefix(groups) => groups.get(index).copied().flatten(),
            GroupsOf::Engine(groups) => groups.get(index).map(|(start, end)| Span { start, end }),
        }
    }
}

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegexError {
    /// Go cannot compile the pattern either.
    #[error("is not a valid Go regular expression: {what} at character {at}")]
    Invalid {
        /// What is wrong.
        what: &'static str,
        /// The position in the pattern, in characters, counted from 1.
        at: usize,
    },
    /// Go supports the pattern, but this plugin does not.
    #[error("holds something this plugin does not support: {what} at character {at}; {instead}")]
    Unsupported {
        /// What is not supported.
        what: &'static str,
        /// What to write instead.
        instead: &'static str,
        /// The position in the pattern, in characters, counted from 1.
        at: usize,
    },
    /// The pattern is too large or too deeply nested for the engine.
    #[error("cannot be compiled: {why}; make it shorter, nest it less, or lower the counts in braces")]
    Engine {
        /// The engine's error message.
        why: String,
    },
}

impl GoRegex {
    /// Compiles `pattern`.
    ///
    /// # Errors
    /// [`RegexError`]. Its text continues a sentence that begins with the option's name.
    pub fn new(pattern: &str) -> Result<Self, RegexError> {
        if let Some(prefix) = Prefix::of(pattern) {
            let groups = prefix.groups();
            return Ok(Self::costing(
                &Cost::character(0),
                groups,
                Matcher::Prefix(prefix),
                Vec::new(),
            ));
        }
        let translated = Parser::new(pattern).parse()?;
        let regex = RegexBuilder::new(&translated.pattern)
            .size_limit(SIZE_LIMIT)
            .build()
            .map_err(|error| RegexError::Engine {
                why: error.to_string(),
            })?;
        let groups = regex.captures_len();
        let matcher = Matcher::Engine(regex);
        Ok(Self::costing(&translated.cost, groups, matcher, translated.names))
    }

    fn costing(cost: &Cost, groups: usize, matcher: Matcher, names: Vec<(String, usize)>) -> Self {
        Self {
            matcher,
            names,
            // A visit copies the positions of all groups, so many groups make it slower.
            steps_per_byte: cost.states_at_once().max(1).saturating_mul(8 + groups) / 8,
            reach: cost.longest(),
        }
    }

    /// Returns the maximum number of steps that a search takes for each byte of the text. A step is one visit to a
    /// state of the automaton.
    pub const fn steps_per_byte(&self) -> usize {
        self.steps_per_byte
    }

    /// Returns how many bytes after the start of a match a search may read, or `None` if there is no limit.
    pub const fn reach(&self) -> Option<usize> {
        self.reach
    }

    /// Allocates a buffer for the groups of a match.
    pub fn groups(&self) -> Groups {
        Groups(match &self.matcher {
            Matcher::Prefix(_) => GroupsOf::Prefix([None; 3]),
            Matcher::Engine(regex) => GroupsOf::Engine(regex.capture_locations()),
        })
    }

    /// Finds the first match in `text` that begins at byte `from` or later, and stores its groups in `groups`. `groups`
    /// must come from this regex. `text` must be ASCII without line breaks.
    pub fn find_at(&self, groups: &mut Groups, text: &str, from: usize) -> Option<Span> {
        match (&self.matcher, &mut groups.0) {
            (Matcher::Prefix(prefix), GroupsOf::Prefix(groups)) => {
                *groups = prefix.find_at(text, from)?;
                groups[0]
            }
            (Matcher::Engine(regex), GroupsOf::Engine(groups)) => {
                let found = regex.captures_read_at(groups, text, from)?;
                Some(Span {
                    start: found.start(),
                    end: found.end(),
                })
            }
            _ => None,
        }
    }

    fn groups_len(&self) -> usize {
        match &self.matcher {
            Matcher::Prefix(prefix) => prefix.groups(),
            Matcher::Engine(regex) => regex.captures_len(),
        }
    }

    /// Returns the index of the group that Go's `Expand` finds under `name`, which is a number or a name.
    pub fn group(&self, name: &str) -> Option<usize> {
        // Go treats the text as a number only if it is small and has no leading zero. Anything else is a name.
        let number = name.bytes().all(|b| b.is_ascii_digit()) && name.len() <= 9;
        if number && (name == "0" || !name.starts_with('0')) {
            return name.parse().ok().filter(|index| *index < self.groups_len());
        }
        self.names
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, index)| *index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the first match of each case: (pattern, text, match).
    fn check(cases: &[(&str, &str, Option<&str>)]) {
        for (pattern, text, expected) in cases {
            let regex = GoRegex::new(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            let found = regex
                .find_at(&mut regex.groups(), text, 0)
                .and_then(|found| text.get(found.start..found.end));
            assert_eq!(found, *expected, "{pattern} on {text}, run as {regex:?}");
        }
    }

    #[test]
    fn literals_and_escapes_mean_what_they_mean_in_go() {
        check(&[
            (r"\<a\>", "/<a>", Some("<a>")),
            (r"\b{start}", "a{start}", Some("{start}")),
            (r"\Q.*\E+", "/.**", Some(".**")),
            (r"\Qa", "xa", Some("a")),
            (r"a\Q\E", "a", Some("a")),
            (r"\x2F\x{61}\057\0", "/a/\0", Some("/a/\0")),
            (r"\12", "\n", Some("\n")),
            (r"\_\-\ \%", "_- %", Some("_- %")),
            (r"\a\f\n\r\t\v", "\x07\x0c\n\r\t\x0b", Some("\x07\x0c\n\r\t\x0b")),
            ("]}", "]}", Some("]}")),
            ("é", "/e", None),
            ("é?/", "/", Some("/")),
        ]);
    }

    #[test]
    fn braces_that_count_nothing_are_literal() {
        check(&[
            ("a{,2}", "a{,2}", Some("a{,2}")),
            ("a{", "aa{", Some("a{")),
            ("{", "{", Some("{")),
            ("a{01}", "a{01}", Some("a{01}")),
            ("a{1", "a{1", Some("a{1")),
            ("a{ 1 }", "a{ 1 }", Some("a{ 1 }")),
            ("a{-1}", "a{-1}", Some("a{-1}")),
            ("a{2}", "aaa", Some("aa")),
            ("a{2,}", "aaa", Some("aaa")),
            ("a{2,3}?", "aaa", Some("aa")),
            ("a{0,}b", "aab", Some("aab")),
            ("a{0,1}b", "aab", Some("ab")),
        ]);
    }

    #[test]
    fn classes() {
        check(&[
            (r"[[:alpha:]]+", "1ab", Some("ab")),
            (r"[[:^alpha:]]+", "ab12", Some("12")),
            ("[:alpha:]+", "z:ahp", Some(":ahp")),
            ("[]a]+", "]a", Some("]a")),
            ("[^]a]+", "]ab", Some("b")),
            ("[a-]+", "-a", Some("-a")),
            ("[--a]+", "-.a", Some("-.a")),
            (r"[\d-z]+", "5-z", Some("5-z")),
            ("[a&&b]+", "&ab", Some("&ab")),
            ("[[a]+", "[a]", Some("[a")),
            (r"[\x2d-\x{30}]+", "-0", Some("-0")),
            (r"[\]\\^]+", r"]\^", Some(r"]\^")),
            (r"\s", "\x0b", None),
            (r"[[:space:]]", "\x0b", Some("\x0b")),
            (r"\S+", "\x0b", Some("\x0b")),
            (r"[^\S]", "\x0b", None),
            (r"\D\W\w\d", "a-a1", Some("a-a1")),
            ("[é]", "e", None),
            ("[^é]", "e", Some("e")),
            ("[[:word:]]+", "-a_1", Some("a_1")),
            ("[[:graph:]]+[[:print:]]", "a b", Some("a ")),
        ]);
    }

    #[test]
    fn flags() {
        check(&[
            ("(?i)AbC", "aBc", Some("aBc")),
            ("(?i:a)b", "AB", None),
            ("(?i:a)b", "Ab", Some("Ab")),
            ("a(?i)b|c", "C", Some("C")),
            ("(a(?i)b)c", "aBC", None),
            ("(?i)[^a]", "A", None),
            ("(?i)[x-z]+", "XyZ", Some("XyZ")),
            ("(?i)[[:lower:]]+", "aB1", Some("aB")),
            ("(?i)[[:^lower:]]+", "aB1", Some("1")),
            (r"(?i)\W+", "kK-", Some("-")),
            ("(?i)\u{212a}\u{17f}", "kS", Some("kS")),
            ("(?i)[\u{100}-\u{200}]", "s", Some("s")),
            ("\u{212a}", "k", None),
            ("(?i-i)a", "A", None),
            ("(?-i)a", "a", Some("a")),
            ("(?)a", "a", Some("a")),
            ("(?ii)a", "A", Some("A")),
            ("(?U)a+", "aa", Some("a")),
            ("(?U)a+?", "aa", Some("aa")),
            ("(?U:a{1,})a*", "aaa", Some("aaa")),
            ("(?m)^a$", "a", Some("a")),
            ("(?s).", "\n", Some("\n")),
            (".", "\n", None),
            ("(?s-s:.)", "\n", None),
        ]);
    }

    #[test]
    fn assertions_hold_at_the_ends_of_the_text() {
        check(&[
            (r"\Aa\z", "a", Some("a")),
            ("^*a", "ba", Some("a")),
            (r"\b{1}a", "ba", None),
            (r"\b*a", "ba", Some("a")),
            (r"\Bb", "ab", Some("b")),
            (r"a$|b", "ab", Some("b")),
        ]);
    }

    #[test]
    fn groups_are_found_by_number_and_name() {
        let regex = GoRegex::new("(a)(?P<n>b)(?:x)(?<m>c)(?P<01>d)(?P<1234567890>e)").unwrap();
        for (name, index) in [
            ("0", Some(0)),
            ("1", Some(1)),
            ("n", Some(2)),
            ("m", Some(3)),
            ("01", Some(4)),
            ("1234567890", Some(5)),
            ("5", Some(5)),
            ("6", None),
            ("99999999", None),
            ("x", None),
        ] {
            assert_eq!(regex.group(name), index, "{name}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for pattern in [
            "*",
            "+a",
            "?",
            "{2}",
            "|*",
            "(*a)",
            "a**",
            "a*+",
            "a+{2}",
            "a???",
            "a{2}{3}",
            "a{1001}",
            "a{2,1}",
            "(a{10}){101}",
            "((a{10}){10}){11}",
            "a{1000000000000}",
            "(",
            ")",
            "a)",
            "(a",
            "(?",
            "(?i",
            "(?i-",
            "(?-)",
            "(?i--i)",
            "(?x)a",
            "(?R)",
            "(?u)",
            "(?P<n>a",
            "(?P<n",
            "(?P<>a)",
            "(?P<a-b>a)",
            "(?P=n)",
            "(?P<n>a)(?P<n>b)",
            "(?<n>a)(?P<n>b)",
            "(?=a)",
            "(?!a)",
            "(?<=a)",
            "(?<!a)",
            "(?>a)",
            "(?#c)",
            "[",
            "[]",
            "[^]",
            "[a",
            "[b-a]",
            r"[a-\d]",
            "[[:foo:]]",
            r"[\b]",
            r"[\A]",
            r"[\z]",
            "[[:alpha:]-",
            r"\",
            r"\1",
            r"\8",
            r"\C",
            r"\E",
            r"\Z",
            r"\G",
            r"\K",
            r"\R",
            r"\X",
            r"\e",
            r"\h",
            r"\c",
            r"\u0041",
            r"\x",
            r"\x4",
            r"\xg0",
            r"\x{}",
            r"\x{110000}",
            r"\x{4",
            r"\é",
            r"\p",
            r"\pé",
        ] {
            let error = GoRegex::new(pattern);
            assert!(error.is_err(), "{pattern}: {error:?}");
        }
    }

    #[test]
    fn errors_say_where_and_what_to_do() {
        for (pattern, expected) in [
            (r"^/\p{Lu}", "at character 3; the path is percent-encoded ASCII"),
            (r"[\pL]", "at character 2; the path is percent-encoded ASCII"),
            (
                "/é**",
                "is not a valid Go regular expression: a repetition of a repetition at character 4",
            ),
            ("a(?i)*", "at character 6; put the repetition right after"),
            ("(?:a{10}){100}b{1001}", "more than 1000 times at character 16"),
            ("a{0}", "at character 2; leave out what it repeats"),
            (
                "(?P<n>a)(?<n>b)",
                "at character 9; give every group a name of its own",
            ),
            ("(a", "a ( without its )"),
        ] {
            let error = GoRegex::new(pattern).unwrap_err().to_string();
            assert!(error.contains(expected), "{pattern}: {error}");
        }
    }

    #[test]
    fn size_and_depth_are_bounded() {
        let large = "[a-z]{1000}".repeat(20);
        let deep = format!("{}a{}", "(".repeat(200), ")".repeat(200));
        for pattern in [large, deep] {
            let error = GoRegex::new(&pattern).unwrap_err();
            assert!(matches!(error, RegexError::Engine { .. }));
            assert!(error.to_string().contains("make it shorter"), "{error}");
        }
    }
}
