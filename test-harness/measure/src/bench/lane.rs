//! A row's gateway process, which stays up from round to round.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;

use super::error::BenchError;
use super::generator::Generator;
use super::load::Load;
use super::peer::{Peer, PeerError, envoy, haproxy};
use super::policy::{Effect, Policy};
use super::requests::{Once, Repeated, TokenStore};
use super::row::{Round, Row};
use super::settings::Bench;
use super::site::{Gateway, Site, Variation, path};
use super::spec::{Build, FEW, Spec, Tokens, What, label};
use harness::process::Process;

/// Tokens that were signed beforehand.
#[derive(Default)]
pub(super) struct Stock {
    /// Tokens that are sent over and over.
    known: TokenStore,
    /// Tokens that no process gets twice.
    new: TokenStore,
}

impl Stock {
    /// The tokens that a row's requests repeat.
    pub(super) fn known(&mut self, site: &Site, spec: &Spec) -> &[String] {
        let count = match spec.tokens {
            Tokens::Many(count) => count,
            Tokens::Few | Tokens::New => FEW,
        };
        self.known.take(&site.idcs, 0, count)
    }
}

/// A gateway, its requests, and what it has seen so far.
pub(super) struct Lane {
    spec: Spec,
    build: Build,
    target: Target,
    known: Repeated,
    /// The request's path and query.
    path: String,
    /// How many new tokens this process has seen.
    seen: usize,
    /// Requests per second in the last round, by number of connections.
    rates: HashMap<usize, f64>,
}

enum Target {
    Backend(SocketAddr),
    Traefik(Gateway),
    Peer(Peer),
    Absent(&'static str),
}

impl Lane {
    /// Starts the gateway, and checks that it does what it is measured for.
    pub(super) fn start(
        spec: &Spec,
        build: Build,
        site: &Site,
        plugins: &Path,
        known: &[String],
    ) -> Result<Self, BenchError> {
        let path = spec.extras.target(&path(0));
        let target = match spec.target {
            What::Backend => Target::Backend(site.backend.address()),
            What::Traefik(policy) => Target::traefik(spec, policy, site, plugins)?,
            What::Envoy { cache } => Target::peer(envoy::start(&site.errand(), cache), site)?,
            What::Haproxy => Target::peer(haproxy::start(&site.errand()), site)?,
        };
        Ok(Self {
            spec: *spec,
            build,
            target,
            known: Repeated::new(std::slice::from_ref(&path), known),
            path,
            seen: 0,
            rates: HashMap::new(),
        })
    }

    /// A row for the results, without any yet.
    pub(super) fn row(&self, connections: usize) -> Row {
        Row {
            name: self.spec.name,
            build: self.build,
            connections,
            rounds: Vec::new(),
            absent: match self.target {
                Target::Absent(reason) => Some(reason.to_owned()),
                _ => None,
            },
        }
    }

    /// Whether these are results of this lane.
    pub(super) fn is_of(&self, row: &Row) -> bool {
        (row.name, row.build) == (self.spec.name, self.build)
    }

    /// Measures one round. `None` if the gateway is absent.
    pub(super) fn round(
        &mut self,
        bench: &Bench,
        site: &Site,
        stock: &mut Stock,
        connections: usize,
    ) -> Result<Option<Round>, BenchError> {
        let Some((address, process)) = self.target.place()? else {
            return Ok(None);
        };
        let mut load = Load {
            generator: Generator::connect(address, connections)?,
            what: format!(
                "{} with {connections} connections",
                label(self.spec.name, self.build)
            ),
        };
        let rate = self.rates.get(&connections).copied();
        match rate {
            Some(_) => load.resume(&mut self.known)?,
            None => load.warm_up(&mut self.known, bench.round)?,
        }
        let round = match self.spec.tokens {
            Tokens::New => self.round_of_new(bench, site, stock, &mut load, (connections, rate), process)?,
            Tokens::Few | Tokens::Many(_) => load.measured(&mut self.known, bench.round, process)?,
        };
        self.rates.insert(connections, round.rps);
        Ok(Some(round))
    }

    /// Measures a round in which every request has a new token.
    fn round_of_new(
        &mut self,
        bench: &Bench,
        site: &Site,
        stock: &mut Stock,
        load: &mut Load,
        (connections, rate): (usize, Option<f64>),
        process: Option<Process>,
    ) -> Result<Round, BenchError> {
        let rate = match rate {
            Some(rate) => rate,
            None => {
                let few = stock.new.take(&site.idcs, self.seen, 200.max(connections * 4));
                let mut once = Once::new(&self.path, few);
                let rate = load.run(&mut once, bench.round)?.per_second();
                self.seen += once.used();
                rate
            }
        };
        // If the tokens run out, the round ends early and still counts.
        let count = (rate * bench.round.as_secs_f64() * 1.25) as usize + connections;
        let new = stock.new.take(&site.idcs, self.seen, count);
        let mut once = Once::new(&self.path, new);
        let round = load.measured(&mut once, bench.round, process)?;
        self.seen += once.used();
        Ok(round)
    }
}

impl Target {
    fn traefik(spec: &Spec, policy: Policy, site: &Site, plugins: &Path) -> Result<Self, BenchError> {
        let variation = Variation {
            options: spec.extras.options(),
            ..Variation::default()
        };
        let gateway = site.traefik(policy, plugins, &variation)?;
        let address = gateway.address()?;
        let effect = Effect {
            names_caller: spec.extras.claims,
            ..policy.effect()
        };
        site.check(address, &spec.extras.target(&path(0)), effect)?;
        if spec.extras.authorize {
            site.check_denial(address)?;
        }
        Ok(Self::Traefik(gateway))
    }

    /// Checks a peer that was started. If it is not available, its rows say so.
    fn peer(started: Result<Peer, PeerError>, site: &Site) -> Result<Self, BenchError> {
        const FULL: Effect = Effect {
            wants_token: true,
            rewrites: true,
            hides_token: true,
            names_caller: false,
        };
        match started {
            Ok(peer) => {
                site.check(peer.address(), &path(0), FULL)?;
                Ok(Self::Peer(peer))
            }
            Err(error) => {
                eprintln!("bench: a row is left out: {error}");
                Ok(Self::Absent("not measured"))
            }
        }
    }

    /// The address to call and the process to watch. `None` if the target is absent.
    fn place(&self) -> Result<Option<(SocketAddr, Option<Process>)>, BenchError> {
        Ok(match self {
            Self::Backend(address) => Some((*address, None)),
            Self::Traefik(gateway) => Some((gateway.address()?, Some(gateway.process()?))),
            Self::Peer(peer) => Some((peer.address(), Some(peer.process()))),
            Self::Absent(_) => None,
        })
    }
}
