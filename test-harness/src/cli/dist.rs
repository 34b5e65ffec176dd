//! `dist`: what a release consists of.

use std::path::PathBuf;

use clap::Args;

use crate::dist::{self, DistError};
use crate::guests;

/// Make the release: archives of the plugins, checksums, and an SBOM
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The folder to write to; it is created if need be
    #[arg(long, value_name = "DIR", default_value = "target/dist")]
    out: PathBuf,
}

pub(super) fn run(options: &Options) -> Result<(), DistError> {
    guests::show_progress();
    for file in dist::make(&options.out)? {
        println!("{}  {:>9}  {}", file.sha256, file.size, file.name);
    }
    println!("written to {}", options.out.display());
    Ok(())
}
