//! `check`: what the plugins would say about a user's files.

use std::path::PathBuf;

use clap::Args;

use crate::check::{self, Severity};

/// Look for mistakes in your own files, with line and column: options of our plugins, and routers that would open
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Static or dynamic configuration of Traefik's, or Kubernetes manifests; they are looked at together
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Why the files are not in order.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckError {
    #[error("{0}")]
    Read(#[from] std::io::Error),
    #[error("{0} of these must be mended; requests would be refused")]
    Mistakes(usize),
}

/// Warnings alone are no failure.
pub(super) fn run(options: &Options) -> Result<(), CheckError> {
    let findings = check::check(&options.files)?;
    for finding in &findings {
        println!("{finding}");
    }
    let errors = findings
        .iter()
        .filter(|it| it.severity == Severity::Error)
        .count();
    match (errors, findings.len()) {
        (0, 0) => println!("nothing found"),
        (0, _) => {}
        (errors, _) => return Err(CheckError::Mistakes(errors)),
    }
    Ok(())
}
