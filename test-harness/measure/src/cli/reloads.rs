//! `reloads`: changes the configuration under load and measures the cost with and without plugins.

use std::error::Error;
use std::path::PathBuf;

use clap::Args;

use super::files::write_json;
use crate::reloads::{Chain, Cost, ROUTERS, ReloadError};

/// Change the configuration of 20 routers under load, with our plugins and without
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Number of reloads
    #[arg(value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    reloads: u16,
    /// Write the figures of the chain with our three plugins to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Requests that did not get the backend's answer.
#[derive(Debug, thiserror::Error)]
#[error("{wrong} wrong answers and {missing} requests without an answer; the first: {first:?}")]
struct LostRequests {
    wrong: usize,
    missing: usize,
    first: Vec<String>,
}

/// Prints the table and writes the figures. A lost request is an error.
pub(super) fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let costs = measure(options.reloads.into())?;
    let ours = costs.iter().find(|cost| cost.chain == Chain::ThreePlugins);
    write_json(
        options.json.as_deref(),
        &ours.map(Cost::figures).unwrap_or_default(),
    )?;
    Ok(check(&costs)?)
}

/// Measures every chain and prints the table, row by row.
fn measure(reloads: usize) -> Result<Vec<Cost>, ReloadError> {
    println!(
        "{ROUTERS} routers, {reloads} reloads under load\n\n{}",
        Cost::HEAD
    );
    Chain::ALL
        .into_iter()
        .map(|chain| Cost::of(chain, reloads).inspect(|cost| println!("{cost}")))
        .collect()
}

/// Fails if a request did not get the backend's answer.
fn check(costs: &[Cost]) -> Result<(), LostRequests> {
    let sum = |count: fn(&Cost) -> usize| costs.iter().map(count).sum();
    let (wrong, missing) = (
        sum(|cost| cost.figures().wrong_answers),
        sum(|cost| cost.figures().errors_unexpected),
    );
    if wrong + missing == 0 {
        return Ok(());
    }
    let first = costs
        .iter()
        .flat_map(|cost| cost.requests.first_errors.clone())
        .take(5)
        .collect();
    Err(LostRequests {
        wrong,
        missing,
        first,
    })
}
