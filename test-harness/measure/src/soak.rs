//! `soak`: a real Traefik under mixed traffic for minutes while everything around it fails in turn. Every answer is
//! judged by rules that a client could have written down beforehand.
//!
//! In scope: four routers that share the middlewares, sixteen clients, a disturbance every twenty seconds
//! ([`disturbance`]), the rules ([`expectation`]), the identity provider's calls ([`budget`]), and a report with a
//! chart. [`drills`] are short exercises with a figure and a goal each. Out of scope: each failure on its own, which
//! the end-to-end tests cover.
//!
//! ```no_run
//! use std::time::Duration;
//! use measure::soak::Soak;
//!
//! let report = Soak::lasting(Duration::from_secs(60)).run().unwrap();
//! assert_eq!(report.failures(), Vec::<String>::new(), "{report}");
//! ```

mod budget;
mod chaos;
mod connection;
mod disturbance;
mod drawing;
pub mod drills;
mod expectation;
mod limits;
mod report;
mod request;
mod sample;
mod tally;
mod timeline;
mod traffic;
mod wallet;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, TryLockError, mpsc};
use std::thread::{self, ScopedJoinHandle};
use std::time::Duration;

use serde_json::{Value, json};

use self::chaos::Chaos;
use self::disturbance::{Planned, plan};
use self::limits::{PATIENCE, REFETCH_INTERVAL, TIMEOUT, TOKEN_LIFETIME};
pub use self::report::{Figures, Report};
use self::request::ROUTES;
use self::sample::{Process, Sample};
use self::tally::Tally;
use self::timeline::Timeline;
use self::traffic::Traffic;
use harness::gateway::{Gateway, GatewayBuilder};
use harness::idcs::{Idcs, IdcsHandle, Resource};
use harness::keys::SigningKey;
use harness::load::percentile;
use harness::oic::Oic;
use harness::server::runtime;
use harness::traefik::TraefikError;

/// A soak run.
#[derive(Clone, Debug)]
pub struct Soak {
    length: Duration,
    pause: Duration,
    interrupted: Arc<AtomicBool>,
}

impl Soak {
    /// Creates a run of this length.
    pub fn lasting(length: Duration) -> Self {
        Self {
            length,
            pause: Duration::from_secs(20),
            interrupted: Arc::default(),
        }
    }

    /// Sets the time between disturbances (20 seconds by default). If it is much shorter, the gateway cannot recover in
    /// time.
    pub fn disturbed_every(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    /// Returns a flag that ends the run early when it is set. The report covers the run up to then.
    pub fn interrupter(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.interrupted)
    }

    /// Builds the gateway for a run without starting it. `spoilt` overrides options of the `jwt` plugin (`null` removes
    /// one), so that a test can see a run fail.
    pub fn gateway(spoilt: &[(&str, Value)]) -> GatewayBuilder {
        let lifetime = u32::try_from(TOKEN_LIFETIME.as_secs()).unwrap_or(u32::MAX);
        let idcs = Idcs::builder()
            .set(|switches| switches.default_ttl = lifetime)
            .start();
        let client_config = json!({ "timeoutSeconds": TIMEOUT.as_secs() });
        let mut jwt = json!({
            "issuers": [idcs.issuer()],
            "audiences": [Resource::gateway_api().primary_audience],
            "requiredScopes": ["echo"],
            "refetchIntervalSeconds": REFETCH_INTERVAL.as_secs(),
            "clientConfig": client_config,
        });
        for (option, value) in spoilt {
            jwt[option] = value.clone();
        }
        Gateway::in_front_of(idcs)
            // TLS to the backend is Traefik's own and not tested here.
            .oic(|idcs| Oic::builder(idcs).plain_http().start())
            .jwt(jwt)
            .oauth(json!({ "clientConfig": client_config }))
            .routers(&ROUTES)
            // At level DEBUG, Traefik writes more log than responses.
            .traefik(|traefik| traefik.static_patch(json!({ "log": { "level": "INFO" } })))
    }

    /// Starts the gateway, runs, and stops everything.
    ///
    /// # Errors
    /// Fails if Traefik does not come back from a restart or a reload.
    pub fn run(&self) -> Result<Report, TraefikError> {
        self.run_on(Self::gateway(&[]).start())
    }

    /// Runs on a gateway that [`Soak::gateway`] built, and stops it.
    ///
    /// # Errors
    /// See [`Soak::run`].
    pub fn run_on(&self, gateway: Gateway) -> Result<Report, TraefikError> {
        let warm_up = Duration::from_secs(10).min(self.length / 3);
        let plan = plan(self.length, warm_up, self.pause);
        make_keys(&plan);
        let (idcs, oic) = (gateway.idcs.handle(), gateway.oic.handle());
        let timeline = Arc::new(Timeline::start());
        let traffic = Traffic {
            address: gateway.traefik.url().trim_start_matches("http://").to_owned(),
            idcs: idcs.clone(),
            timeline: Arc::clone(&timeline),
            tally: Arc::default(),
            stop: Arc::default(),
        };
        let gateway = Mutex::new(gateway);
        let (keep_going, stop) = mpsc::channel();
        let chaos = Chaos {
            gateway: &gateway,
            timeline: Arc::clone(&timeline),
            stop,
        };
        let clients = traffic.begin();
        let (samples, outcome) = thread::scope(|scope| {
            let chaos = scope.spawn(move || chaos.run(&plan));
            let watch = Watch {
                gateway: &gateway,
                idcs: &idcs,
                timeline: &timeline,
                tally: &traffic.tally,
            };
            let samples = watch.until(|| self.is_over(&timeline, &chaos));
            traffic.stop.store(true, Ordering::Relaxed);
            drop(keep_going);
            (samples, chaos.join())
        });
        outcome.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        runtime().block_on(async {
            for client in clients {
                // Clients end on their own within their patience. One that does not is left running until the process
                // ends.
                let _ = tokio::time::timeout(PATIENCE * 2, client).await;
            }
        });
        Ok(Report::new(
            warm_up,
            traffic.tally.counts(),
            samples,
            timeline.look(Clone::clone),
            oic.expired_tokens_seen(),
            oic.foreign_tokens_seen(),
        ))
    }

    fn is_over(&self, timeline: &Timeline, chaos: &ScopedJoinHandle<'_, Result<(), TraefikError>>) -> bool {
        // If the chaos thread ends long before the run, it has failed. Its error becomes the outcome of the run.
        let left = self.length.saturating_sub(timeline.now());
        let failed = chaos.is_finished() && left > self.pause + limits::RECOVERY * 3;
        left.is_zero() || failed || self.interrupted.load(Ordering::Relaxed)
    }
}

/// Makes the RSA keys in advance, because making one would delay a rotation. The first tenant's keys are numbered from
/// zero.
fn make_keys(plan: &[Planned]) {
    const RSA_BITS: usize = 2048;
    let rotations = plan.iter().filter(|planned| planned.what.is_rotation()).count();
    for index in 0..=rotations {
        SigningKey::rsa_cached(RSA_BITS, index);
    }
}

/// Samples everything once a second.
struct Watch<'r> {
    gateway: &'r Mutex<Gateway>,
    idcs: &'r IdcsHandle,
    timeline: &'r Timeline,
    tally: &'r Tally,
}

impl Watch<'_> {
    /// Takes samples and prints every tenth one to stderr.
    fn until(&self, is_over: impl Fn() -> bool) -> Vec<Sample> {
        const EVERY: Duration = Duration::from_secs(1);
        const TOLD: usize = 10;
        let mut samples = vec![self.sample()];
        let mut next = EVERY;
        while !is_over() {
            thread::sleep(next.saturating_sub(self.timeline.now()).min(EVERY));
            next = (next + EVERY).max(self.timeline.now());
            let sample = self.sample();
            if samples.len() % TOLD == 0 {
                self.tell(&sample, samples.get(samples.len() - TOLD));
            }
            samples.push(sample);
        }
        samples
    }

    fn sample(&self) -> Sample {
        let counts = self.tally.counts();
        let latencies = self.tally.take_latencies();
        Sample {
            at: self.timeline.now(),
            requests: counts.requests,
            wrong: counts.wrong,
            missing: counts.missing,
            explained: counts.explained,
            p50: percentile(&latencies, 50.0),
            p99: percentile(&latencies, 99.0),
            process: self.process(),
            token_calls: self.idcs.token_calls(),
            jwks_calls: self.idcs.jwks_calls(),
        }
    }

    fn process(&self) -> Option<Process> {
        let gateway = match self.gateway.try_lock() {
            Ok(gateway) => gateway,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(Process {
            pid: gateway.traefik.pid().ok()?,
            rss_kib: gateway.traefik.rss_kib().ok()?,
            fds: gateway.traefik.open_fds().ok()?,
        })
    }

    fn tell(&self, sample: &Sample, before: Option<&Sample>) {
        let (requests, since) = before.map_or((0, Duration::ZERO), |before| (before.requests, before.at));
        let rate = (sample.requests - requests) as f64 / (sample.at.saturating_sub(since)).as_secs_f64();
        let now = self.timeline.look(|facts| {
            let open = facts.windows.last().filter(|window| window.until.is_none());
            open.map_or("", |window| window.what.label())
        });
        let process = sample.process.map_or_else(
            || "Traefik busy".to_owned(),
            |process| format!("RSS {} MiB, {} fds", process.rss_kib / 1024, process.fds),
        );
        eprintln!(
            "{:>5.0} s  {} requests ({rate:.0}/s), {} wrong, {} unexpected, {} explained; p99 {:.0} ms; {process}; \
             calls: token {}, JWKS {}  {now}",
            sample.at.as_secs_f64(),
            sample.requests,
            sample.wrong,
            sample.missing,
            sample.explained,
            sample.p99.unwrap_or_default().as_secs_f64() * 1000.0,
            sample.token_calls,
            sample.jwks_calls,
        );
    }
}
