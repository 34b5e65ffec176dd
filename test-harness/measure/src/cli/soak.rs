//! `soak`: a long run in which everything fails in turn.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use harness_build::tools;

use super::files::{write, write_json};
use super::interrupt;
use crate::soak::{Soak, drills};

/// Run mixed traffic for minutes while everything around the gateway fails in turn; any wrong answer is an error
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The length of the run, in seconds
    #[arg(long, value_name = "N", default_value_t = 900, value_parser = clap::value_parser!(u64).range(5..=86_400))]
    seconds: u64,
    /// Write the figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the chart to this file [default: target/soak.svg]
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Run short drills instead, each with a figure and a goal: takes about two minutes and needs an otherwise idle
    /// machine
    #[arg(long, conflicts_with_all = ["seconds", "json", "svg"])]
    drills: bool,
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
enum SoakError {
    /// The gateway did something that it must not do.
    #[error("{}; the report above names the first ones, the chart shows when", .0.join(", "))]
    Failed(Vec<String>),
    /// A drill missed its goal.
    #[error("a goal was missed; was the machine busy with something else?")]
    Missed,
}

/// Prints the report and writes the chart. A wrong answer is an error.
pub(super) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    if options.drills {
        return Ok(exercise()?);
    }
    let soak = Soak::lasting(Duration::from_secs(options.seconds));
    interrupt::sets(soak.interrupter());
    let report = soak.run()?;
    print!("{report}");
    let svg = options
        .svg
        .clone()
        .unwrap_or_else(|| tools::target_dir().join("soak.svg"));
    write(&svg, report.svg()?)?;
    println!("\nchart: {}", svg.display());
    write_json(options.json.as_deref(), &report.figures())?;
    match report.failures() {
        failures if failures.is_empty() => Ok(()),
        failures => Err(SoakError::Failed(failures).into()),
    }
}

fn exercise() -> Result<(), SoakError> {
    const STEADY: Duration = Duration::from_secs(60);
    let mut passed = true;
    for drill in [drills::cold_burst, drills::waiting, || drills::steady(STEADY)] {
        let drill = drill();
        println!("{drill}");
        passed &= drill.passed();
    }
    if passed { Ok(()) } else { Err(SoakError::Missed) }
}
