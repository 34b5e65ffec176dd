//! The results of the check.

use std::fmt;
use std::path::{Path, PathBuf};

use super::place::Place;

/// A problem in a file, or something else that its owner should know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file.
    pub file: PathBuf,
    /// The place in the file.
    pub place: Place,
    /// How serious it is.
    pub severity: Severity,
    /// What is wrong, and what to do.
    pub message: String,
}

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Requests are refused, or the file cannot be read.
    Error,
    /// A request may pass unchecked, something is unfinished, or something that routes requests was not read.
    Warning,
    /// Something was not checked, or cannot be judged on this machine.
    Note,
}

impl Severity {
    /// Returns the severity as one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, place) = (self.file.display(), self.place);
        let severity = self.severity.name();
        write!(
            f,
            "{file}:{}:{}: {severity}: {}",
            place.line, place.column, self.message
        )
    }
}

pub(super) fn finding(file: &Path, place: Place, severity: Severity, message: impl Into<String>) -> Finding {
    Finding {
        file: file.to_owned(),
        place,
        severity,
        message: message.into(),
    }
}
