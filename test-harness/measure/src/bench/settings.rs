//! What to measure.

use std::path::PathBuf;
use std::time::Duration;

/// What to measure, and for how long.
#[derive(Clone, Debug)]
pub struct Bench {
    /// The length of one round of one row.
    pub round: Duration,
    /// The number of rounds of each row. Its figure is their median.
    pub rounds: usize,
    /// Connections of the load generator; every row is measured with each number.
    pub connections: Vec<usize>,
    /// Distinct tokens in the rows whose tokens were seen before.
    pub tokens: usize,
    /// Names of rows ([`super::ROWS`]) and of other measurements ([`super::MEASUREMENTS`]); empty means all.
    pub only: Vec<String>,
    /// A folder with another build of the plugins, laid out as `build --out` does; its rows are shown beside ours.
    pub baseline: Option<PathBuf>,
    /// Measure how cost grows with routers, tokens, keys and rules.
    pub growth: bool,
    /// A folder for Go's processor profiles of the Traefiks, one for each row and number of connections, taken before
    /// the first round.
    pub profiles: Option<PathBuf>,
}

impl Bench {
    /// Whether the row or measurement of this name is asked for.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == name)
    }
}
