//! The rows: every gateway under the same load, taking turns round by round.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::envoy::Envoy;
use super::error::BenchError;
use super::generator::{Generator, Requests, Tally};
use super::profile;
use super::requests::{Once, Repeated, TokenStore, sign};
use super::settings::Bench;
use super::site::{Effect, Gateway, Policy, Site, Variation, has_gateway, path};
use super::statistics::{median, range};
use super::watch::Watch;
use harness::process::Process;

/// The names of the rows, in the order of the report.
pub const ROWS: [&str; 12] = [
    DIRECT,
    PLAIN,
    IDLE,
    THREE_IDLE,
    "replace_path_regex",
    "forward_auth",
    "envoy_cached",
    "envoy_uncached",
    "chain_warm",
    "chain_cold",
    "gateway_warm",
    "gateway_cold",
];

/// No gateway: shows what the generator and the backend can do.
pub(super) const DIRECT: &str = "direct";
/// The row with which the others are compared.
pub(super) const PLAIN: &str = "plain";

/// One plugin that does nothing, and three of them: Traefik's own cost, which no plugin can avoid.
const IDLE: &str = "idle";
const THREE_IDLE: &str = "three_idle";

/// Rows that nobody would run as a gateway, but that show what is possible.
pub(super) fn is_reference(name: &str) -> bool {
    [DIRECT, IDLE, THREE_IDLE].contains(&name)
}

/// The build of the plugins that a row measures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Build {
    /// The build of this workspace.
    #[default]
    Current,
    /// The build to compare with.
    Baseline,
}

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
}

/// Measures all requested rows.
pub(super) fn measure(
    bench: &Bench,
    site: &Site,
    builds: &[(Build, PathBuf)],
    watch: &Watch<'_>,
) -> Result<Vec<Row>, BenchError> {
    let mut lanes = Vec::new();
    for (build, plugins) in builds {
        for name in ROWS.into_iter().filter(|name| bench.wants(name)) {
            if *build == Build::Current || is_ours(name) {
                watch.at(&format!("starting {}", label(name, *build)))?;
                lanes.push(Lane::start(name, *build, site, plugins)?);
            }
        }
    }
    let mut rows: Vec<Row> = Vec::new();
    for &connections in &bench.connections {
        rows.extend(lanes.iter().map(|lane| lane.row(connections)));
    }
    if lanes.is_empty() {
        return Ok(rows);
    }
    let mut tokens = Tokens {
        warm: sign(&site.idcs, bench.tokens),
        cold: TokenStore::default(),
    };
    for round in 0..bench.rounds {
        for &connections in &bench.connections {
            watch.at(&format!(
                "round {} of {}, {connections} connections",
                round + 1,
                bench.rounds
            ))?;
            // Start with a different row each round, so that no row always follows the same one.
            for place in 0..lanes.len() {
                let place = (place + round) % lanes.len();
                watch.stop_if_interrupted()?;
                let Some(lane) = lanes.get_mut(place) else {
                    continue;
                };
                let Some(outcome) = lane.round(bench, site, &mut tokens, connections)? else {
                    continue;
                };
                let row = rows.iter_mut().find(|row| {
                    row.connections == connections && row.name == lane.name && row.build == lane.build
                });
                if let Some(row) = row {
                    row.rounds.push(outcome);
                }
            }
        }
    }
    Ok(rows)
}

/// The name of a row in the report.
pub(super) fn label(name: &str, build: Build) -> String {
    match build {
        Build::Current => name.to_owned(),
        Build::Baseline => format!("{name} (baseline)"),
    }
}

fn is_ours(name: &str) -> bool {
    name.starts_with("chain") || name.starts_with("gateway")
}

struct Tokens {
    warm: Vec<String>,
    cold: TokenStore,
}

/// A row's gateway process, which stays up from round to round.
struct Lane {
    name: &'static str,
    build: Build,
    target: Target,
    /// Whether every request has a token of its own.
    cold: bool,
    /// How many of the new tokens this process has seen.
    seen: usize,
    /// Requests per second in the last round with new tokens, by number of connections.
    rates: HashMap<usize, f64>,
    /// The numbers of connections that already have a profile.
    profiled: Vec<usize>,
}

enum Target {
    Backend(SocketAddr),
    Traefik(Gateway),
    Envoy(Envoy),
    Absent(String),
}

impl Lane {
    fn start(name: &'static str, build: Build, site: &Site, plugins: &Path) -> Result<Self, BenchError> {
        let target = match name {
            DIRECT => Target::Backend(site.backend.address()),
            PLAIN => Target::traefik(Policy::Plain, site, plugins)?,
            IDLE => Target::traefik(Policy::Idle, site, plugins)?,
            THREE_IDLE => Target::traefik(Policy::ThreeIdle, site, plugins)?,
            "replace_path_regex" => Target::traefik(Policy::ReplacePathRegex, site, plugins)?,
            "forward_auth" => Target::traefik(Policy::ForwardAuth, site, plugins)?,
            "envoy_cached" => Target::envoy(true, site)?,
            "envoy_uncached" => Target::envoy(false, site)?,
            "gateway_warm" | "gateway_cold" if !has_gateway(plugins) => Target::Absent("not built".into()),
            "gateway_warm" | "gateway_cold" => Target::traefik(Policy::Gateway, site, plugins)?,
            _ => Target::traefik(Policy::Three, site, plugins)?,
        };
        Ok(Self {
            name,
            build,
            target,
            cold: name.ends_with("_cold"),
            seen: 0,
            rates: HashMap::new(),
            profiled: Vec::new(),
        })
    }

    fn row(&self, connections: usize) -> Row {
        Row {
            name: self.name,
            build: self.build,
            connections,
            rounds: Vec::new(),
            absent: match &self.target {
                Target::Absent(reason) => Some(reason.clone()),
                _ => None,
            },
        }
    }

    fn round(
        &mut self,
        bench: &Bench,
        site: &Site,
        tokens: &mut Tokens,
        connections: usize,
    ) -> Result<Option<Round>, BenchError> {
        let Some((address, process)) = self.target.place()? else {
            return Ok(None);
        };
        let path = path(0);
        let mut load = Load {
            generator: Generator::connect(address, connections)?,
            what: format!("{} with {connections} connections", label(self.name, self.build)),
        };
        let mut repeated = Repeated::new(std::slice::from_ref(&path), &tokens.warm);
        load.warm_up(&mut repeated, bench.round)?;
        if !self.cold {
            self.profile(bench, &mut load, &mut repeated, connections)?;
            return load.measured(&mut repeated, bench.round, process).map(Some);
        }
        let rate = match self.rates.get(&connections) {
            Some(rate) => *rate,
            None => {
                let few = tokens.cold.take(&site.idcs, self.seen, 200.max(connections * 4));
                let mut once = Once::new(&path, few);
                let tally = load.run(&mut once, bench.round)?;
                self.seen += once.used();
                tally.per_second()
            }
        };
        // If the tokens run out, the round ends early and still counts.
        let count = (rate * bench.round.as_secs_f64() * 1.25) as usize + connections;
        if bench.profiles.is_some() && !self.profiled.contains(&connections) {
            let fresh = tokens.cold.take(&site.idcs, self.seen, count);
            let mut once = Once::new(&path, fresh);
            self.profile(bench, &mut load, &mut once, connections)?;
            self.seen += once.used();
        }
        let fresh = tokens.cold.take(&site.idcs, self.seen, count);
        let mut once = Once::new(&path, fresh);
        let round = load.measured(&mut once, bench.round, process)?;
        self.seen += once.used();
        self.rates.insert(connections, round.rps);
        Ok(Some(round))
    }
}

impl Lane {
    /// Takes a profile under this load, unless none is wanted or there already is one.
    fn profile(
        &mut self,
        bench: &Bench,
        load: &mut Load,
        requests: &mut dyn Requests,
        connections: usize,
    ) -> Result<(), BenchError> {
        let (Some(folder), Target::Traefik(gateway)) = (&bench.profiles, &self.target) else {
            return Ok(());
        };
        if self.profiled.contains(&connections) {
            return Ok(());
        }
        self.profiled.push(connections);
        let name = format!(
            "{}-{connections}.pprof",
            label(self.name, self.build).replace(' ', "-")
        );
        profile::take(&gateway.traefik, bench.round, &folder.join(name), || {
            load.run(requests, bench.round).map(drop)
        })
    }
}

impl Target {
    fn traefik(policy: Policy, site: &Site, plugins: &Path) -> Result<Self, BenchError> {
        let gateway = site.traefik(policy, plugins, &Variation::default())?;
        site.check(gateway.address()?, &path(0), policy.effect())?;
        Ok(Self::Traefik(gateway))
    }

    /// Starts Envoy. If it is not available, its rows say so.
    fn envoy(cache: bool, site: &Site) -> Result<Self, BenchError> {
        const FULL: Effect = Effect {
            wants_token: true,
            rewrites: true,
            hides_token: true,
        };
        match site.envoy(cache) {
            Ok(envoy) => {
                site.check(envoy.address(), &path(0), FULL)?;
                Ok(Self::Envoy(envoy))
            }
            Err(error) => {
                eprintln!("bench: Envoy is not measured: {error}");
                Ok(Self::Absent("not measured".into()))
            }
        }
    }

    /// The address to call and the process to watch. `None` if the target is absent.
    fn place(&self) -> Result<Option<(SocketAddr, Option<Process>)>, BenchError> {
        Ok(match self {
            Self::Backend(address) => Some((*address, None)),
            Self::Traefik(gateway) => Some((gateway.address()?, Some(gateway.process()?))),
            Self::Envoy(envoy) => Some((envoy.address(), Some(envoy.process()))),
            Self::Absent(_) => None,
        })
    }
}

/// A load generator, and a name for its errors.
pub(super) struct Load {
    pub(super) generator: Generator,
    pub(super) what: String,
}

impl Load {
    /// Sends requests until the rate stops growing, so that instances, caches and connections are ready.
    pub(super) fn warm_up(&mut self, requests: &mut dyn Requests, round: Duration) -> Result<(), BenchError> {
        const SLICE: Duration = Duration::from_millis(400);
        const SLICES: usize = 25;
        let (mut best, mut no_better) = (0.0, 0);
        for _ in 0..SLICES {
            let rate = self.run(requests, SLICE.min(round))?.per_second();
            if rate > best * 1.03 {
                (best, no_better) = (rate, 0);
            } else {
                no_better += 1;
            }
            if no_better == 2 {
                break;
            }
        }
        Ok(())
    }

    /// Sends requests and counts the answers. Waits for requests in flight at the end, but does not count them.
    pub(super) fn run(&mut self, requests: &mut dyn Requests, length: Duration) -> Result<Tally, BenchError> {
        let tally = self.generator.run(requests, length)?;
        self.generator.drain()?;
        self.judge(tally)
    }

    /// Like `run`, but also measures the process.
    pub(super) fn measured(
        &mut self,
        requests: &mut dyn Requests,
        length: Duration,
        process: Option<Process>,
    ) -> Result<Round, BenchError> {
        let before = process.map(Process::cpu_time).transpose()?;
        let tally = self.generator.run(requests, length)?;
        let after = process.map(Process::cpu_time).transpose()?;
        let rss_kib = process.map(Process::rss_kib).transpose()?;
        self.generator.drain()?;
        let tally = self.judge(tally)?;
        let cpu = after
            .zip(before)
            .map(|(after, before)| after.saturating_sub(before));
        Ok(Round {
            rps: tally.per_second(),
            p50_us: tally.latency_us(0.5),
            p99_us: tally.latency_us(0.99),
            cpu_us: cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / tally.good as f64),
            rss_mib: rss_kib.map(|kib| kib as f64 / 1024.0),
        })
    }

    /// Rejects a run with bad answers, because a fast refusal is not a result.
    fn judge(&self, tally: Tally) -> Result<Tally, BenchError> {
        let trouble = tally
            .trouble()
            .or_else(|| (tally.good == 0).then(|| "not one answer in a whole round".to_owned()));
        match trouble {
            Some(trouble) => Err(BenchError::Misbehaves {
                what: format!("{}: {trouble}", self.what),
            }),
            None => Ok(tally),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_the_median_of_its_rounds() {
        let round = |rps| Round {
            rps,
            p50_us: 1.0,
            p99_us: 2.0,
            cpu_us: None,
            rss_mib: Some(rps / 10.0),
        };
        let row = Row {
            name: PLAIN,
            build: Build::Current,
            connections: 32,
            rounds: vec![round(100.0), round(300.0), round(110.0)],
            absent: None,
        };
        assert_eq!(row.median(|round| Some(round.rps)), Some(110.0));
        assert_eq!(row.median(|round| round.cpu_us), None);
        assert_eq!(row.median(|round| round.rss_mib), Some(11.0));
        assert_eq!(row.spread(), Some(200.0 / 110.0));
    }

    #[test]
    fn only_our_own_rows_have_a_baseline() {
        let ours: Vec<&str> = ROWS.into_iter().filter(|name| is_ours(name)).collect();
        assert_eq!(ours, ["chain_warm", "chain_cold", "gateway_warm", "gateway_cold"]);
        assert_eq!(label("chain_warm", Build::Baseline), "chain_warm (baseline)");
    }
}
