//! Start-up times of a Traefik with all plugins, and of a new plugin instance.

use std::path::Path;
use std::time::{Duration, Instant};

use super::error::BenchError;
use super::in_flight::{Held, arrival};
use super::policy::Policy;
use super::requests::{get, sign};
use super::site::{Gateway, Site, Variation, path};
use super::statistics::median;
use super::watch::Watch;

/// Microseconds that a new instance adds to the request that needs it. Traefik's own share, such as connecting to the
/// backend, is subtracted: it is measured with the same requests through a router without plugins.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct InstanceStart {
    /// Of the plugin `jwt`.
    pub jwt: Option<f64>,
    /// Of the plugin `oAuthClientCredentials`.
    pub oauth: Option<f64>,
    /// Of the plugin `pathRewrite`.
    pub rewrite: Option<f64>,
    /// Of the plugin `gateway`.
    pub gateway: Option<f64>,
}

impl InstanceStart {
    /// The time of the slowest of the three plugins.
    pub fn slowest(&self) -> Option<f64> {
        let all = [self.jwt, self.oauth, self.rewrite];
        all.into_iter().flatten().max_by(f64::total_cmp)
    }
}

/// Milliseconds from the start of Traefik, with an empty state directory, until a request has passed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ready {
    /// Without plugins.
    pub plain: Option<f64>,
    /// Through all three plugins, including compilation and the first fetch of keys and token.
    pub three: Option<f64>,
    /// Through the plugin `gateway`.
    pub gateway: Option<f64>,
}

pub(super) fn ready(site: &Site, watch: &Watch<'_>) -> Result<Ready, BenchError> {
    let of = |policy| -> Result<Option<f64>, BenchError> {
        const REPEATS: usize = 5;
        let mut gateway = site.traefik(policy, &site.plugins, &Variation::default())?;
        let mut times = Vec::new();
        for repeat in 1..=REPEATS {
            watch.at(&format!("time until ready, {policy:?}, {repeat} of {REPEATS}"))?;
            times.push(ready_once(site, policy, &mut gateway)?.as_secs_f64() * 1000.0);
        }
        Ok(median(times))
    };
    Ok(Ready {
        plain: of(Policy::Plain)?,
        three: of(Policy::Three)?,
        gateway: of(Policy::Gateway)?,
    })
}

fn ready_once(site: &Site, policy: Policy, gateway: &mut Gateway) -> Result<Duration, BenchError> {
    gateway.traefik.kill();
    gateway.empty_state()?;
    let started = Instant::now();
    gateway.traefik.restart()?;
    site.check(gateway.address()?, &path(0), policy.effect())?;
    Ok(started.elapsed())
}

/// How many instances are started, one at a time.
pub(super) const INSTANCES: usize = 200;

/// Measures each plugin alone. Its state directory is warm, because one request has already passed.
pub(super) fn instances(site: &Site, plugins: &Path, watch: &Watch<'_>) -> Result<InstanceStart, BenchError> {
    let first_request = |policy| {
        watch.at(&format!("time an instance takes to start, {policy:?}"))?;
        first_request(site, plugins, policy)
    };
    let own = first_request(Policy::Plain)?;
    let of = |policy| -> Result<Option<f64>, BenchError> {
        let all = first_request(policy)?;
        Ok(all.zip(own).map(|(all, own)| (all - own).max(0.0)))
    };
    Ok(InstanceStart {
        jwt: of(Policy::Jwt)?,
        oauth: of(Policy::Oauth)?,
        rewrite: of(Policy::Rewrite)?,
        gateway: of(Policy::Gateway)?,
    })
}

/// Sends requests one by one that the backend holds, so that each needs a new instance. After they are answered, sends
/// the same number again to the existing instances. Returns the difference between the two median times from client to
/// backend. Every request has a new token, so that both times include a signature check.
fn first_request(site: &Site, plugins: &Path, policy: Policy) -> Result<Option<f64>, BenchError> {
    let gateway = site.traefik(policy, plugins, &Variation::default())?;
    site.check(gateway.address()?, &path(0), policy.effect())?;
    let mut held = Held::open(gateway.address()?, INSTANCES)?;
    let new = pass(site, &mut held)?;
    let there = pass(site, &mut held)?;
    Ok(new.zip(there).map(|(new, there)| (new - there).max(0.0)))
}

/// Returns the median time from client to backend, in microseconds.
fn pass(site: &Site, held: &mut Held) -> Result<Option<f64>, BenchError> {
    let mut times = Vec::new();
    let tokens = sign(&site.idcs, INSTANCES);
    site.backend.hold();
    for (number, token) in tokens.iter().enumerate() {
        let request = get(&path(0), token);
        let sent = Instant::now();
        held.send(number, &request)?;
        times.push((arrival(&site.backend)? - sent).as_secs_f64() * 1e6);
    }
    site.backend.release();
    held.receive()?;
    Ok(median(times))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_plugin_counts() {
        let start = InstanceStart {
            jwt: Some(200.0),
            oauth: Some(250.0),
            rewrite: None,
            gateway: Some(900.0),
        };
        assert_eq!(start.slowest(), Some(250.0));
        assert_eq!(InstanceStart::default().slowest(), None);
    }
}
