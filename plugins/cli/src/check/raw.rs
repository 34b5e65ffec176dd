//! Values as a reader has them: what YAML, TOML, labels and arguments have in common.

use super::place::Place;

/// A value as the reader has it, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    pub(super) place: Place,
    pub(super) value: RawValue,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum RawValue {
    Null,
    Bool(bool),
    Int(i64),
    /// Beyond the largest signed one.
    Unsigned(u64),
    Float(f64),
    Text(String),
    /// A point in time, as written.
    Time(String),
    List(Vec<Raw>),
    Block(Vec<Member>),
}

/// A member of a block.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member {
    pub(super) name: String,
    /// Where the name stands.
    pub(super) place: Place,
    pub(super) value: Raw,
}

impl PartialEq for Raw {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}
