//! What the process tells its caller.

use std::fmt::Display;
use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// It did what it should, and everything is fine.
    Fine,
    /// It found something that needs attention, or did not succeed.
    Findings,
    /// It could not begin. clap ends with the same code where the command line is wrong.
    Usage,
}

impl Exit {
    /// Prints the error, if there is one.
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
