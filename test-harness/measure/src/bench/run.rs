//! Runs the bench, from the build to the report.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use harness_build::guests;

use super::costs::Costs;
use super::error::BenchError;
use super::report::Report;
use super::rows;
use super::settings::Bench;
use super::site::Site;
use super::spec::{
    Build, CHAIN_COLD, CHAIN_WARM, FLOOR, GATEWAY_ALL, GATEWAY_WARM, PLAIN, ROWS, THREE_FLOOR,
};
use super::watch::Watch;
use super::{checks, growth, in_flight, machine, reload, start};

/// The JSON names of the measurements other than the rows.
pub const MEASUREMENTS: [&str; 6] = [RS256, ES256, IN_FLIGHT, READY, INSTANCE_START, RELOAD];

/// The names of what [`Report`] compares between two builds.
pub const COMPARED: [&str; 12] = [
    PLAIN,
    THREE_FLOOR,
    CHAIN_WARM,
    CHAIN_COLD,
    FLOOR,
    GATEWAY_WARM,
    GATEWAY_ALL,
    RS256,
    ES256,
    IN_FLIGHT,
    INSTANCE_START,
    RELOAD,
];

const RS256: &str = "rs256_us";
const ES256: &str = "es256_us";
const IN_FLIGHT: &str = "kib_per_request_in_flight";
const READY: &str = "ready_ms";
const INSTANCE_START: &str = "instance_start_us";
const RELOAD: &str = "reload_cpu_s";

impl Bench {
    /// Builds the plugins, starts everything, measures, and stops everything. Reports progress on stderr. Setting
    /// `interrupted` ends the run early with [`BenchError::Interrupted`].
    ///
    /// # Errors
    /// See [`BenchError`]. A missing Envoy or HAProxy is not an error; its rows say that it is missing.
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
        let plugins = match &self.plugins {
            Some(folder) => laid_out(folder)?,
            None => guests::artifacts()?.root.clone(),
        };
        let baseline = self.baseline.as_deref().map(laid_out).transpose()?;
        let mut builds = vec![(Build::Current, plugins.clone())];
        builds.extend(baseline.clone().map(|folder| (Build::Baseline, folder)));
        let site = Site::start(plugins.clone())?;
        let watch = Watch(interrupted);

        let rows = rows::measure(self, &site, &builds, &watch)?;
        let mut report = Report::new(self, machine::Machine::look(), rows);
        if self.wants(RS256) {
            report.rs256 = checks::rs256();
        }
        if self.wants(ES256) {
            report.es256 = checks::es256();
        }
        if self.wants(READY) {
            report.ready = start::ready(&site, &watch)?;
        }
        report.costs = self.costs(&site, &plugins, &watch)?;
        if let Some(folder) = &baseline {
            report.baseline = Some(self.costs(&site, folder, &watch)?);
        }
        if self.growth {
            report.growth = growth::measure(self, &site, &watch)?;
        }
        Ok(report)
    }

    /// Measures what the build in `plugins` costs apart from the rows.
    fn costs(&self, site: &Site, plugins: &Path, watch: &Watch<'_>) -> Result<Costs, BenchError> {
        let mut costs = Costs::of(plugins);
        if self.wants(IN_FLIGHT) {
            // A comparison needs only this one.
            costs.in_flight = match self.compares() || plugins != site.plugins {
                true => in_flight::measure_gateway(site, plugins, watch)?,
                false => in_flight::measure(site, watch)?,
            };
        }
        if self.wants(INSTANCE_START) {
            costs.instance_start = start::instances(site, plugins, watch)?;
        }
        if self.wants(RELOAD) {
            costs.reload = reload::measure(site, plugins, watch)?;
        }
        Ok(costs)
    }

    fn compares(&self) -> bool {
        self.only == COMPARED
    }
}

/// The absolute path of a folder with plugins.
fn laid_out(folder: &Path) -> Result<PathBuf, BenchError> {
    match folder.join("plugins-local/src").is_dir() {
        true => Ok(std::path::absolute(folder)?),
        false => Err(BenchError::NoPlugins(folder.to_owned())),
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
            only: vec!["plain".into(), "plane".into()],
            plugins: None,
            baseline: None,
            growth: false,
        };
        let error = bench.run(&Arc::default()).err().unwrap();
        assert!(
            matches!(&error, BenchError::UnknownName { name, .. } if name == "plane"),
            "{error}"
        );
        assert!(error.to_string().contains("envoy_uncached"), "{error}");
    }

    #[test]
    fn everything_that_is_compared_exists() {
        for name in COMPARED {
            assert!(all_names().contains(&name), "{name}");
        }
    }
}
