//! How fast the gateway is, and what it costs: every figure beside its peers' from the same run.
//!
//! In scope: requests per second, latency and processor time of each row ([`rows`]), memory per request in flight
//! ([`in_flight`]), times to start ([`start`]), signature checks inside Traefik ([`rs256`]), how cost grows
//! ([`growth`]), and the report. The load generator and the servers behind the gateways are made for this purpose
//! alone: two processors are shared by all, so what they take is missing elsewhere. The row `direct` shows how far
//! they go without a gateway between them.
//!
//! Out of scope: judging. Figures are of one machine and one run; only those of the same run may be compared.

mod authoriser;
mod backend;
mod envoy;
mod figures;
mod generator;
mod growth;
mod in_flight;
mod machine;
mod page;
mod profile;
mod report;
mod requests;
mod rows;
mod rs256;
mod server;
mod site;
mod start;
mod statistics;
mod wire;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub use self::figures::Figures;
pub use self::page::PageError;
pub use self::report::Report;
pub use self::rows::ROWS;

use self::rows::Build;
use self::site::Site;
use harness::traefik::TraefikError;
use harness_build::guests::{self, GuestError};

/// What to measure, and for how long.
#[derive(Clone, Debug)]
pub struct Bench {
    /// How long one round of one row is.
    pub round: Duration,
    /// Rounds of each row; its figure is their median.
    pub rounds: usize,
    /// Connections of the load generator; every row is measured with each number.
    pub connections: Vec<usize>,
    /// Distinct tokens in the rows whose tokens were seen before.
    pub tokens: usize,
    /// Names of rows ([`ROWS`]) and of other measurements ([`MEASUREMENTS`]); none means all.
    pub only: Vec<String>,
    /// A folder with another build of the plugins, laid out as `build --out` does; its rows stand beside ours.
    pub baseline: Option<PathBuf>,
    /// Measure how cost grows with routers, tokens, keys and rules.
    pub growth: bool,
    /// A folder for Go's processor profiles of the Traefiks, one for each row and number of connections, taken before
    /// the first round.
    pub profiles: Option<PathBuf>,
}

/// What is measured beside the rows, by its name in the JSON.
pub const MEASUREMENTS: [&str; 4] = [RS256, IN_FLIGHT, READY, INSTANCE_START];

const RS256: &str = "rs256_us";
const IN_FLIGHT: &str = "kib_per_request_in_flight";
const READY: &str = "ready_ms";
const INSTANCE_START: &str = "instance_start_us";

/// Why there are no figures.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// Traefik does not run as asked.
    #[error(transparent)]
    Traefik(#[from] TraefikError),
    /// There are no plugins to measure.
    #[error(transparent)]
    Guest(#[from] GuestError),
    /// A socket, a file or /proc failed.
    #[error("{0}; see that nothing else takes the machine's sockets, files or memory")]
    Io(#[from] io::Error),
    /// A gateway that does something else would give a figure of something else.
    #[error("no figure is better than a wrong one: {what}")]
    Misbehaves {
        /// Which, and what it did.
        what: String,
    },
    /// No such row or measurement.
    #[error("`{0}` is no row and no measurement; there are {all}", all = all_names().join(", "))]
    UnknownName(String),
    /// The folder holds no plugins.
    #[error("{0} holds no plugins: lay them out with `build --out {0}`")]
    NoPlugins(PathBuf),
    /// The user has seen enough.
    #[error("interrupted")]
    Interrupted,
}

impl Bench {
    /// Builds the plugins, starts everything, measures, and stops everything. Says on stderr where it is.
    /// `interrupted` ends it early, with [`BenchError::Interrupted`].
    ///
    /// # Errors
    /// See [`BenchError`]. A peer that is not there is no error: its rows say so.
    pub fn run(&self, interrupted: &Arc<AtomicBool>) -> Result<Report, BenchError> {
        if let Some(unknown) = self
            .only
            .iter()
            .find(|name| !all_names().contains(&name.as_str()))
        {
            return Err(BenchError::UnknownName(unknown.clone()));
        }
        let mut builds = vec![(Build::Current, guests::artifacts()?.root.clone())];
        if let Some(folder) = &self.baseline {
            if !folder.join("plugins-local/src").is_dir() {
                return Err(BenchError::NoPlugins(folder.clone()));
            }
            builds.push((Build::Baseline, std::path::absolute(folder)?));
        }
        let (_, plugins) = builds.first().cloned().unwrap_or_default();
        let site = Site::start(plugins, self.profiles.is_some())?;
        let watch = Watch(interrupted);

        let rows = rows::measure(self, &site, &builds, &watch)?;
        let mut report = Report::new(self, machine::Machine::look(), rows);
        if self.wants(RS256) {
            report.rs256 = rs256::measure();
        }
        if self.wants(IN_FLIGHT) {
            report.in_flight = in_flight::measure(&site, &watch)?;
        }
        if self.wants(READY) {
            report.ready = start::ready(&site, &watch)?;
        }
        if self.wants(INSTANCE_START) {
            report.instance_start = start::instances(&site, &watch)?;
        }
        if self.growth {
            report.growth = growth::measure(self, &site, &watch)?;
        }
        Ok(report)
    }

    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|wanted| wanted == name)
    }
}

fn all_names() -> Vec<&'static str> {
    ROWS.iter().chain(&MEASUREMENTS).copied().collect()
}

/// Says where the run is, and whether it shall go on.
struct Watch<'i>(&'i AtomicBool);

impl Watch<'_> {
    fn at(&self, place: &str) -> Result<(), BenchError> {
        self.stop_if_interrupted()?;
        eprintln!("bench: {place}");
        Ok(())
    }

    fn stop_if_interrupted(&self) -> Result<(), BenchError> {
        match self.0.load(Ordering::Relaxed) {
            true => Err(BenchError::Interrupted),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_nothing_is_refused_before_anything_starts() {
        let bench = Bench {
            round: Duration::from_secs(1),
            rounds: 1,
            connections: vec![1],
            tokens: 1,
            only: vec!["plain".into(), "plane".into()],
            baseline: None,
            growth: false,
            profiles: None,
        };
        let error = bench.run(&Arc::default()).err().unwrap();
        assert!(
            matches!(&error, BenchError::UnknownName(name) if name == "plane"),
            "{error}"
        );
        assert!(error.to_string().contains("envoy_uncached"), "{error}");
    }
}
