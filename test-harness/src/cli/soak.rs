//! `soak`: a long run with everything that can go wrong, and what came of it.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::{interrupt, reloads};
use crate::reloads::{Chain, Cost};
use crate::soak::{Figures, Soak, drills};
use crate::tools;

/// Run mixed traffic for minutes while everything around the gateway fails in turn; any wrong answer is an error
#[derive(Debug, Args)]
pub(super) struct Options {
    /// How long
    #[arg(long, value_name = "N", default_value_t = 900, value_parser = clap::value_parser!(u64).range(5..=86_400))]
    seconds: u64,
    /// Write the figures to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the chart to this file [default: target/soak.svg]
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Instead of the long run: single exercises with a figure and a goal each, about two minutes; for a machine that
    /// does nothing else
    #[arg(long, conflicts_with_all = ["seconds", "json", "svg"])]
    drills: bool,
    /// Instead of the long run: N changes of the configuration of 20 routers under load, with our plugins and without;
    /// the JSON is about our three plugins
    #[arg(long, value_name = "N", conflicts_with_all = ["seconds", "svg", "drills"], value_parser = clap::value_parser!(u16).range(1..))]
    reloads: Option<u16>,
}

/// Why there is no good run to report.
#[derive(Debug, thiserror::Error)]
enum SoakError {
    /// The gateway did something it must not.
    #[error("{}; the report above names the first ones, the chart shows when", .0.join(", "))]
    Failed(Vec<String>),
    /// An exercise missed its goal.
    #[error("a goal was missed; was the machine busy with something else?")]
    Missed,
    /// A file could not be written.
    #[error("could not write {path}: {source}; check that its folder exists and the rights there")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Prints the report; a wrong answer is an error.
pub(super) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    if options.drills {
        return Ok(exercise()?);
    }
    if let Some(reloads) = options.reloads {
        let costs = reloads::run(reloads.into())?;
        let ours = costs.iter().find(|cost| cost.chain == Chain::ThreePlugins);
        write_figures(options, ours.map(Cost::figures).unwrap_or_default())?;
        return Ok(reloads::check(&costs)?);
    }
    let soak = Soak::lasting(Duration::from_secs(options.seconds));
    interrupt::sets(soak.interrupter());
    let report = soak.run()?;
    print!("{report}");
    let svg = options
        .svg
        .clone()
        .unwrap_or_else(|| tools::target_dir().join("soak.svg"));
    write(&svg, &report.svg())?;
    println!("\nchart: {}", svg.display());
    write_figures(options, report.figures())?;
    match report.failures() {
        failures if failures.is_empty() => Ok(()),
        failures => Err(SoakError::Failed(failures).into()),
    }
}

fn write_figures(options: &Options, figures: Figures) -> Result<(), Box<dyn Error>> {
    if let Some(path) = &options.json {
        write(path, &format!("{}\n", serde_json::to_string_pretty(&figures)?))?;
    }
    Ok(())
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

fn write(path: &Path, text: &str) -> Result<(), SoakError> {
    std::fs::write(path, text).map_err(|source| SoakError::Write {
        path: path.to_path_buf(),
        source,
    })
}
