//! How much work a search with a regex can be at most.
//!
//! The engine simulates an automaton: at every character of the path it visits each state that a match may be in.
//! It has no step counter and cannot be stopped, so a bound must be known before a search begins. [`Cost`] is that
//! bound, computed along the pattern.

/// The cost of a piece of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    /// All of its states.
    size: usize,
    /// The most states visited at one character when the piece is entered only once: see [`Cost::then`].
    width: usize,
    /// The fewest characters it matches.
    shortest: usize,
    /// The most characters it matches; `None` without limit.
    longest: Option<usize>,
    /// Whether it matches at the start of the text only.
    is_anchored: bool,
}

impl Cost {
    /// Nothing, which matches the empty text.
    pub(super) const EMPTY: Self = Self {
        size: 0,
        width: 0,
        shortest: 0,
        longest: Some(0),
        is_anchored: false,
    };

    /// One character. The engine looks at a class's ranges one after the other.
    pub(super) const fn character(ranges: usize) -> Self {
        let states = 1 + ranges / 4;
        Self {
            size: states,
            width: states,
            shortest: 1,
            longest: Some(1),
            is_anchored: false,
        }
    }

    /// `^`, `$`, `\b` or `\B`.
    pub(super) const fn assertion(is_anchor: bool) -> Self {
        Self {
            size: 1,
            width: 1,
            shortest: 0,
            longest: Some(0),
            is_anchored: is_anchor,
        }
    }

    /// The piece, and `next` behind it.
    ///
    /// If the first piece has one length, the second one is entered at one place, and the two are busy at different
    /// characters. Otherwise the second one may be entered at every character, and all of its states may be busy.
    pub(super) fn then(self, next: Self) -> Self {
        let width = match self.has_one_length() && next.shortest > 0 && self.shortest > 0 {
            true => self.width.max(next.width),
            false if self.has_one_length() => self.width.saturating_add(next.width),
            false => self.width.saturating_add(next.size),
        };
        Self {
            size: self.size.saturating_add(next.size),
            width,
            shortest: self.shortest.saturating_add(next.shortest),
            longest: self
                .longest
                .zip(next.longest)
                .map(|(one, two)| one.saturating_add(two)),
            is_anchored: self.is_anchored || (self.longest == Some(0) && next.is_anchored),
        }
    }

    /// The piece or `other`.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            size: self.size.saturating_add(other.size).saturating_add(1),
            width: self.width.saturating_add(other.width).saturating_add(1),
            shortest: self.shortest.min(other.shortest),
            longest: self.longest.zip(other.longest).map(|(one, two)| one.max(two)),
            is_anchored: self.is_anchored && other.is_anchored,
        }
    }

    /// A group around the piece.
    pub(super) fn group(self) -> Self {
        Self {
            size: self.size.saturating_add(2),
            width: self.width.saturating_add(2),
            ..self
        }
    }

    /// The piece `least` to `most` times; `None` without limit.
    pub(super) fn repeated(self, least: usize, most: Option<usize>) -> Self {
        let copies = most.unwrap_or(least).max(1);
        let size = self
            .size
            .saturating_add(1)
            .saturating_mul(copies)
            .saturating_add(2);
        Self {
            size,
            // Entered once, a piece of one length is busy in one of its copies at a time.
            width: match self.has_one_length() && self.shortest > 0 {
                true => self.width.saturating_add(2),
                false => size,
            },
            shortest: self.shortest.saturating_mul(least),
            longest: self.longest.zip(most).map(|(one, most)| one.saturating_mul(most)),
            is_anchored: self.is_anchored && least > 0,
        }
    }

    fn has_one_length(self) -> bool {
        self.longest == Some(self.shortest)
    }

    /// The most states that a search visits at each character. A match can begin at every character unless the pattern
    /// is anchored.
    pub(super) fn states_at_once(self) -> usize {
        match self.is_anchored {
            true => self.width,
            false => self.size,
        }
    }

    /// The most characters of a match; `None` without limit.
    pub(super) const fn longest(self) -> Option<usize> {
        self.longest
    }
}
