//! `check`: what the plugins would say about a user's files.

use std::path::PathBuf;

use clap::Args;

use serde_json::{Value, json};

use crate::check::{self, Severity};

/// Check your own files: options of our plugins, and routers that let requests through unchecked, with line and column
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Static or dynamic configuration of Traefik (YAML, TOML), or Kubernetes manifests; they are checked together
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print what Traefik would load from each file instead, as one JSON array; for tests of this program
    #[arg(long, hide = true)]
    loaded: bool,
}

/// Why the files are not in order.
#[derive(Debug, thiserror::Error)]
pub(super) enum CheckError {
    #[error("{0} of these must be mended: requests would be refused, or a file was not checked")]
    Mistakes(usize),
}

/// Warnings and notes alone are not a failure.
pub(super) fn run(options: &Options) -> Result<(), CheckError> {
    if options.loaded {
        println!("{}", loaded(&options.files));
        return Ok(());
    }
    let findings = check::check(&options.files);
    for finding in &findings {
        println!("{finding}");
    }
    let count = |severity| findings.iter().filter(|it| it.severity == severity).count();
    match (count(Severity::Error), findings.len()) {
        (0, 0) => println!("nothing found"),
        (0, all) if all == count(Severity::Note) => println!("nothing found apart from these notes"),
        (0, _) => {}
        (errors, _) => return Err(CheckError::Mistakes(errors)),
    }
    Ok(())
}

fn loaded(files: &[PathBuf]) -> Value {
    let files = files.iter().map(|file| match check::loaded(file) {
        Ok(configuration) => json!({ "loaded": configuration }),
        Err(finding) => json!({ "refused": finding.to_string() }),
    });
    files.collect()
}
