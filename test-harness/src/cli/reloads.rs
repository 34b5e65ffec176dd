//! `soak --reloads N`: reloads under load instead of disturbances, and what each costs with and without plugins.

use crate::reloads::{Chain, Cost, ROUTERS, ReloadError};

/// Why there is no good run to report.
#[derive(Debug, thiserror::Error)]
#[error("{wrong} wrong answers and {missing} requests without an answer; the first: {first:?}")]
pub(super) struct LostRequests {
    wrong: usize,
    missing: usize,
    first: Vec<String>,
}

/// Measures every chain and prints the table, row by row.
pub(super) fn run(reloads: usize) -> Result<Vec<Cost>, ReloadError> {
    println!(
        "{ROUTERS} routers, {reloads} reloads under load\n\n{}",
        Cost::HEAD
    );
    Chain::ALL
        .into_iter()
        .map(|chain| Cost::of(chain, reloads).inspect(|cost| println!("{cost}")))
        .collect()
}

/// Every request must have had the backend's answer.
pub(super) fn check(costs: &[Cost]) -> Result<(), LostRequests> {
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
