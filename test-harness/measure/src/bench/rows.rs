//! Measures the rows. All are under the same load and take turns round by round.

use std::path::PathBuf;

use super::error::BenchError;
use super::lane::{Lane, Stock};
use super::row::Row;
use super::settings::Bench;
use super::site::Site;
use super::spec::{Build, SPECS, label};
use super::watch::Watch;

/// Measures all requested rows.
pub(super) fn measure(
    bench: &Bench,
    site: &Site,
    builds: &[(Build, PathBuf)],
    watch: &Watch<'_>,
) -> Result<Vec<Row>, BenchError> {
    let mut stock = Stock::default();
    let mut lanes = Vec::new();
    for spec in SPECS.iter().filter(|spec| bench.wants(spec.name)) {
        for (build, plugins) in builds {
            if *build == Build::Current || spec.is_ours() {
                watch.at(&format!("starting {}", label(spec.name, *build)))?;
                lanes.push(Lane::start(spec, *build, site, plugins, stock.known(site, spec))?);
            }
        }
    }
    let mut rows: Vec<Row> = Vec::new();
    for &connections in &bench.connections {
        rows.extend(lanes.iter().map(|lane| lane.row(connections)));
    }
    if lanes.is_empty() {
        return Ok(rows);
    }
    for round in 0..bench.rounds {
        for connections in bench.connections_in(round) {
            watch.at(&format!(
                "round {} of {}, {connections} connections",
                round + 1,
                bench.rounds
            ))?;
            // Start with a different row each round, so that no row always follows the same one.
            for place in 0..lanes.len() {
                let place = (place + round) % lanes.len();
                watch.stop_if_interrupted()?;
                let Some(lane) = lanes.get_mut(place) else {
                    continue;
                };
                let Some(outcome) = lane.round(bench, site, &mut stock, connections)? else {
                    continue;
                };
                let row = rows
                    .iter_mut()
                    .find(|row| lane.is_of(row) && row.connections == connections);
                if let Some(row) = row {
                    row.rounds.push(outcome);
                }
            }
        }
    }
    Ok(rows)
}
