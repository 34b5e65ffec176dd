//! What plugins are built for.

use super::plugins::Guest;

/// What a plugin is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variant {
    /// For users.
    Plain,
    /// For stack traces and profiles: the names of functions are kept.
    WithNames,
    /// For tests of traps: it traps where a request asks for it (crate `trap`).
    WithTraps,
}

impl Variant {
    /// The plugins that are built in this variant.
    pub(super) const fn guests(self) -> &'static [Guest] {
        match self {
            Self::Plain | Self::WithNames => &Guest::ALL,
            Self::WithTraps => &Guest::MAIN,
        }
    }
}
