//! How cost grows with the number of routers, distinct tokens, keys in the issuer's set, and rewrite rules.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Value, json};

use super::error::BenchError;
use super::generator::Generator;
use super::load::Load;
use super::policy::Policy;
use super::requests::{Repeated, sign};
use super::server::{Answer, Server, ok};
use super::settings::Bench;
use super::site::{Site, Variation, path};
use super::spec::FEW;
use super::watch::Watch;
use harness::gateway::{INTEGRATION, JWT, PATH_REWRITE};

/// Measurements with a growing number of one thing.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// What grows.
    pub(super) name: &'static str,
    /// The file of its chart.
    pub(super) file: &'static str,
    pub(super) points: Vec<Point>,
}

/// Figures of the three plugins with `count` of it: 32 connections, tokens seen before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) count: usize,
    pub(super) rps: f64,
    /// Traefik's CPU time in microseconds per request.
    pub(super) cpu_us: f64,
    pub(super) rss_mib: f64,
}

const CONNECTIONS: usize = 32;

pub(super) fn measure(bench: &Bench, site: &Site, watch: &Watch<'_>) -> Result<Vec<Series>, BenchError> {
    let at = |what, count| watch.at(&format!("growth: {count} {what}"));
    let few = sign(&site.idcs, FEW);

    let mut routers = Series::new("routers", "growth-routers.svg");
    for count in [1, 10, 50, 100, 200] {
        at(routers.name, count)?;
        let variation = Variation {
            routers: count,
            ..Variation::default()
        };
        let paths: Vec<String> = (0..count).map(path).collect();
        routers
            .points
            .push(point(bench, site, count, &variation, &paths, &few)?);
    }

    let one_path = [path(0)];
    let mut tokens = Series::new("distinct tokens", "growth-tokens.svg");
    for count in [1, 10, 100, 1000, 10_000] {
        at(tokens.name, count)?;
        let many = sign(&site.idcs, count);
        tokens.points.push(point(
            bench,
            site,
            count,
            &Variation::default(),
            &one_path,
            &many,
        )?);
    }

    let mut keys = Series::new("keys in the JWK Set", "growth-keys.svg");
    for count in [1, 2, 10, 25, 50] {
        at(keys.name, count)?;
        let issuer = KeyServer::start(site, count)?;
        let variation = Variation {
            options: json!({ JWT: { "jwksUrl": format!("http://{}/jwk", issuer.address()), "clientConfig": null } }),
            ..Variation::default()
        };
        keys.points
            .push(point(bench, site, count, &variation, &one_path, &few)?);
    }

    let mut rules = Series::new("rewrite rules", "growth-rules.svg");
    for count in [1, 10, 100, 250, 500] {
        at(rules.name, count)?;
        let variation = Variation {
            options: json!({ PATH_REWRITE: { "rules": rewrite_rules(count), "regex": null, "replacement": null } }),
            ..Variation::default()
        };
        rules
            .points
            .push(point(bench, site, count, &variation, &one_path, &few)?);
    }
    Ok(vec![routers, tokens, keys, rules])
}

impl Series {
    fn new(name: &'static str, file: &'static str) -> Self {
        let points = Vec::new();
        Self { name, file, points }
    }
}

fn point(
    bench: &Bench,
    site: &Site,
    count: usize,
    variation: &Variation,
    paths: &[String],
    tokens: &[String],
) -> Result<Point, BenchError> {
    let gateway = site.traefik(Policy::Three, &site.plugins, variation)?;
    for path in [paths.first(), paths.last()].into_iter().flatten() {
        site.check(gateway.address()?, path, Policy::Three.effect())?;
    }
    let mut requests = Repeated::new(paths, tokens);
    let mut load = Load {
        generator: Generator::connect(gateway.address()?, CONNECTIONS)?,
        what: format!("growth with {count}"),
    };
    load.warm_up(&mut requests, bench.round)?;
    let round = load.measured(
        &mut requests,
        bench.round.max(Duration::from_millis(500)),
        Some(gateway.process()?),
    )?;
    Ok(Point {
        count,
        rps: round.rps,
        cpu_us: round.cpu_us.unwrap_or_default(),
        rss_mib: round.rss_mib.unwrap_or_default(),
    })
}

/// Makes rewrite rules of which only the last one matches the requests.
fn rewrite_rules(count: usize) -> Value {
    (1..count)
        .map(|number| format!("^/orders{number}(/.*)?$"))
        .chain(["^/[a-z0-9]+(/.*)?$".to_owned()])
        .map(|regex| json!({ "regex": regex, "replacement": format!("{INTEGRATION}$1") }))
        .collect()
}

/// Serves a JWK Set in which the issuer's own key comes last.
struct KeyServer(Server);

struct Document(Vec<u8>);

impl Answer for Document {
    fn answer(&mut self, _: &[u8]) -> Option<&[u8]> {
        Some(&self.0)
    }
}

impl KeyServer {
    fn start(site: &Site, count: usize) -> io::Result<Self> {
        let others = (1..count).map(|number| stranger(&format!("stranger-{number}")));
        let keys: Vec<Value> = others.chain([site.idcs.signing_key().jwk()]).collect();
        let document = ok("application/json", &json!({ "keys": keys }).to_string());
        Server::start(Document(document)).map(Self)
    }

    fn address(&self) -> SocketAddr {
        self.0.address()
    }
}

/// Makes a public RSA key without a private key. Any odd number of 2048 bits is good enough as a modulus, because the
/// verifier never uses it.
fn stranger(kid: &str) -> Value {
    let mut modulus = [0; 256];
    SystemRandom::new()
        .fill(&mut modulus)
        .expect("the system has entropy");
    let [first, .., last] = &mut modulus;
    *first |= 0x80;
    *last |= 1;
    json!({ "kty": "RSA", "kid": kid, "alg": "RS256", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode(modulus) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_rule_matches() {
        let rules = rewrite_rules(3);
        let regexes: Vec<&str> = rules
            .as_array()
            .unwrap()
            .iter()
            .map(|rule| rule["regex"].as_str().unwrap())
            .collect();
        assert_eq!(
            regexes,
            ["^/orders1(/.*)?$", "^/orders2(/.*)?$", "^/[a-z0-9]+(/.*)?$"]
        );
    }

    #[test]
    fn strangers_look_like_keys() {
        let key = stranger("x");
        let modulus = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
        assert_eq!((modulus.len(), modulus[0] >> 7, modulus[255] & 1), (256, 1, 1));
        assert_ne!(stranger("x")["n"], key["n"]);
    }
}
