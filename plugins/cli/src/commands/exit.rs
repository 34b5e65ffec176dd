//! The exit codes of the process.

use std::fmt::Display;
use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// It succeeded, and everything is fine.
    Fine,
    /// It found something that needs attention, or it failed.
    Findings,
    /// It could not begin. clap uses the same code for a wrong command line.
    Usage,
}

impl Exit {
    /// Prints the error, if there is one, and returns the matching exit.
    pub(super) fn of(outcome: Result<(), impl Display>) -> Self {
        match outcome {
            Ok(()) => Self::Fine,
            Err(error) => {
                anstream::eprintln!("error: {error}");
                Self::Findings
            }
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Fine => 0,
            Exit::Findings => 1,
            Exit::Usage => 2,
        })
    }
}
