//! YAML in the two dialects that count here: that of Traefik's file provider and that of kubectl.

mod decode;
mod resolve;
mod syntax;
mod tabs;

use std::fmt;

pub(super) use decode::{Member, Raw, RawValue, decode};
pub(super) use syntax::{Syntax, is_document_separator, read};

/// A place in a file, both from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The character in it.
    pub column: u64,
}

/// What a reader refuses, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) place: Place,
    pub(super) what: String,
}

impl Fault {
    pub(super) fn new(place: Place, what: impl Into<String>) -> Self {
        Self {
            place,
            what: what.into(),
        }
    }
}

/// Who reads the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Traefik's file provider and its static configuration: Go's yaml.v3.
    Traefik,
    /// kubectl: Go's yaml.v2 with its YAML 1.1, then JSON.
    Kubectl,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Traefik => "Traefik",
            Self::Kubectl => "kubectl",
        })
    }
}

#[cfg(test)]
mod tests;
