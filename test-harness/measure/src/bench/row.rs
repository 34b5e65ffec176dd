//! What was measured for a row.

use super::spec::Build;
use super::statistics::{median, median_interval, range};

/// A row with one number of connections, and its results.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) build: Build,
    pub(super) connections: usize,
    pub(super) rounds: Vec<Round>,
    /// Why the row has no rounds.
    pub(super) absent: Option<String>,
}

/// The results of one round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Round {
    pub(super) rps: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    /// CPU time of the gateway's process in microseconds per request. `None` without a gateway.
    pub(super) cpu_us: Option<f64>,
    /// Memory of the gateway's process at the end of the round.
    pub(super) rss_mib: Option<f64>,
}

/// A median, and the interval that contains the true one with 95 percent probability, if there are enough rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    pub(super) median: f64,
    pub(super) interval: Option<(f64, f64)>,
}

impl Row {
    /// The median of one figure over the rounds.
    pub(super) fn median(&self, figure: impl Fn(&Round) -> Option<f64>) -> Option<f64> {
        median(self.rounds.iter().filter_map(figure))
    }

    /// The difference between the fastest and the slowest round, as a share of the median.
    pub(super) fn spread(&self) -> Option<f64> {
        let (least, most) = range(self.rounds.iter().map(|round| round.rps))?;
        Some((most - least) / self.median(|round| Some(round.rps))?)
    }

    /// CPU time per request that this row takes more than `other`. Compares within each round, which cancels out
    /// changes in the machine's speed.
    pub(super) fn cpu_above(&self, other: &Self) -> Option<Estimate> {
        let pairs = self.rounds.iter().zip(&other.rounds);
        Estimate::of(pairs.filter_map(|(own, other)| Some(own.cpu_us? - other.cpu_us?)))
    }

    /// Requests per second, as a share of those of `other` in the same round.
    pub(super) fn rate_of(&self, other: &Self) -> Option<Estimate> {
        let pairs = self.rounds.iter().zip(&other.rounds);
        Estimate::of(pairs.map(|(own, other)| own.rps / other.rps))
    }
}

impl Estimate {
    fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.collect();
        Some(Self {
            median: median(values.iter().copied())?,
            interval: median_interval(values),
        })
    }

    /// Formats it with this many decimals: `4.2 (3.1 to 5.0)`.
    pub(super) fn text(self, digits: usize) -> String {
        let median = format!("{:.digits$}", self.median);
        match self.interval {
            Some((lower, upper)) => format!("{median} ({lower:.digits$} to {upper:.digits$})"),
            None => median,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(rounds: &[(f64, Option<f64>)]) -> Row {
        let round = |&(rps, cpu_us)| Round {
            rps,
            p50_us: 1.0,
            p99_us: 2.0,
            cpu_us,
            rss_mib: Some(rps / 10.0),
        };
        Row {
            name: "plain",
            build: Build::Current,
            connections: 32,
            rounds: rounds.iter().map(round).collect(),
            absent: None,
        }
    }

    #[test]
    fn a_row_is_the_median_of_its_rounds() {
        let row = row(&[(100.0, None), (300.0, None), (110.0, None)]);
        assert_eq!(row.median(|round| Some(round.rps)), Some(110.0));
        assert_eq!(row.median(|round| round.cpu_us), None);
        assert_eq!(row.median(|round| round.rss_mib), Some(11.0));
        assert_eq!(row.spread(), Some(200.0 / 110.0));
    }

    #[test]
    fn rows_are_compared_within_each_round() {
        // The machine is twice as slow in the second round. The difference of the medians would be 75.
        let (slow, fast) = (
            row(&[(50.0, Some(130.0)), (25.0, Some(260.0)), (50.0, Some(131.0))]),
            row(&[(100.0, Some(100.0)), (50.0, Some(200.0)), (200.0, Some(55.0))]),
        );
        let above = slow.cpu_above(&fast).unwrap();
        assert_eq!((above.median, above.interval), (60.0, None));
        assert_eq!(slow.rate_of(&fast).unwrap().median, 0.5);
        assert_eq!(slow.cpu_above(&row(&[(1.0, None)])), None);
    }

    #[test]
    fn an_estimate_shows_its_interval() {
        let of = |count: i32| Estimate::of((1..=count).map(f64::from)).unwrap().text(1);
        assert_eq!(of(3), "2.0");
        assert_eq!(of(9), "5.0 (2.0 to 8.0)");
    }
}
