//! Changes the dynamic configuration under load. Checks that no request is lost, and measures what each change costs.
//!
//! Traefik rebuilds every middleware of every router at each change and leaves the old ones to Go's garbage collector.
//! In scope: the same routers without a plugin, with idle plugins and with ours, which separates Traefik's own cost
//! from that of the plugins. Out of scope: what a change does to keys and tokens (see the end-to-end tests).
//!
//! ```no_run
//! use measure::reloads::{Chain, Cost};
//!
//! let cost = Cost::of(Chain::ThreePlugins, 20).unwrap();
//! assert!(cost.requests.all_have_status(200), "{cost}");
//! ```

mod chain;
mod usage;

use std::fmt;
use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

pub use self::chain::Chain;
pub use self::usage::Usage;
use crate::soak::Figures;
use harness::gateway::Gateway;
use harness::load::{Load, LoadReport, get_with_bearer};
use harness::traefik::TraefikError;
use harness_build::guests::GuestError;

/// Routers in the configuration.
pub const ROUTERS: usize = 20;

/// What a number of reloads cost. `Display` formats a table row below [`Cost::HEAD`].
#[derive(Clone, Debug)]
pub struct Cost {
    /// The middlewares on each router.
    pub chain: Chain,
    /// The number of reloads.
    pub reloads: usize,
    /// The outcome of the requests during the reloads.
    pub requests: LoadReport,
    /// Usage before the first reload, after garbage collection.
    pub before: Usage,
    /// Usage after the last reload, after garbage collection.
    pub after: Usage,
    /// Calls to the identity provider's token endpoint and JWKS since Traefik started.
    pub idp_calls: (usize, usize),
}

/// Why a measurement failed.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The guests cannot be built.
    #[error(transparent)]
    Guest(#[from] GuestError),
    /// Traefik failed, or did not come back from a reload.
    #[error(transparent)]
    Traefik(#[from] TraefikError),
    /// A temporary file failed.
    #[error(
        "could not use the folder for temporary files: {0}; check that there is room and the rights there"
    )]
    Io(#[from] io::Error),
}

impl Cost {
    /// The header of the table.
    pub const HEAD: &'static str = "                                                                \
         RSS in MiB             per router and reload, for good\n\
         chain                           requests  errors  s/reload   p99  \
         before   peak  after    heap KiB  code KiB  descriptors";

    /// Starts a gateway, reloads it `reloads` times under load, and stops it. Failed requests are part of the result,
    /// not an error.
    ///
    /// # Errors
    /// See [`ReloadError`].
    pub fn of(chain: Chain, reloads: usize) -> Result<Self, ReloadError> {
        let plugins = tempfile::tempdir()?;
        let paths: Vec<String> = (0..ROUTERS).map(path).collect();
        let mut gateway = chain.gateway(&paths, plugins.path())?.start();
        let dynamic = fs::read_to_string(gateway.traefik.dir().join("dynamic/dynamic.yml"))?;
        let traffic = Traffic {
            url: gateway.traefik.url(),
            token: gateway.idcs.client_token().expires_in(chain::A_DAY).mint(),
        };

        traffic.once();
        reload(&mut gateway, &dynamic, WARM_UP)?;
        let before = Usage::collected(&gateway.traefik)?;
        let (begun, done) = (Instant::now(), AtomicBool::new(false));
        let (mut requests, outcome) = thread::scope(|scope| {
            let load = scope.spawn(|| traffic.until(&done));
            let outcome = reload(&mut gateway, &dynamic, reloads);
            done.store(true, Ordering::Relaxed);
            (
                load.join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                outcome,
            )
        });
        outcome?;
        requests.elapsed = begun.elapsed();
        Ok(Self {
            chain,
            reloads,
            requests,
            before,
            after: Usage::collected(&gateway.traefik)?,
            idp_calls: (gateway.idcs.token_calls(), gateway.idcs.jwks_calls()),
        })
    }

    /// Memory that is never freed, in KiB per router and reload: Go heap and machine code.
    pub fn memory_kib(&self) -> (f64, f64) {
        (
            self.each(self.before.heap_kib as f64, self.after.heap_kib as f64),
            self.each(self.before.code_kib as f64, self.after.code_kib as f64),
        )
    }

    /// Descriptors that are never closed, per router and reload.
    pub fn descriptors(&self) -> f64 {
        self.each(self.before.fds as f64, self.after.fds as f64)
    }

    fn each(&self, before: f64, after: f64) -> f64 {
        (after - before) / (self.reloads.max(1) * ROUTERS) as f64
    }

    /// The figures that are compared from run to run.
    pub fn figures(&self) -> Figures {
        let (idp_token_calls, idp_jwks_calls) = self.idp_calls;
        let responses = self.requests.responses();
        Figures {
            requests: responses + self.requests.errors,
            wrong_answers: responses - self.requests.with_status(200),
            errors_unexpected: self.requests.errors,
            idp_token_calls,
            idp_jwks_calls,
            rss_start_kib: self.before.rss_kib,
            rss_end_kib: self.after.rss_kib,
            fds_start: self.before.fds,
            fds_end: self.after.fds,
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = self.figures();
        let (heap, code) = self.memory_kib();
        write!(
            f,
            "{:<31} {:>8} {:>7} {:>9.2} {:>4.0}ms {:>6} {:>6} {:>6} {heap:>11.1} {code:>9.1} {:>12.2}",
            self.chain.label(),
            figures.requests,
            figures.wrong_answers + figures.errors_unexpected,
            self.requests.elapsed.as_secs_f64() / self.reloads.max(1) as f64,
            self.requests.p99().as_secs_f64() * 1000.0,
            self.before.rss_kib / 1024,
            self.after.peak_rss_kib / 1024,
            self.after.rss_kib / 1024,
            self.descriptors(),
        )
    }
}

fn reload(gateway: &mut Gateway, dynamic: &str, times: usize) -> Result<(), TraefikError> {
    (0..times).try_for_each(|_| gateway.traefik.write_dynamic(dynamic))
}

/// Sends requests to all routers in turn.
struct Traffic {
    url: String,
    token: String,
}

impl Traffic {
    fn until(&self, done: &AtomicBool) -> LoadReport {
        let mut report = self.once();
        while !done.load(Ordering::Relaxed) {
            report.absorb(self.once());
        }
        report
    }

    fn once(&self) -> LoadReport {
        const REQUESTS: usize = ROUTERS * 10;
        const CONNECTIONS: usize = 4; // more would slow the reloads down
        let token = self.token.clone();
        Load::to(&self.url)
            .requests(REQUESTS)
            .concurrency(CONNECTIONS)
            .timeout(Duration::from_secs(30))
            .run(move |index| get_with_bearer(&path(index % ROUTERS), &token))
    }
}

fn path(router: usize) -> String {
    format!("/r{router}")
}

/// Reloads before the first measurement, so that one-time costs are not measured.
const WARM_UP: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(statuses: &[(u16, usize)], errors: usize) -> Cost {
        let usage = |kib, fds| Usage {
            rss_kib: 1024 * kib,
            peak_rss_kib: 3 * 1024 * kib,
            heap_kib: kib,
            code_kib: 2 * kib,
            fds,
        };
        Cost {
            chain: Chain::ThreePlugins,
            reloads: 5,
            requests: LoadReport {
                statuses: statuses.iter().copied().collect(),
                errors,
                elapsed: Duration::from_secs(10),
                ..LoadReport::default()
            },
            before: usage(100, 50),
            after: usage(200, 450),
            idp_calls: (1, 2),
        }
    }

    #[test]
    fn what_stays_is_counted_per_router_and_reload() {
        let cost = cost(&[(200, 9)], 0);
        assert_eq!(cost.memory_kib(), (1.0, 2.0));
        assert_eq!(cost.descriptors(), 4.0);
        let row = cost.to_string();
        let row: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(
            row,
            [
                "our", "3", "plugins", "9", "0", "2.00", "0ms", "100", "600", "200", "1.0", "2.0", "4.00"
            ]
        );
    }

    #[test]
    fn an_answer_that_is_not_the_backends_is_wrong_and_none_is_an_error() {
        let figures = cost(&[(200, 9), (404, 2), (500, 1)], 4).figures();
        assert_eq!(
            (figures.requests, figures.wrong_answers, figures.errors_unexpected),
            (16, 3, 4)
        );
    }
}
