//! What plugins are built for.

use super::plugins::Guest;

/// What a plugin is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variant {
    /// To be handed out.
    Plain,
    /// To look into: the names of functions are kept, for stack traces and profiles.
    WithNames,
    /// To be tortured: traps where a request asks for it (crate `trap`).
    WithTraps,
}

impl Variant {
    /// The plugins that are built so.
    pub(super) const fn guests(self) -> &'static [Guest] {
        match self {
            Self::Plain | Self::WithNames => &Guest::ALL,
            Self::WithTraps => &Guest::MAIN,
        }
    }
}
