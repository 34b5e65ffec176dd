//! `status DIR`: the state of keys and tokens.

use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;

use super::exit::Exit;
use crate::status::json::json;
use crate::status::prometheus::prometheus;
use crate::status::record::{State, read};
use crate::status::table::table;

/// Shows the state of keys and tokens: last fetch, next refresh, expiry, failures
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  all keys and tokens are usable, or nothing has been fetched yet
  1  a key set or token is down: the last attempt failed, and nothing usable is left
  2  the directory cannot be read, or the command line is wrong")]
pub(super) struct Options {
    /// The state directory: what `settings.mounts` of the plugins names
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Print JSON, for scripts
    #[arg(long, conflicts_with = "prometheus")]
    json: bool,
    /// Print metrics in Prometheus's text format, for node_exporter's textfile collector
    #[arg(long)]
    prometheus: bool,
}

pub(super) fn run(options: &Options) -> Exit {
    let found = match read(&options.directory) {
        Ok(found) => found,
        Err(error) => {
            anstream::eprintln!("error: {} cannot be read: {error}", options.directory.display());
            return Exit::Usage;
        }
    };
    for path in &found.unreadable {
        anstream::eprintln!("warning: {} was not written by these plugins", path.display());
    }
    let (records, now) = (&found.records, SystemTime::now());
    if options.json {
        anstream::println!("{:#}", json(records, now));
    } else if options.prometheus {
        anstream::print!("{}", prometheus(records, now));
    } else {
        anstream::print!("{}", table(records, now));
    }
    match records.iter().any(|record| record.state(now) == State::Down) {
        true => Exit::Findings,
        false => Exit::Fine,
    }
}
