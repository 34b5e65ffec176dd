//! Short exercises, each with a figure and a goal, for an otherwise idle machine: a cold burst, its effect on other
//! routers, and the highest rate with short-lived tokens.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use harness::client::Client;
use harness::gateway::Gateway;
use harness::idcs::Idcs;
use harness::load::{Load, get_with_bearer};
use harness::oic::Oic;

/// The result of a drill.
#[derive(Clone, Debug)]
pub struct Drill {
    /// What the drill did.
    pub title: String,
    /// Figures with their goals, and whether each goal was met.
    pub figures: Vec<(String, bool)>,
}

impl Drill {
    /// Whether every goal was met.
    pub fn passed(&self) -> bool {
        self.figures.iter().all(|(_, met)| *met)
    }
}

impl fmt::Display for Drill {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", self.title)?;
        for (figure, met) in &self.figures {
            writeln!(out, "  {}  {figure}", if *met { "ok    " } else { "MISSED" })?;
        }
        Ok(())
    }
}

const ROUTERS: [&str; 4] = ["/a", "/b", "/c", "/d"];
const CLIENTS: usize = 256;

/// Sends 256 first requests at once to four routers with three plugins each.
pub fn cold_burst() -> Drill {
    let latency = Duration::from_millis(100);
    let gateway = cold(latency);
    let report = gateway.burst(&ROUTERS, CLIENTS);
    let (keys, tokens) = (gateway.idcs.jwks_calls(), gateway.idcs.token_calls());
    let goal = latency + Duration::from_millis(500);
    Drill {
        title: format!(
            "cold burst of {CLIENTS} on 4 routers, the provider takes {latency:?} for each answer"
        ),
        figures: vec![
            (format!("{report}"), report.all_have_status(200)),
            (
                format!("slowest request {:?}, at most {goal:?}", report.max()),
                report.max() <= goal,
            ),
            (
                format!("{keys} JWKS call and {tokens} token call, 1 of each"),
                (keys, tokens) == (1, 1),
            ),
        ],
    }
}

/// Measures a router without plugins while 256 requests wait a second for the provider.
pub fn waiting() -> Drill {
    let gateway = cold(Duration::from_secs(1));
    let over = AtomicBool::new(false);
    let (report, mut beside) = thread::scope(|scope| {
        let beside = scope.spawn(|| plain_latencies(&gateway, &over));
        let report = gateway.burst(&ROUTERS, CLIENTS);
        over.store(true, Ordering::SeqCst);
        (report, beside.join().unwrap_or_default())
    });
    beside.sort_unstable();
    let p99 = beside
        .get(beside.len() * 99 / 100)
        .copied()
        .unwrap_or(Duration::MAX);
    let goal = Duration::from_millis(50);
    Drill {
        title: format!("{CLIENTS} requests wait a second for keys, and a second for the token"),
        figures: vec![
            (format!("{report}"), report.all_have_status(200)),
            (
                format!(
                    "a router without plugins meanwhile: {} requests, p99 {p99:?}, at most {goal:?}",
                    beside.len()
                ),
                p99 <= goal,
            ),
        ],
    }
}

fn plain_latencies(gateway: &Gateway, over: &AtomicBool) -> Vec<Duration> {
    let (client, url) = (Client::plain(), gateway.url("/plain"));
    let mut latencies = Vec::new();
    while !over.load(Ordering::SeqCst) {
        let begun = Instant::now();
        // The service behind this router answers 418. Only the time matters here.
        if client.get(&url).send().is_ok_and(|answer| answer.status == 418) {
            latencies.push(begun.elapsed());
        }
    }
    latencies
}

/// Sends as many requests as the machine can take, with tokens that last two seconds.
pub fn steady(length: Duration) -> Drill {
    let idcs = Idcs::builder().set(|switches| switches.default_ttl = 2).start();
    let gateway = Gateway::in_front_of(idcs)
        .oic(|idcs| Oic::builder(idcs).plain_http().start())
        .traefik(quiet)
        .start();
    let (mut requests, mut errors, mut batches) = (0, 0, Vec::new());
    let begun = Instant::now();
    while begun.elapsed() < length {
        let token = gateway.idcs.client_token().expires_in(3600).mint();
        let report = Load::to(&gateway.traefik.url())
            .requests(5_000)
            .concurrency(64)
            .run(move |_| get_with_bearer("/echo/steady", &token));
        requests += report.responses();
        errors += report.errors + report.responses() - report.with_status(200);
        batches.push(report.p99());
    }
    let seconds = begun.elapsed().as_secs_f64();
    batches.sort_unstable();
    let p99 = batches.get(batches.len() / 2).copied().unwrap_or_default();
    let (expired, foreign) = (
        gateway.oic.expired_tokens_seen(),
        gateway.oic.foreign_tokens_seen(),
    );
    let calls = gateway.idcs.token_calls();
    // A refresh is due after 1.5 s at the earliest. The gateway fetched the first token at the start.
    let most = (seconds / 1.5).ceil() + 1.0;
    Drill {
        title: format!("{seconds:.0} s at the highest rate, 64 connections, tokens of 2 s"),
        figures: vec![
            (
                format!(
                    "{requests} requests, {:.0} a second, p99 {p99:?}; {errors} errors",
                    requests as f64 / seconds
                ),
                errors == 0,
            ),
            (
                format!("{expired} expired and {foreign} foreign tokens at the backend"),
                expired + foreign == 0,
            ),
            (
                format!("{calls} token calls, at most {most:.0}"),
                calls as f64 <= most,
            ),
        ],
    }
}

fn cold(latency: Duration) -> Gateway {
    let gateway = Gateway::builder()
        .oic(|idcs| Oic::builder(idcs).plain_http().start())
        .routers(&ROUTERS)
        .http(json!({
            "routers": { "plain": { "rule": "Path(`/plain`)", "entryPoints": ["web"], "service": "noop@internal" } },
        }))
        .traefik(quiet)
        .start_cold();
    gateway.idcs.answer_after(latency);
    gateway
}

/// At level DEBUG, Traefik writes more log than responses.
fn quiet(traefik: harness::traefik::TraefikBuilder) -> harness::traefik::TraefikBuilder {
    traefik.static_patch(json!({ "log": { "level": "INFO" } }))
}
