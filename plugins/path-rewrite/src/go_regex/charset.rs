//! Sets of ASCII characters.

use std::fmt::Write;

/// A set of ASCII characters, one bit each. Members of a class beyond ASCII do not matter here, except for case
/// folding: U+017F folds to `s`, and U+212A to `k`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct CharSet(u128);

impl CharSet {
    pub(super) const ALL: Self = Self(u128::MAX);

    /// `.` without the flag `s`.
    pub(super) const NOT_NEWLINE: Self = Self(!(1 << b'\n'));

    /// Returns the set of the characters `low..=high`. With `fold`, it also contains those that differ only in case.
    pub(super) fn range(low: char, high: char, fold: bool) -> Self {
        let exact = Self::matching(|c| (low..=high).contains(&c));
        if !fold {
            return exact;
        }
        let holds = |c: char| (low..=high).contains(&c);
        Self::matching(|c| {
            holds(c.to_ascii_lowercase())
                || holds(c.to_ascii_uppercase())
                || (c.eq_ignore_ascii_case(&'s') && holds('\u{17f}'))
                || (c.eq_ignore_ascii_case(&'k') && holds('\u{212a}'))
        })
    }

    /// Returns the set for `\d`, `\s`, or `\w`, or its complement for a capital letter. All of them contain their
    /// letters in both cases.
    pub(super) fn perl(letter: char) -> Option<Self> {
        let set = match letter.to_ascii_lowercase() {
            'd' => Self::matching(|c| c.is_ascii_digit()),
            // Go's `\s` does not contain the vertical tab, unlike POSIX's and Rust's.
            's' => Self::matching(|c| matches!(c, '\t' | '\n' | '\x0c' | '\r' | ' ')),
            'w' => Self::matching(|c| c.is_ascii_alphanumeric() || c == '_'),
            _ => return None,
        };
        Some(if letter.is_ascii_uppercase() {
            set.complement()
        } else {
            set
        })
    }

    /// Returns the POSIX class `name`, for example `alpha`, or its complement for `^alpha`. With `fold`, letters match
    /// in either case; a complement is taken after folding.
    pub(super) fn posix(name: &str, fold: bool) -> Option<Self> {
        if let Some(name) = name.strip_prefix('^') {
            return if name.starts_with('^') {
                None
            } else {
                Self::posix(name, fold).map(Self::complement)
            };
        }
        let class: fn(char) -> bool = match name {
            "alnum" => |c| c.is_ascii_alphanumeric(),
            "alpha" => |c| c.is_ascii_alphabetic(),
            "ascii" => |_| true,
            "blank" => |c| matches!(c, '\t' | ' '),
            "cntrl" => |c| c.is_ascii_control(),
            "digit" => |c| c.is_ascii_digit(),
            "graph" => |c| c.is_ascii_graphic(),
            "lower" => |c| c.is_ascii_lowercase(),
            "print" => |c| c.is_ascii_graphic() || c == ' ',
            "punct" => |c| c.is_ascii_punctuation(),
            "space" => |c| matches!(c, '\t'..='\r' | ' '),
            "upper" => |c| c.is_ascii_uppercase(),
            "word" => |c| c.is_ascii_alphanumeric() || c == '_',
            "xdigit" => |c| c.is_ascii_hexdigit(),
            _ => return None,
        };
        Some(Self::matching(|c| {
            class(c) || (fold && (class(c.to_ascii_lowercase()) || class(c.to_ascii_uppercase())))
        }))
    }

    pub(super) fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) fn complement(self) -> Self {
        Self(!self.0)
    }

    /// Appends the set to a `regex-lite` pattern, as one atom.
    pub(super) fn write(self, pattern: &mut String) {
        match self.0.count_ones() {
            // Matches nothing in an ASCII text.
            0 => pattern.push_str(r"[^\x00-\x7F]"),
            1 => self.ranges().for_each(|(c, _)| write_char(c, pattern)),
            _ if self == Self::NOT_NEWLINE => pattern.push('.'),
            _ => {
                pattern.push('[');
                for (low, high) in self.ranges() {
                    write_char(low, pattern);
                    if low != high {
                        pattern.push('-');
                        write_char(high, pattern);
                    }
                }
                pattern.push(']');
            }
        }
    }

    fn matching(holds: impl Fn(char) -> bool) -> Self {
        Self(ascii().filter(|&c| holds(c)).fold(0, |bits, c| bits | bit(c)))
    }

    fn contains(self, c: char) -> bool {
        self.0 & bit(c) != 0
    }

    /// Returns the set as sorted ranges of adjacent characters.
    pub(super) fn ranges(self) -> impl Iterator<Item = (char, char)> {
        let mut rest = ascii().filter(move |&c| self.contains(c)).peekable();
        std::iter::from_fn(move || {
            let low = rest.next()?;
            let mut high = low;
            while let Some(next) = rest.next_if(|&c| u32::from(c) == u32::from(high) + 1) {
                high = next;
            }
            Some((low, high))
        })
    }
}

fn ascii() -> impl Iterator<Item = char> {
    '\0'..='\x7f'
}

/// Returns the bit of an ASCII character, or zero for other characters.
fn bit(c: char) -> u128 {
    1u128.checked_shl(u32::from(c)).unwrap_or(0)
}

/// Appends one character. Letters, digits, and `/` mean themselves in every dialect; all others are written as numbers.
fn write_char(c: char, pattern: &mut String) {
    if c.is_ascii_alphanumeric() || c == '/' {
        pattern.push(c);
    } else {
        // Writing to a `String` cannot fail.
        let _ = write!(pattern, r"\x{:02X}", u32::from(c));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(set: CharSet) -> String {
        let mut pattern = String::new();
        set.write(&mut pattern);
        pattern
    }

    #[test]
    fn sets_are_written_as_one_atom() {
        for (set, expected) in [
            (CharSet::range('a', 'a', false), "a"),
            (CharSet::range('.', '.', false), r"\x2E"),
            (CharSet::range('a', 'a', true), "[Aa]"),
            (CharSet::range('a', 'c', true), "[A-Ca-c]"),
            (CharSet::range('é', 'é', true), r"[^\x00-\x7F]"),
            (CharSet::range('\u{17f}', '\u{17f}', true), "[Ss]"),
            (CharSet::range('\u{80}', '\u{10ffff}', true), "[KSks]"),
            (CharSet::NOT_NEWLINE, "."),
            (CharSet::ALL, r"[\x00-\x7F]"),
            (CharSet::default(), r"[^\x00-\x7F]"),
            (CharSet::range('a', 'a', false).complement(), r"[\x00-\x60b-\x7F]"),
        ] {
            assert_eq!(written(set), expected);
        }
    }

    #[test]
    fn every_written_set_matches_exactly_its_characters() {
        for set in [
            CharSet::ALL,
            CharSet::NOT_NEWLINE,
            CharSet::default(),
            CharSet::posix("punct", false).unwrap(),
            CharSet::posix("^punct", false).unwrap(),
            CharSet::posix("^lower", true).unwrap(),
            CharSet::perl('W').unwrap(),
        ] {
            let regex = regex_lite::Regex::new(&written(set)).unwrap();
            for c in ascii() {
                assert_eq!(
                    regex.is_match(c.encode_utf8(&mut [0; 4])),
                    set.contains(c),
                    "{set:?} {c:?}"
                );
            }
        }
    }
}
