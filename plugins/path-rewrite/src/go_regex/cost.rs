//! Bounds the work of a search with a regex.
//!
//! The engine simulates an automaton: at every character of the path, it visits each state that a match may be in. It
//! has no step counter and cannot be interrupted, so the bound must be known before the search begins. [`Cost`] is that
//! bound, computed while the pattern is parsed.

/// The cost of a part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cost {
    /// The total number of states.
    size: usize,
    /// The maximum number of states visited at one character if the part is entered only once. See [`Cost::then`].
    width: usize,
    /// The minimum number of characters in a match.
    shortest: usize,
    /// The maximum number of characters in a match. `None` means no limit.
    longest: Option<usize>,
    /// Whether it can match only at the start of the text.
    is_anchored: bool,
}

impl Cost {
    /// The empty pattern, which matches the empty text.
    pub(super) const EMPTY: Self = Self {
        size: 0,
        width: 0,
        shortest: 0,
        longest: Some(0),
        is_anchored: false,
    };

    /// One character. The engine compares it with the ranges of a class one after the other.
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

    /// `^`, `$`, `\b`, or `\B`.
    pub(super) const fn assertion(is_anchor: bool) -> Self {
        Self {
            size: 1,
            width: 1,
            shortest: 0,
            longest: Some(0),
            is_anchored: is_anchor,
        }
    }

    /// This part followed by `next`.
    ///
    /// If all matches of the first part have the same length, the second part is entered at only one position, so the
    /// two are active at different characters. Otherwise the second part may be entered at every character, and all of
    /// its states may be active.
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

    /// This part or `other`.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            size: self.size.saturating_add(other.size).saturating_add(1),
            width: self.width.saturating_add(other.width).saturating_add(1),
            shortest: self.shortest.min(other.shortest),
            longest: self.longest.zip(other.longest).map(|(one, two)| one.max(two)),
            is_anchored: self.is_anchored && other.is_anchored,
        }
    }

    /// This part in a group.
    pub(super) fn group(self) -> Self {
        Self {
            size: self.size.saturating_add(2),
            width: self.width.saturating_add(2),
            ..self
        }
    }

    /// This part repeated `least` to `most` times. `None` means no limit.
    pub(super) fn repeated(self, least: usize, most: Option<usize>) -> Self {
        let copies = most.unwrap_or(least).max(1);
        let size = self
            .size
            .saturating_add(1)
            .saturating_mul(copies)
            .saturating_add(2);
        Self {
            size,
            // If a part with fixed length is entered once, only one of its copies is active at a time.
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

    /// Returns the maximum number of states that a search visits at each character. A match can begin at every
    /// character, unless the pattern is anchored.
    pub(super) fn states_at_once(self) -> usize {
        match self.is_anchored {
            true => self.width,
            false => self.size,
        }
    }

    /// Returns the maximum number of characters in a match, or `None` if there is no limit.
    pub(super) const fn longest(self) -> Option<usize> {
        self.longest
    }
}
