//! `bench`: what the plugins cost, compared with their peers.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use harness_build::tools;

use super::files::write_json;
use super::interrupt;
use crate::bench::{Bench, COMPARED};

/// Compare the plugins with a plain Traefik, its own middlewares, Envoy and HAProxy; run it with `cargo run --release`
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Write the figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure these plugins, not those of this workspace: a folder that `cargo plugins --out DIR` wrote
    #[arg(long, value_name = "DIR")]
    plugins: Option<PathBuf>,
    /// Measure another build of the plugins as well, and compare the two
    #[arg(long, value_name = "DIR")]
    baseline: Option<PathBuf>,
    /// Also measure how cost grows with routers, tokens, keys and rules
    #[arg(long)]
    growth: bool,
    /// Measure only what two builds are compared by, with 32 connections: it takes less than ten minutes
    #[arg(long, requires = "baseline", conflicts_with_all = ["only", "growth", "connections"])]
    compare: bool,
    /// Measure only these rows and figures, by their names in the JSON. CPU time above a floor needs the floor's row, too
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Rounds per row; the figure of a row is the median of its rounds. With more connections, a quarter of the rounds
    #[arg(long, value_name = "N", default_value_t = FULL, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Length of a round, in seconds
    #[arg(long, value_name = "N", default_value_t = 0.6, value_parser = seconds)]
    seconds_per_round: f64,
    /// Connections that the load generator opens
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_values_t = [32, 256])]
    connections: Vec<usize>,
    /// Where to write benchmarks.md [default: docs for a run with all rows and rounds, otherwise nowhere]
    #[arg(long, value_name = "DIR")]
    docs: Option<PathBuf>,
}

/// Rounds that tell apart 3 µs of processor time per request.
const FULL: u16 = 40;

/// Prints the tables and writes the files.
pub(super) fn run(options: Options) -> Result<(), Box<dyn Error>> {
    if cfg!(debug_assertions) {
        eprintln!(
            "bench: this is a debug build, and its load generator may be what limits: use `cargo run --release`"
        );
    }
    let is_full = options.only.is_empty() && !options.compare && options.rounds >= FULL;
    let docs = options
        .docs
        .or_else(|| is_full.then(|| tools::workspace_root().join("docs")));
    let bench = Bench {
        round: Duration::from_secs_f64(options.seconds_per_round),
        rounds: options.rounds.into(),
        connections: match options.compare {
            true => vec![32],
            false => options.connections,
        },
        only: match options.compare {
            true => COMPARED.map(str::to_owned).to_vec(),
            false => options.only,
        },
        plugins: options.plugins,
        baseline: options.baseline,
        growth: options.growth,
    };
    let interrupted = Arc::default();
    interrupt::sets(Arc::clone(&interrupted));
    let report = bench.run(&interrupted)?;
    print!("{report}");
    write_json(options.json.as_deref(), &report.figures())?;
    if let Some(docs) = docs {
        report.write_page(&docs, options.compare)?;
        println!("\nwritten to {}", docs.join("benchmarks.md").display());
    }
    Ok(())
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=600.0).contains(&seconds) => Ok(seconds),
        _ => Err("give a number of seconds from 0.1 to 600".to_owned()),
    }
}
