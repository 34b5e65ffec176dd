//! The provider refuses requests or does not answer.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use harness::faults::Fault;
use harness::gateway::Gateway;
use harness::idcs::{Application, Endpoint, Idcs, IdcsHandle, Resource, ScopeRefusal, Switches};
use serde_json::{Value, json};

use super::{Case, assert_refused, side_by_side};
use crate::support::{Deadline, plugin_lines};

#[test]
fn a_refusal_by_the_provider_is_the_gateways_trouble_and_asked_for_every_ten_seconds_only() {
    let unknown_scope = Resource::oic().full_scope("admin");
    let refusing = |name: &str, options: Value, change: fn(&mut Switches)| {
        let case = Case::new(name, options);
        case.idcs.set(change);
        case
    };
    let unchanged = |_: &mut Switches| {};
    let cases = [
        (
            refusing("secret", json!({ "clientSecret": WRONG_SECRET }), unchanged),
            "error: invalid_client",
        ),
        (
            refusing("client", json!({ "clientID": "nobody" }), unchanged),
            "error: invalid_client",
        ),
        (
            refusing(
                "post",
                json!({ "tokenEndpointAuthMethod": "client_secret_post" }),
                |switches| {
                    switches.post_body_auth = false;
                },
            ),
            "error: invalid_client",
        ),
        (
            refusing("scope", json!({ "scopes": [unknown_scope] }), unchanged),
            "error: invalid_scope",
        ),
        (
            refusing("unauthorized", json!({ "scopes": [unknown_scope] }), |switches| {
                switches.unauthorized_scope_error = ScopeRefusal::UnauthorizedClient;
            }),
            "error: unauthorized_client",
        ),
        (
            refusing("scopeless", json!({ "scopes": [] }), unchanged),
            "Required scope missing",
        ),
    ];
    // The time of the first call, which happens while Traefik starts.
    let first_calls: Vec<_> = cases
        .iter()
        .map(|(case, _)| {
            let idcs = case.idcs.handle();
            std::thread::spawn(move || just_before_the_first_call(&idcs))
        })
        .collect();
    let gateway = side_by_side(cases.iter().map(|(case, _)| case)).start();
    std::thread::scope(|scope| {
        for ((case, _), first_call) in cases.iter().zip(first_calls) {
            let gateway = &gateway;
            scope.spawn(move || {
                let first_call = first_call.join().unwrap();
                let answer = case.get(gateway);
                assert_refused(&case.name, &answer, 502, "identity_provider_refused", 10);
                if case.name == "secret" {
                    // Correct the secret at the provider.
                    let application = Application::new(Application::GATEWAY_ID, WRONG_SECRET);
                    case.idcs.register(application.granted(&Resource::oic()));
                }
                let within = Deadline::after(Duration::from_secs(20));
                while case.idcs.token_calls() < 2 {
                    let answer = case.get(gateway);
                    // Then one request tries again. On a busy machine, that can fail for another reason.
                    if first_call.elapsed() < Duration::from_secs(10) {
                        assert_refused(&case.name, &answer, 502, "identity_provider_refused", 10);
                    }
                    within.pause(&case.name);
                }
                let waited = first_call.elapsed();
                assert!(
                    waited >= Duration::from_secs(10),
                    "{} asked again after {waited:?}",
                    case.name
                );
            });
        }
    });
    let log = gateway.traefik.log();
    for (case, cause) in &cases {
        let told =
            plugin_lines(&log).any(|line| line.contains(&case.idcs.token_url()) && line.contains(cause));
        assert!(told, "{}: {cause} is not in the log", case.name);
    }
    assert_eq!(cases[0].0.get(&gateway).status, 200, "the secret is correct now");
}

/// Returns a time shortly before the first call to the token endpoint.
fn just_before_the_first_call(idcs: &IdcsHandle) -> Instant {
    let within = Deadline::after(Duration::from_secs(60));
    let mut before = Instant::now();
    loop {
        let look = Instant::now();
        if idcs.token_calls() > 0 {
            return before;
        }
        before = look;
        within.pause("the first call");
    }
}

const WRONG_SECRET: &str = "not-the-secret";

#[test]
fn an_outage_of_the_provider_is_a_503_in_time_and_over_soon_after_it_ends() {
    let elsewhere = Idcs::start();
    let failing = |name: &str, whole: bool, fault: Fault, cause: &'static str| {
        // The mock needs some time to generate ten megabytes.
        let timeout = if fault == Fault::OversizedBody { 5 } else { 1 };
        let case = Case::new(name, json!({ "clientConfig": { "timeoutSeconds": timeout } }));
        let asked = match &fault {
            Fault::TooManyRequests {
                retry_after: Some(seconds),
            } => seconds.parse().ok(),
            _ => None,
        };
        let outage = Outage {
            case,
            whole,
            fault,
            cause,
            asked,
            timeout,
        };
        outage.begin();
        outage
    };
    let at = |name: &str, fault: Fault, cause| failing(name, false, fault, cause);
    let everywhere = |name: &str, fault: Fault, cause| failing(name, true, fault, cause);
    let limited = |retry_after: Option<&str>| Fault::TooManyRequests {
        retry_after: retry_after.map(str::to_owned),
    };
    let late = "the deadline passed";
    let broken_off = "closed before the answer was complete";
    let outages = [
        everywhere("refusing", Fault::Refuse, "connection refused"),
        everywhere("hanging", Fault::Hang, late),
        everywhere("silent", Fault::HangInHandshake, late),
        everywhere(
            "untrusted",
            Fault::UntrustedCertificate,
            "an authority that is not trusted",
        ),
        at("breaking", Fault::Refuse, broken_off),
        at("hang", Fault::Hang, late),
        at("error500", Fault::Status(500), "status 500"),
        at("error502", Fault::Status(502), "status 502"),
        at("error503", Fault::Status(503), "status 503"),
        at("error504", Fault::Status(504), "status 504"),
        at("error404", Fault::Status(404), "status 404"),
        at("limited", limited(None), "status 429"),
        at("limitedfor2", limited(Some("2")), "status 429"),
        at("limitedfornonsense", limited(Some("soon")), "status 429"),
        at(
            "redirecting",
            Fault::Redirect(elsewhere.token_url()),
            "a redirect (status 302)",
        ),
        at("empty", Fault::EmptyBody, "not a JSON object: it is empty"),
        at("html", Fault::Html, "it is HTML"),
        at("invalid", Fault::InvalidJson, "it is not JSON"),
        at("incomplete", Fault::Incomplete, "without an access_token"),
        at("truncated", Fault::TruncatedBody, broken_off),
        at("oversized", Fault::OversizedBody, "larger than"),
        at("dripping", Fault::SlowDrip(Duration::from_millis(50)), late),
    ];
    let gateway = side_by_side(outages.iter().map(|outage| &outage.case)).start();
    let names: BTreeSet<&str> = outages.iter().map(|outage| outage.case.name.as_str()).collect();
    assert_eq!(names.len(), outages.len(), "every case needs its own path");
    std::thread::scope(|scope| {
        for outage in &outages {
            let gateway = &gateway;
            scope.spawn(move || outage.pass(gateway));
        }
    });
    assert_eq!(
        elsewhere.connections(),
        0,
        "the gateway must not send its credentials to a redirect's target"
    );
    let log = gateway.traefik.log();
    for Outage { case, cause, .. } in &outages {
        let failures: Vec<&str> = plugin_lines(&log)
            .filter(|line| line.contains("code=fetch.failed") && line.contains(&case.idcs.token_url()))
            .collect();
        assert!(failures.len() >= 2, "{}: {failures:?}", case.name);
        // On a busy machine, an attempt may time out before it can fail with its own cause.
        let told = failures.iter().filter(|line| line.contains(cause)).count();
        let other = failures
            .iter()
            .any(|line| !line.contains(cause) && !line.contains(late));
        assert!(told > 0 && !other, "{}: {failures:#?}", case.name);
    }
}

/// A failure of the provider that begins before Traefik starts.
struct Outage {
    case: Case,
    /// Whether the whole server fails and not only the token endpoint.
    whole: bool,
    fault: Fault,
    /// The cause in the log.
    cause: &'static str,
    /// The provider's `Retry-After` in seconds.
    asked: Option<u64>,
    /// `clientConfig.timeoutSeconds`.
    timeout: u64,
}

impl Outage {
    fn begin(&self) {
        match self.whole {
            true => self.case.idcs.down(self.fault.clone()),
            false => self.case.idcs.down_at(Endpoint::Token, self.fault.clone()),
        }
    }

    /// Passes through an outage at the start, the recovery, and a second outage.
    fn pass(&self, gateway: &Gateway) {
        let Self { case, asked, .. } = self;
        let asked = asked.unwrap_or(0);
        let in_time = Duration::from_millis(self.timeout * 1000 + 1500);
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(3 + asked) {
            let sent = Instant::now();
            let answer = case.get(gateway);
            assert!(
                sent.elapsed() < in_time,
                "{} took {:?}",
                case.name,
                sent.elapsed()
            );
            assert_refused(
                &case.name,
                &answer,
                503,
                "identity_provider_unavailable",
                asked.max(2),
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(case.oic.requests_count(), 0, "{}", case.name);

        case.idcs.up();
        let within = Deadline::after(Duration::from_secs(2 + asked));
        while case.get(gateway).status != 200 {
            within.pause(&case.name);
        }

        // The gateway has a token, so callers do not notice the next outage.
        self.begin();
        let connections = case.idcs.connections();
        for _ in 0..20 {
            assert_eq!(case.get(gateway).status, 200, "{}", case.name);
        }
        assert_eq!(case.idcs.connections(), connections, "{}", case.name);
    }
}
