//! Memory per request in flight. A plugin instance belongs to one request until the response has ended, so requests
//! that wait for a slow backend show what instances cost.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::backend::Backend;
use super::error::BenchError;
use super::policy::Policy;
use super::requests::{get, sign};
use super::site::{Gateway, Site, Variation, path};
use super::statistics::{median, slope};
use super::watch::Watch;

/// KiB of resident memory per request in flight: the slope over 50, 200 and 800 requests. It includes Traefik's own
/// share, which `plain` shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct InFlight {
    /// With the plugin `jwt`.
    pub jwt: Option<f64>,
    /// With the three plugins.
    pub three: Option<f64>,
    /// With the one-module gateway.
    pub gateway: Option<f64>,
    /// Without a plugin. Not in the JSON.
    #[serde(skip)]
    pub plain: Option<f64>,
}

/// The numbers of requests in flight at which memory is read.
pub(super) const COUNTS: [usize; 3] = [50, 200, 800];
/// How often each slope is measured, each time on a new Traefik. The figure is the median.
pub(super) const REPEATS: usize = 3;

pub(super) fn measure(site: &Site, watch: &Watch<'_>) -> Result<InFlight, BenchError> {
    let slope_of = |policy| slope_of(policy, site, &site.plugins, watch);
    Ok(InFlight {
        plain: slope_of(Policy::Plain)?,
        jwt: slope_of(Policy::Jwt)?,
        three: slope_of(Policy::Three)?,
        gateway: slope_of(Policy::Gateway)?,
    })
}

/// Measures the plugin `gateway` of another build.
pub(super) fn measure_gateway(
    site: &Site,
    plugins: &Path,
    watch: &Watch<'_>,
) -> Result<InFlight, BenchError> {
    Ok(InFlight {
        gateway: slope_of(Policy::Gateway, site, plugins, watch)?,
        ..InFlight::default()
    })
}

fn slope_of(
    policy: Policy,
    site: &Site,
    plugins: &Path,
    watch: &Watch<'_>,
) -> Result<Option<f64>, BenchError> {
    let mut slopes = Vec::new();
    for repeat in 1..=REPEATS {
        watch.at(&format!(
            "memory per request in flight, {policy:?}, {repeat} of {REPEATS}"
        ))?;
        let gateway = site.traefik(policy, plugins, &Variation::default())?;
        slopes.extend(slope(&growth(site, &gateway)?));
    }
    Ok(median(slopes))
}

/// Measures memory in KiB for each number of requests in flight.
fn growth(site: &Site, gateway: &Gateway) -> Result<Vec<(f64, f64)>, BenchError> {
    let token = sign(&site.idcs, 1).pop().unwrap_or_default();
    let request = get(&path(0), &token);
    let mut points = Vec::new();
    for count in COUNTS {
        let mut held = Held::open(gateway.address()?, count)?;
        site.backend.hold();
        for number in 0..count {
            held.send(number, &request)?;
        }
        for _ in 0..count {
            arrival(&site.backend)?;
        }
        points.push((count as f64, gateway.process()?.rss_kib()? as f64));
        site.backend.release();
        held.receive()?;
    }
    Ok(points)
}

/// Waits for the next held request and returns when it arrived.
pub(super) fn arrival(backend: &Backend) -> Result<std::time::Instant, BenchError> {
    backend
        .arrival(Duration::from_secs(30))
        .ok_or_else(|| BenchError::Misbehaves {
            what: "a request did not reach the backend within 30 seconds".into(),
        })
}

/// Connections with at most one request each, which may stay unanswered for long.
pub(super) struct Held(Vec<TcpStream>);

impl Held {
    pub(super) fn open(address: SocketAddr, count: usize) -> Result<Self, BenchError> {
        let open = |_| {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_secs(30)))?;
            Ok(stream)
        };
        Ok(Self((0..count).map(open).collect::<std::io::Result<_>>()?))
    }

    pub(super) fn send(&mut self, number: usize, request: &[u8]) -> Result<(), BenchError> {
        match self.0.get_mut(number) {
            Some(stream) => Ok(stream.write_all(request)?),
            None => Ok(()),
        }
    }

    /// Reads the response on every connection. Each must be a 200.
    pub(super) fn receive(&mut self) -> Result<(), BenchError> {
        for stream in &mut self.0 {
            let mut answer = Vec::new();
            let mut buffer = [0; 4096];
            loop {
                let count = stream.read(&mut buffer)?;
                answer.extend_from_slice(buffer.get(..count).unwrap_or_default());
                let response = super::wire::response(&answer).map_err(std::io::Error::other)?;
                match response {
                    Some(response) if response.status == 200 && answer.len() >= response.length => break,
                    Some(response) if response.status != 200 => {
                        return Err(BenchError::Misbehaves {
                            what: format!("a request that was held was answered with {}", response.status),
                        });
                    }
                    _ if count == 0 => {
                        return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}
