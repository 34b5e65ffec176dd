//! Runs the bench, from the build to the report.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use harness_build::guests;

use super::error::BenchError;
use super::report::Report;
use super::rows::{self, Build, ROWS};
use super::settings::Bench;
use super::site::Site;
use super::watch::Watch;
use super::{growth, in_flight, machine, rs256, start};

/// The JSON names of the measurements other than the rows.
pub const MEASUREMENTS: [&str; 4] = [RS256, IN_FLIGHT, READY, INSTANCE_START];

const RS256: &str = "rs256_us";
const IN_FLIGHT: &str = "kib_per_request_in_flight";
const READY: &str = "ready_ms";
const INSTANCE_START: &str = "instance_start_us";

impl Bench {
    /// Builds the plugins, starts everything, measures, and stops everything. Reports progress on stderr. Setting
    /// `interrupted` ends the run early with [`BenchError::Interrupted`].
    ///
    /// # Errors
    /// See [`BenchError`]. A missing Envoy is not an error; its rows say that it is missing.
    pub fn run(&self, interrupted: &Arc<AtomicBool>) -> Result<Report, BenchError> {
        if let Some(unknown) = self
            .only
            .iter()
            .find(|name| !all_names().contains(&name.as_str()))
        {
            return Err(BenchError::UnknownName {
                name: unknown.clone(),
                known: all_names().join(", "),
            });
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
}

fn all_names() -> Vec<&'static str> {
    ROWS.iter().chain(&MEASUREMENTS).copied().collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
            matches!(&error, BenchError::UnknownName { name, .. } if name == "plane"),
            "{error}"
        );
        assert!(error.to_string().contains("envoy_uncached"), "{error}");
    }
}
