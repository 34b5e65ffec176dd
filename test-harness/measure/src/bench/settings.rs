//! The settings of a run.

use std::path::PathBuf;
use std::time::Duration;

/// What to measure, and for how long.
#[derive(Clone, Debug)]
pub struct Bench {
    /// The length of one round of one row.
    pub round: Duration,
    /// The number of rounds per row. A row's figures are the medians of its rounds.
    pub rounds: usize,
    /// Numbers of connections. Every row is measured with each of them; with all but the first in each fourth round
    /// only, because nothing is compared to the microsecond there.
    pub connections: Vec<usize>,
    /// Names of rows ([`super::ROWS`]) and of other measurements ([`super::MEASUREMENTS`]). Empty means all.
    pub only: Vec<String>,
    /// A folder with the plugins to measure, laid out by `build --out`. `None` builds those of this workspace.
    pub plugins: Option<PathBuf>,
    /// A folder with another build of the plugins. Its rows are shown beside the others.
    pub baseline: Option<PathBuf>,
    /// Measure how cost grows with routers, tokens, keys and rules.
    pub growth: bool,
}

/// With all but the first number of connections, a row is measured in each round whose number is a multiple of this.
pub(super) const EACH: usize = 4;

impl Bench {
    /// The numbers of connections that are measured in this round.
    pub(super) fn connections_in(&self, round: usize) -> impl Iterator<Item = usize> + '_ {
        let all = self.connections.iter().copied().enumerate();
        all.filter(move |(place, _)| *place == 0 || round.is_multiple_of(EACH))
            .map(|(_, connections)| connections)
    }

    /// Whether the row or measurement of this name was requested.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == name)
    }
}
