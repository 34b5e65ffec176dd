//! `status DIR`: the state of keys and tokens.

use std::error::Error;
use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;

use crate::status::{read, table};

/// Shows what the plugins wrote down about their keys and tokens: last fetch, next refresh, expiry, failures.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The state directory (`settings.mounts` of the plugins).
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

pub(super) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    print!("{}", table(&read(&options.directory)?, now));
    Ok(())
}
