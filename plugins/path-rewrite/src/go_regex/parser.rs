//! Parses Go's dialect and writes the subset of `regex-lite`'s dialect on which both agree.

use super::RegexError;
use super::charset::CharSet;
use super::cost::Cost;

/// Go's limit for how often the innermost part of nested repetitions may be repeated.
const MOST_COPIES: u32 = 1000;

/// A pattern in `regex-lite`'s dialect, the named groups of the original by index, and the cost of a search.
pub(super) struct Translated {
    pub(super) pattern: String,
    pub(super) names: Vec<(String, usize)>,
    pub(super) cost: Cost,
}

/// Makes one pass over the pattern. It resolves all flags, so it writes none.
pub(super) struct Parser<'a> {
    whole: &'a str,
    rest: &'a str,
    flags: Flags,
    open: Vec<OpenGroup>,
    /// What a repetition at this position would repeat.
    last: Last,
    /// The largest number of copies of one part in the current group.
    copies: u32,
    groups: usize,
    costs: Costs,
    written: Translated,
}

/// The current flags. The flag `m` has no effect: a text without line breaks is a single line.
#[derive(Clone, Copy, Default)]
struct Flags {
    fold_case: bool,
    dot_matches_newline: bool,
    ungreedy: bool,
}

struct OpenGroup {
    flags: Flags,
    copies: u32,
    costs: Costs,
}

/// The cost of the part of a group that has been read so far.
#[derive(Clone, Copy)]
struct Costs {
    /// The alternatives before the current one.
    before: Option<Cost>,
    /// The current alternative without its last part.
    current: Cost,
    /// The last part, which a repetition may repeat.
    last: Cost,
}

impl Costs {
    const NONE: Self = Self {
        before: None,
        current: Cost::EMPTY,
        last: Cost::EMPTY,
    };

    fn add(&mut self, part: Cost) {
        self.current = self.current.then(self.last);
        self.last = part;
    }

    fn end_alternative(&mut self) {
        let before = Some(self.total());
        *self = Self { before, ..Self::NONE };
    }

    fn total(self) -> Cost {
        let current = self.current.then(self.last);
        self.before.map_or(current, |before| before.or(current))
    }
}

#[derive(Clone, Copy)]
enum Last {
    /// The start of the pattern, a group, or an alternative.
    Nothing,
    /// Something that matches nothing itself: flags, or an empty `\Q\E`.
    Traceless,
    /// Something that can be repeated, with the number of copies that it already has.
    Atom { copies: u32 },
    /// A repetition.
    Repetition,
}

impl<'a> Parser<'a> {
    pub(super) fn new(pattern: &'a str) -> Self {
        Self {
            whole: pattern,
            rest: pattern,
            flags: Flags::default(),
            open: Vec::new(),
            last: Last::Nothing,
            copies: 1,
            groups: 0,
            costs: Costs::NONE,
            written: Translated {
                pattern: String::new(),
                names: Vec::new(),
                cost: Cost::EMPTY,
            },
        }
    }

    pub(super) fn parse(mut self) -> Result<Translated, RegexError> {
        loop {
            let start = self.rest;
            let Some(c) = self.next() else {
                break;
            };
            match c {
                '(' => self.open_group(start)?,
                ')' => self.close_group(start)?,
                '|' => {
                    self.write("|");
                    self.costs.end_alternative();
                    self.last = Last::Nothing;
                }
                '^' => self.assertion(r"\A", true),
                '$' => self.assertion(r"\z", false),
                '.' if self.flags.dot_matches_newline => self.set(CharSet::ALL),
                '.' => self.set(CharSet::NOT_NEWLINE),
                '[' => {
                    let set = self.class(start)?;
                    self.set(set);
                }
                '*' => self.repeat("*", (0, None), start)?,
                '+' => self.repeat("+", (1, None), start)?,
                '?' => self.repeat("?", (0, Some(1)), start)?,
                '{' => match self.counts() {
                    Some(counts) => self.repeat_counted(counts, start)?,
                    None => self.literal('{'),
                },
                '\\' => self.backslash(start)?,
                c => self.literal(c),
            }
        }
        if self.open.is_empty() {
            self.written.cost = self.costs.total();
            Ok(self.written)
        } else {
            Err(self.invalid("a ( without its )", ""))
        }
    }

    // Reading.

    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next();
        self.rest = chars.as_str();
        c
    }

    fn take(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Returns the position, counted in characters from 1, at which `from` begins. `from` must be a suffix of the
    /// pattern.
    fn position(&self, from: &str) -> usize {
        self.whole.chars().count() - from.chars().count() + 1
    }

    fn invalid(&self, what: &'static str, from: &str) -> RegexError {
        RegexError::Invalid {
            what,
            at: self.position(from),
        }
    }

    fn unsupported(&self, what: &'static str, instead: &'static str, from: &str) -> RegexError {
        RegexError::Unsupported {
            what,
            instead,
            at: self.position(from),
        }
    }

    // Writing.

    fn write(&mut self, text: &str) {
        self.written.pattern.push_str(text);
    }

    fn assertion(&mut self, text: &str, is_anchor: bool) {
        self.write(text);
        self.costs.add(Cost::assertion(is_anchor));
        self.last = Last::Atom { copies: 1 };
    }

    fn set(&mut self, set: CharSet) {
        set.write(&mut self.written.pattern);
        self.costs.add(Cost::character(set.ranges().count()));
        self.last = Last::Atom { copies: 1 };
    }

    fn literal(&mut self, c: char) {
        self.set(CharSet::range(c, c, self.flags.fold_case));
    }

    // Groups: `(…)`, `(?:…)`, `(?P<name>…)`, `(?<name>…)`, `(?flags)`, `(?flags:…)`.

    fn open_group(&mut self, start: &'a str) -> Result<(), RegexError> {
        let outer = self.flags;
        if self.take("?P<") || self.take("?<") {
            let Some((name, rest)) = self.rest.split_once('>') else {
                return Err(self.invalid("a group's name without its >", start));
            };
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(self.invalid("a group's name that is not of A-Z, a-z, 0-9 and _", start));
            }
            if self.written.names.iter().any(|(known, _)| known == name) {
                return Err(self.unsupported(
                    "a second group of the same name",
                    "give every group a name of its own",
                    start,
                ));
            }
            self.rest = rest;
            self.groups += 1;
            self.written.names.push((name.to_owned(), self.groups));
            self.write("(");
        } else if self.take("?") {
            if self.read_flags(start)? {
                self.last = Last::Traceless;
                return Ok(());
            }
            self.write("(?:");
        } else {
            self.groups += 1;
            self.write("(");
        }
        self.open.push(OpenGroup {
            flags: outer,
            copies: self.copies,
            costs: std::mem::replace(&mut self.costs, Costs::NONE),
        });
        self.copies = 1;
        self.last = Last::Nothing;
        Ok(())
    }

    /// Reads flags up to the closing `:` or `)`. Returns true for `)`, which does not open a group.
    fn read_flags(&mut self, start: &'a str) -> Result<bool, RegexError> {
        let mut flags = self.flags;
        let mut on = true;
        let mut any = false;
        loop {
            match self.next() {
                Some('i') => flags.fold_case = on,
                Some('s') => flags.dot_matches_newline = on,
                Some('U') => flags.ungreedy = on,
                Some('m') => {}
                Some('-') if on => {
                    on = false;
                    any = false;
                    continue;
                }
                Some(end @ (':' | ')')) if on || any => {
                    self.flags = flags;
                    return Ok(end == ')');
                }
                _ => return Err(self.invalid("an unknown kind of group or flag", start)),
            }
            any = true;
        }
    }

    fn close_group(&mut self, start: &'a str) -> Result<(), RegexError> {
        let Some(outer) = self.open.pop() else {
            return Err(self.invalid("a ) without its (", start));
        };
        self.write(")");
        let group = std::mem::replace(&mut self.costs, outer.costs).total().group();
        self.costs.add(group);
        self.last = Last::Atom { copies: self.copies };
        self.flags = outer.flags;
        self.copies = self.copies.max(outer.copies);
        Ok(())
    }

    // Repetitions.

    fn repeat(
        &mut self,
        operator: &str,
        (least, most): (u32, Option<u32>),
        start: &'a str,
    ) -> Result<(), RegexError> {
        let copies = match self.last {
            Last::Atom { copies } => copies,
            Last::Nothing => return Err(self.invalid("a repetition of nothing", start)),
            Last::Repetition => return Err(self.invalid("a repetition of a repetition", start)),
            Last::Traceless => {
                return Err(self.unsupported(
                    r"a repetition after flags or \Q\E",
                    "put the repetition right after what it repeats",
                    start,
                ));
            }
        };
        // Go counts `*`, `+`, and `{0,}` as one copy.
        let copies = copies.saturating_mul(most.unwrap_or(least).max(1));
        if copies > MOST_COPIES {
            return Err(self.invalid("a part repeated more than 1000 times", start));
        }
        self.copies = self.copies.max(copies);
        let [least, most] =
            [Some(least), most].map(|times| times.and_then(|times| usize::try_from(times).ok()));
        self.costs.last = self.costs.last.repeated(least.unwrap_or(usize::MAX), most);
        self.write(operator);
        if self.take("?") != self.flags.ungreedy {
            self.write("?");
        }
        self.last = Last::Repetition;
        Ok(())
    }

    fn repeat_counted(
        &mut self,
        (least, most): (u32, Option<u32>),
        start: &'a str,
    ) -> Result<(), RegexError> {
        if most.is_some_and(|most| most < least) {
            return Err(self.invalid("a repetition whose limits are the wrong way round", start));
        }
        if most == Some(0) {
            return Err(self.unsupported("a repetition of no times", "leave out what it repeats", start));
        }
        let operator = match most {
            Some(most) => format!("{{{least},{most}}}"),
            None => format!("{{{least},}}"),
        };
        self.repeat(&operator, (least, most), start)
    }

    /// Reads the rest of `{n}`, `{n,}`, or `{n,m}`. Anything else is not a repetition; then nothing is consumed.
    fn counts(&mut self) -> Option<(u32, Option<u32>)> {
        let (inside, rest) = self.rest.split_once('}')?;
        let counts = match inside.split_once(',') {
            None => {
                let times = number(inside)?;
                (times, Some(times))
            }
            Some((least, "")) => (number(least)?, None),
            Some((least, most)) => (number(least)?, Some(number(most)?)),
        };
        self.rest = rest;
        Some(counts)
    }

    // Escapes.

    fn backslash(&mut self, start: &'a str) -> Result<(), RegexError> {
        if self.take("A") {
            self.assertion(r"\A", true);
        } else if self.take("z") {
            self.assertion(r"\z", false);
        } else if self.take("b") {
            // The group is needed because `\b{` would mean something else.
            self.assertion(r"(?:\b)", false);
        } else if self.take("B") {
            self.assertion(r"(?:\B)", false);
        } else if self.take("Q") {
            let (text, rest) = self.rest.split_once(r"\E").unwrap_or((self.rest, ""));
            self.last = Last::Traceless;
            text.chars().for_each(|c| self.literal(c));
            self.rest = rest;
        } else if let Some(set) = self.perl_class(start)? {
            self.set(set);
        } else {
            let c = self.escaped_char(start)?;
            self.literal(c);
        }
        Ok(())
    }

    /// Reads `d`, `s`, `w`, or their capitals after a backslash.
    fn perl_class(&mut self, start: &'a str) -> Result<Option<CharSet>, RegexError> {
        if self.rest.starts_with(['p', 'P']) {
            return Err(self.unsupported(
                r"a Unicode class (\p)",
                "the path is percent-encoded ASCII, so write an ASCII class such as [A-Za-z]",
                start,
            ));
        }
        let Some(set) = self.rest.chars().next().and_then(CharSet::perl) else {
            return Ok(None);
        };
        self.next();
        Ok(Some(set))
    }

    /// Reads an escaped character after the backslash.
    fn escaped_char(&mut self, start: &'a str) -> Result<char, RegexError> {
        let Some(c) = self.next() else {
            return Err(self.invalid(r"a \ at the end", start));
        };
        let octal = |c: char| c.to_digit(8);
        let value = match c {
            'a' => Some('\x07'),
            'f' => Some('\x0c'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\x0b'),
            'x' => self.hex(),
            // A single digit other than 0 would be a back reference, which Go does not support.
            '0'..='7' if c == '0' || self.rest.chars().next().and_then(octal).is_some() => {
                let mut code = octal(c).unwrap_or_default();
                for _ in 0..2 {
                    let Some(digit) = self.rest.chars().next().and_then(octal) else {
                        break;
                    };
                    self.next();
                    code = code * 8 + digit;
                }
                char::from_u32(code)
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(c),
            _ => None,
        };
        value.ok_or_else(|| self.invalid("an unknown escape", start))
    }

    /// Reads `41` or `{41}` after `\x`.
    fn hex(&mut self) -> Option<char> {
        let digits = if self.take("{") {
            let (digits, rest) = self.rest.split_once('}')?;
            self.rest = rest;
            digits
        } else {
            let (digits, rest) = self.rest.split_at_checked(2)?;
            self.rest = rest;
            digits
        };
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let code = u32::from_str_radix(digits, 16).ok()?;
        // Go accepts surrogates as characters. No text contains one.
        match code {
            0xd800..=0xdfff => Some(char::REPLACEMENT_CHARACTER),
            _ => char::from_u32(code),
        }
    }

    // Classes: `[…]`.

    fn class(&mut self, start: &'a str) -> Result<CharSet, RegexError> {
        let negated = self.take("^");
        let mut set = CharSet::default();
        let mut first = true;
        while first || !self.take("]") {
            first = false;
            set = set.union(self.class_item(start)?);
        }
        Ok(if negated { set.complement() } else { set })
    }

    fn class_item(&mut self, start: &'a str) -> Result<CharSet, RegexError> {
        let fold = self.flags.fold_case;
        let item = self.rest;
        if let Some(inside) = item.strip_prefix("[:")
            && let Some((name, rest)) = inside.split_once(":]")
        {
            let Some(set) = CharSet::posix(name, fold) else {
                return Err(self.invalid("an unknown class [:…:]", item));
            };
            self.rest = rest;
            return Ok(set);
        }
        if self.take(r"\") {
            if let Some(set) = self.perl_class(item)? {
                return Ok(set);
            }
            self.rest = item;
        }
        let low = self.class_char(start)?;
        let mut high = low;
        // A `-` before the closing bracket is a literal.
        if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
            self.next();
            high = self.class_char(start)?;
        }
        if high < low {
            return Err(self.invalid("a range whose ends are the wrong way round", item));
        }
        Ok(CharSet::range(low, high, fold))
    }

    fn class_char(&mut self, start: &'a str) -> Result<char, RegexError> {
        let here = self.rest;
        match self.next() {
            Some('\\') => self.escaped_char(here),
            Some(c) => Ok(c),
            None => Err(self.invalid("a [ without its ]", start)),
        }
    }
}

/// Parses a decimal number without leading zeros. A number that is too large becomes the largest one, which is refused
/// later.
fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let plain = digits && (text == "0" || !text.starts_with('0'));
    plain.then(|| text.parse().unwrap_or(u32::MAX))
}
