//! The identity provider is unreachable, refuses requests, or sends invalid answers, both at Traefik's start and later.

use std::time::{Duration, Instant};

use harness::faults::Fault;
use harness::gateway::Gateway;
use harness::idcs::{Endpoint, Idcs, IdcsHandle};
use serde_json::Value;

use super::{Refusal, published_by, routes, with, within};

/// The time until the gateway serves again after the provider is back.
const BACK_WITHIN: Duration = Duration::from_secs(2);
/// Slack for an attempt that hangs, and for a busy machine.
const SLACK: Duration = Duration::from_secs(5);

/// A way in which the provider fails.
struct Trouble {
    path: &'static str,
    /// What the log says about this failure.
    log: &'static str,
    begin: fn(&IdcsHandle),
}

const TROUBLES: [Trouble; 13] = [
    trouble("/refused", "connection refused", |idcs| idcs.down(Fault::Refuse)),
    trouble("/silent", DEADLINE, |idcs| idcs.down(Fault::HangInHandshake)),
    trouble("/untrusted", "certificate", |idcs| {
        idcs.down(Fault::UntrustedCertificate)
    }),
    trouble("/closed", "Configure client access", close),
    trouble("/hanging", DEADLINE, |idcs| {
        idcs.down_at(Endpoint::Jwks, Fault::Hang)
    }),
    trouble("/dripping", DEADLINE, |idcs| {
        idcs.down_at(Endpoint::Jwks, Fault::SlowDrip(Duration::from_millis(50)));
    }),
    trouble("/html-503", "status 503", |idcs| {
        idcs.down_at(Endpoint::Jwks, Fault::Status(503))
    }),
    trouble("/html-200", NO_KEY_SET, |idcs| {
        idcs.down_at(Endpoint::Jwks, Fault::Html)
    }),
    trouble("/invalid-json", NO_KEY_SET, |idcs| {
        idcs.down_at(Endpoint::Jwks, Fault::InvalidJson)
    }),
    trouble("/no-keys", NO_KEY_SET, |idcs| {
        idcs.down_at(Endpoint::Jwks, Fault::Incomplete)
    }),
    trouble("/truncated", "closed before", |idcs| {
        idcs.down_at(Endpoint::Jwks, Fault::TruncatedBody)
    }),
    trouble("/oversized", "larger than", |idcs| {
        idcs.down_at(Endpoint::Jwks, Fault::OversizedBody)
    }),
    trouble("/redirecting", "redirect", |idcs| {
        idcs.down_at(Endpoint::Jwks, Fault::Redirect(idcs.url() + "/elsewhere"));
    }),
];

const DEADLINE: &str = "the deadline passed";
const NO_KEY_SET: &str = "not a JSON Web Key Set";

const fn trouble(path: &'static str, log: &'static str, begin: fn(&IdcsHandle)) -> Trouble {
    Trouble { path, log, begin }
}

fn close(idcs: &IdcsHandle) {
    idcs.set(|switches| switches.jwks_public = false);
}

impl Trouble {
    /// Returns the options. An attempt that hangs should end soon. The other failures are immediate, unless the machine
    /// is busy.
    fn options(&self, idcs: &IdcsHandle) -> Value {
        let mut options = published_by(idcs);
        let timeout = if self.log == DEADLINE { 1 } else { 10 };
        options["clientConfig"]["timeoutSeconds"] = timeout.into();
        options
    }

    fn end(idcs: &IdcsHandle) {
        idcs.up();
        idcs.set(|switches| switches.jwks_public = true);
    }
}

#[test]
fn traefik_starts_without_the_identity_provider_and_serves_soon_after_it_is_back() {
    // Each failure has its own provider and its own router.
    let providers: Vec<Idcs> = TROUBLES.iter().map(|_| Idcs::start()).collect();
    let table: Vec<(&str, Value)> = TROUBLES
        .iter()
        .zip(&providers)
        .map(|(trouble, idcs)| {
            (trouble.begin)(idcs);
            (trouble.path, trouble.options(idcs))
        })
        .collect();
    let gateway = routes(Idcs::start(), &table).start();
    std::thread::scope(|scope| {
        for (trouble, idcs) in TROUBLES.iter().zip(&providers) {
            let gateway = &gateway;
            scope.spawn(move || assert_outage_and_recovery(gateway, trouble, idcs));
        }
    });
    assert_eq!(gateway.oic.requests_count(), TROUBLES.len());
}

fn assert_outage_and_recovery(gateway: &Gateway, trouble: &Trouble, idcs: &Idcs) {
    let path = trouble.path;
    let good = idcs.client_token().mint();
    let send = |token: &str| gateway.get(path).bearer(token).send().unwrap();
    let wrong = [
        "garbage".to_owned(),
        idcs.client_token().expired().mint(),
        idcs.client_token().unsigned().mint(),
    ];
    for _ in 0..3 {
        Refusal::IDENTITY_PROVIDER_UNAVAILABLE.assert(path, &send(&good));
        for token in &wrong {
            Refusal::INVALID_TOKEN.assert(path, &send(token));
        }
        Refusal::MISSING_TOKEN.assert(path, &gateway.get(path).send().unwrap());
    }
    let log = gateway.traefik.log();
    let url = idcs.jwks_url();
    let told = log
        .lines()
        .find(|line| line.contains("code=fetch.failed") && line.contains(&url));
    assert!(
        told.is_some_and(|line| line.contains(trouble.log)),
        "{path}: {told:?}"
    );

    Trouble::end(idcs);
    within(BACK_WITHIN + SLACK, path, || {
        let answer = send(&good);
        if answer.status != 200 {
            Refusal::IDENTITY_PROVIDER_UNAVAILABLE.assert(path, &answer);
        }
        (answer.status == 200).then_some(())
    });
    for token in &wrong {
        Refusal::INVALID_TOKEN.assert(path, &send(token));
    }
}

#[test]
fn while_the_keys_are_fresh_nothing_changes_without_the_identity_provider() {
    let idcs = Idcs::start();
    let options = with(published_by(&idcs), "refetchIntervalSeconds", 1);
    let mut gateway = routes(idcs, &[("/api", options)]).start();
    let good = gateway.idcs.client_token().mint();
    assert_eq!(gateway.get("/api").bearer(&good).send().unwrap().status, 200);

    for trouble in &TROUBLES {
        (trouble.begin)(&gateway.idcs);
        assert_serves(&gateway, trouble.path);
        Trouble::end(&gateway.idcs);
    }
    assert_eq!(gateway.idcs.jwks_calls(), 1, "only the fetch at the start");

    // A restart makes no difference, because the keys are in the state directory.
    gateway.idcs.down(Fault::Refuse);
    gateway.traefik.restart().unwrap();
    assert_serves(&gateway, "restarted");
    assert_eq!(gateway.idcs.jwks_calls(), 1, "still only the fetch at the start");
}

fn assert_serves(gateway: &Gateway, case: &str) {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                // Use a new token each time, so that the plugin verifies it and does not take the result from its
                // cache.
                for _ in 0..3 {
                    let token = gateway.idcs.client_token().mint();
                    let answer = gateway.get("/api").bearer(&token).send().unwrap();
                    assert_eq!(answer.status, 200, "{case}: {}", answer.text());
                }
                let expired = gateway.idcs.client_token().expired().mint();
                let answer = gateway.get("/api").bearer(&expired).send().unwrap();
                Refusal::INVALID_TOKEN.assert(case, &answer);
            });
        }
    });
}

#[test]
fn forged_tokens_during_an_outage_neither_pass_nor_hold_up_good_ones() {
    let idcs = Idcs::start();
    let options = with(published_by(&idcs), "refetchIntervalSeconds", 1);
    let gateway = routes(idcs, &[("/api", options)]).start();
    let good = gateway.idcs.client_token().mint();
    assert_eq!(gateway.get("/api").bearer(&good).send().unwrap().status, 200);
    gateway.idcs.down(Fault::HangInHandshake);
    let begun = Instant::now();
    let over = || begun.elapsed() > Duration::from_secs(4);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !over() {
                    let forged = gateway.idcs.client_token().signed_by_another_key().mint();
                    let answer = gateway.get("/api").bearer(&forged).send().unwrap();
                    Refusal::INVALID_TOKEN.assert("forged", &answer);
                }
            });
        }
        let slowest = scope.spawn(|| {
            let mut slowest = Duration::ZERO;
            while !over() {
                let sent = Instant::now();
                let token = gateway.idcs.client_token().mint();
                assert_eq!(gateway.get("/api").bearer(&token).send().unwrap().status, 200);
                slowest = slowest.max(sent.elapsed());
            }
            slowest
        });
        let slowest = slowest.join().unwrap();
        assert!(
            slowest < Duration::from_millis(2500),
            "a good token waited {slowest:?}"
        );
    });
}

/// A state of the provider, and whether keys can be fetched in that state.
type State = (&'static str, fn(&IdcsHandle), bool);

const STATES: [State; 5] = [
    ("well", |_| {}, true),
    (
        "busy",
        |idcs| idcs.down_at(Endpoint::Jwks, Fault::Status(503)),
        false,
    ),
    ("closed", close, false),
    ("garbled", |idcs| idcs.down_at(Endpoint::Jwks, Fault::Html), false),
    ("hanging", |idcs| idcs.down_at(Endpoint::Jwks, Fault::Hang), false),
];

/// Returns how many key fetches forged tokens may cause in `seconds`.
fn most_calls(seconds: f64, interval: Option<u32>, is_well: bool) -> usize {
    const PAUSES: [u32; 5] = [3, 6, 12, 24, 30];
    let mut at = 0.0;
    let mut calls = 0;
    let mut failures = 0;
    while at <= seconds {
        let pause = match interval {
            Some(interval) => interval,
            None if is_well => PAUSES[0],
            None => PAUSES[failures.min(PAUSES.len() - 1)],
        };
        failures += 1;
        calls += 1;
        at += f64::from(pause);
    }
    calls
}

#[test]
fn forged_tokens_cost_few_calls_and_get_401_in_whatever_state_the_provider_is() {
    const LENGTH: Duration = Duration::from_secs(15);
    let cases: Vec<(State, Option<u32>, Idcs)> = STATES
        .into_iter()
        .flat_map(|state| [None, Some(10)].map(|interval| (state, interval, Idcs::start())))
        .collect();
    let paths: Vec<String> = cases
        .iter()
        .map(|((name, ..), interval, _)| format!("/{name}-{}", interval.unwrap_or_default()))
        .collect();
    let table: Vec<(&str, Value)> = paths
        .iter()
        .zip(&cases)
        .map(|(path, (_, interval, idcs))| {
            let mut options = published_by(idcs);
            if let Some(interval) = interval {
                options["refetchIntervalSeconds"] = (*interval).into();
            }
            (path.as_str(), options)
        })
        .collect();
    let gateway = routes(Idcs::start(), &table).start();
    for (path, (.., idcs)) in paths.iter().zip(&cases) {
        let good = idcs.client_token().mint();
        assert_eq!(
            gateway.get(path).bearer(&good).send().unwrap().status,
            200,
            "{path}"
        );
    }
    for ((_, begin, _), _, idcs) in &cases {
        begin(idcs);
        idcs.forget_records();
    }
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for (path, (.., idcs)) in paths.iter().zip(&cases) {
            let send = |token: &str| gateway.get(path).bearer(token).send().unwrap();
            let pause = || std::thread::sleep(Duration::from_millis(50));
            for kid in [idcs.signing_key().kid(), "another", "another", "third"] {
                let forged = idcs
                    .client_token()
                    .signed_by_another_key()
                    .header("kid", kid)
                    .mint();
                scope.spawn(move || {
                    while begun.elapsed() < LENGTH {
                        Refusal::INVALID_TOKEN.assert(path, &send(&forged));
                        pause();
                    }
                });
            }
            scope.spawn(move || {
                while begun.elapsed() < LENGTH {
                    let sent = Instant::now();
                    let token = idcs.client_token().mint();
                    assert_eq!(send(&token).status, 200, "{path}");
                    let waited = sent.elapsed();
                    assert!(
                        waited < Duration::from_millis(2500),
                        "{path}: a good token waited {waited:?}"
                    );
                    pause();
                }
            });
        }
    });
    let seconds = begun.elapsed().as_secs_f64();
    for (path, ((_, _, is_well), interval, idcs)) in paths.iter().zip(&cases) {
        let (calls, most) = (idcs.jwks_calls(), most_calls(seconds, *interval, *is_well));
        println!("{path}: {calls} calls of at most {most} in {seconds:.1} s");
        assert!(
            (1..=most).contains(&calls),
            "{path}: {calls} calls of at most {most}"
        );
    }
}
