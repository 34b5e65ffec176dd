//! `check FILE…`: checks a user's files.

use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::line::line;
use super::watch;
use crate::check;
use crate::check::report::{Counts, json};

/// Checks your files: options of the plugins, and routers that let requests through unchecked
///
/// All files are checked as one configuration. Each finding names the file, line and column.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes:
  0  no errors; there may be warnings and notes
  1  errors: requests would be refused, or a file was not read
  2  the command line is wrong")]
pub(super) struct Options {
    /// Traefik's static or dynamic configuration (YAML, TOML), Kubernetes manifests, Docker Compose files, or values of
    /// Traefik's Helm chart
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print JSON, for scripts
    #[arg(long)]
    json: bool,
    /// Stay, check again when a file changes, and print what is new; Ctrl-C ends it
    #[arg(long, conflicts_with = "json")]
    watch: bool,
    /// Print what Traefik would load from each file instead, as one JSON array; for tests of this program
    #[arg(long, hide = true)]
    loaded: bool,
}

pub(super) fn run(options: &Options) -> Exit {
    if options.loaded {
        anstream::println!("{}", check::loaded::all(&options.files));
        return Exit::Fine;
    }
    if options.watch {
        return Exit::of(watch::run(&options.files));
    }
    let findings = check::check(&options.files);
    let counts = Counts::of(&findings);
    if options.json {
        anstream::println!("{:#}", json(&findings));
    } else {
        for finding in &findings {
            anstream::println!("{}", line(finding));
        }
        anstream::println!("{counts}");
    }
    match counts.errors {
        0 => Exit::Fine,
        _ => Exit::Findings,
    }
}
