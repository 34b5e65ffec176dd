//! Variants of a build.

use super::plugins::Guest;

/// The purpose of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variant {
    /// For users.
    Plain,
    /// For stack traces and profiles: keeps the names of functions.
    WithNames,
    /// For tests of traps: traps when a request asks for it (crate `trap`).
    WithTraps,
}

impl Variant {
    /// The plugins that have this variant.
    pub(super) const fn guests(self) -> &'static [Guest] {
        match self {
            Self::Plain | Self::WithNames => &Guest::ALL,
            Self::WithTraps => &Guest::MAIN,
        }
    }
}
