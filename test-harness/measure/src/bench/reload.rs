//! What a change of the dynamic configuration costs with many routers: Traefik builds every middleware of every router
//! anew.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::error::BenchError;
use super::policy::Policy;
use super::site::{Site, Variation, path};
use super::statistics::median;
use super::watch::Watch;
use harness::process::Process;

/// Routers with the plugin `gateway`.
pub(super) const ROUTERS: usize = 50;
/// Reloads per build. The figure is the median.
pub(super) const RELOADS: usize = 5;

/// Returns the seconds of processor time that a reload takes.
pub(super) fn measure(site: &Site, plugins: &Path, watch: &Watch<'_>) -> Result<Option<f64>, BenchError> {
    let variation = Variation {
        routers: ROUTERS,
        ..Variation::default()
    };
    let mut gateway = site.traefik(Policy::Gateway, plugins, &variation)?;
    site.check(gateway.address()?, &path(0), Policy::Gateway.effect())?;
    let dynamic = fs::read_to_string(gateway.traefik.dir().join("dynamic/dynamic.yml"))?;
    let process = gateway.process()?;
    let mut times = Vec::new();
    // The first reload also pays for things that happen once.
    for reload in 0..=RELOADS {
        watch.at(&format!("reload {reload} of {RELOADS} with {ROUTERS} routers"))?;
        let before = at_rest(process)?;
        gateway.traefik.write_dynamic(&dynamic)?;
        let after = at_rest(process)?;
        if reload > 0 {
            times.push(after.saturating_sub(before).as_secs_f64());
        }
    }
    Ok(median(times))
}

/// Waits until the process is idle, so that garbage collection after a reload counts. Returns its processor time.
fn at_rest(process: Process) -> Result<Duration, BenchError> {
    const PATIENCE: Duration = Duration::from_secs(10);
    const PAUSE: Duration = Duration::from_millis(250);
    // An idle Traefik with its API takes less.
    const IDLE: Duration = Duration::from_millis(20);
    let started = Instant::now();
    let mut last = process.cpu_time()?;
    loop {
        thread::sleep(PAUSE);
        let now = process.cpu_time()?;
        if now.saturating_sub(last) <= IDLE || started.elapsed() > PATIENCE {
            return Ok(now);
        }
        last = now;
    }
}
