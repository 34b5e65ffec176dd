//! Values as a reader produces them: the common form of YAML, TOML, labels, and arguments.

use super::place::Place;

/// A value from a reader, and its place.
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
    /// An integer above the largest signed one.
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
    /// The place of the name.
    pub(super) place: Place,
    pub(super) value: Raw,
}

impl PartialEq for Raw {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}
