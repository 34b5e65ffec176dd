//! Clients that cannot request a scope. They send ID and secret, and the gateway fetches tokens for them. Runs the
//! example without changes.

use std::time::{Duration, SystemTime};

use harness::certificates::CertificateAuthority;
use harness::client::Response;
use harness::faults::Fault;
use harness::idcs::{Application, Endpoint, Idcs, Resource};
use harness::load::{Load, LoadReport, get};
use harness::oic::OicBuilder;
use http::HeaderValue;
use serde_json::Value;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::example::{Example, ExampleBuilder, HOST};
use crate::support::{assert_reason, assert_served};

/// Returns the header that curl sends for `-u name:password`.
fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

/// Clients of the domain, each with ID and secret.
const LEGACY: (&str, &str) = ("legacy", "idcscs-8d1f");
const OTHER: (&str, &str) = ("other", "s:e%41+c r/ü");
const LATE: (&str, &str) = ("late", "idcscs-77aa");
const UNKNOWN_TO_OIC: (&str, &str) = ("norole", "idcscs-1234");
const CLIENTS: [(&str, &str); 4] = [LEGACY, OTHER, LATE, UNKNOWN_TO_OIC];

struct Scene {
    example: Example,
}

impl Scene {
    fn start() -> Self {
        Self::with_calls_per_minute(100)
    }

    fn with_calls_per_minute(limit: usize) -> Self {
        let idcs = Idcs::start();
        for (id, secret) in CLIENTS {
            idcs.register(Application::new(id, secret).granted(&Resource::oic()));
        }
        idcs.register(Application::new("unscoped", "idcscs-0000"));
        let known = |oic: OicBuilder| {
            [LEGACY, OTHER, LATE]
                .iter()
                .fold(oic, |oic, (id, _)| oic.service_invoker(id))
        };
        let example = ExampleBuilder::with_oic("clients-without-scope", idcs, known)
            .name(
                "https://YOUR_INSTANCE.integration.YOUR_REGION.ocp.oraclecloud.com:443",
                Resource::oic().primary_audience,
            )
            .name("YOUR_OTHER_CLIENT", OTHER.0)
            .name("# clientConfig:", "clientConfig:")
            .name("callsPerMinute: 100", format!("callsPerMinute: {limit}"))
            .start();
        Self { example }
    }

    fn call(&self, (id, secret): (&str, &str)) -> Response {
        self.call_with(&basic(id, secret))
    }

    fn call_with(&self, authorization: &str) -> Response {
        let request = self.example.get("/echo/orders");
        request.header("authorization", authorization).send().unwrap()
    }

    /// Sends `requests` requests over several connections.
    fn load(
        &self,
        requests: usize,
        authorization: impl Fn(usize) -> String + Send + Sync + 'static,
        check: impl Fn(usize, u16, &Value) -> Result<(), String> + Send + Sync + 'static,
    ) -> LoadReport {
        self.load_by(16, requests, authorization, check)
    }

    fn load_by(
        &self,
        connections: usize,
        requests: usize,
        authorization: impl Fn(usize) -> String + Send + Sync + 'static,
        check: impl Fn(usize, u16, &Value) -> Result<(), String> + Send + Sync + 'static,
    ) -> LoadReport {
        let port = self.example.port();
        let report = Load::to(&format!("https://localhost:{port}"))
            .host(HOST)
            .trusting(&CertificateAuthority::shared().ca_pem())
            .requests(requests)
            .concurrency(connections)
            .check(move |index, status, _, body| {
                let body = serde_json::from_slice(body).unwrap_or_default();
                check(index, status.as_u16(), &body)
            })
            .run(move |index| {
                let mut request = get("/echo");
                let value = HeaderValue::from_str(&authorization(index)).unwrap();
                request.headers_mut().insert("authorization", value);
                request
            });
        assert_eq!((report.responses(), report.errors), (requests, 0), "{report}");
        report
    }
}

#[track_caller]
fn assert_refused(answer: &Response, status: u16, reason: &str) {
    let shown = format!("{} {:?} {}", answer.status, answer.headers, answer.text());
    assert_reason(answer, status, reason, &shown);
    let challenge = (status == 401).then_some(r#"Basic realm="oic-gateway", charset="UTF-8""#);
    assert_eq!(answer.header("www-authenticate"), challenge, "{shown}");
    assert_eq!(answer.header("retry-after").is_some(), status >= 429, "{shown}");
}

#[test]
fn a_legacy_client_works_unchanged_and_a_thousand_requests_cost_one_call_for_each_client() {
    let scene = Scene::start();
    let answer = scene.call(LEGACY);
    assert_served(&answer, &scene.example.traefik, "");
    assert_eq!(answer.json()["sub"], LEGACY.0);

    // Two clients at the same time never get each other's token.
    let callers = [LEGACY, OTHER];
    let report = scene.load(
        1000,
        move |index| basic(callers[index % 2].0, callers[index % 2].1),
        move |index, status, body| match (status, body["sub"] == callers[index % 2].0) {
            (200, true) => Ok(()),
            _ => Err(format!("{index}: {status} {body}")),
        },
    );
    assert!(report.all_have_status(200), "{report}");
    let issued = scene.example.idcs.tokens_issued();
    let scopes: Vec<(&str, &str)> = issued
        .iter()
        .map(|token| (token.client_id.as_str(), token.scope.as_str()))
        .collect();
    assert_eq!(
        scopes,
        [
            (LEGACY.0, "urn:opc:resource:consumer::all"),
            (OTHER.0, "/ic/api/")
        ]
    );

    // These clients have the right secret, but one may not call OIC, and the other may not have the scope.
    assert_eq!(scene.call(UNKNOWN_TO_OIC).json()["reason"], Value::Null);
    assert_refused(
        &scene.call(("unscoped", "idcscs-0000")),
        502,
        "identity_provider_refused",
    );

    // During an outage, known clients do not notice anything, and others are told to retry later.
    scene.example.idcs.down(Fault::Status(503));
    assert_eq!(scene.call(LEGACY).status, 200);
    assert_refused(&scene.call(LATE), 503, "identity_provider_unavailable");
    scene.example.idcs.up();
    std::thread::sleep(Duration::from_millis(600)); // the breaker's pause
    assert_eq!(scene.call(LATE).status, 200);

    // When OIC no longer accepts a token, only the token of that client is replaced.
    scene.example.oic.revoke_seen_tokens();
    let calls = scene.example.idcs.token_calls();
    assert_eq!(scene.call(LEGACY).status, 401);
    assert_eq!(scene.call(LEGACY).status, 200);
    assert_eq!(scene.example.idcs.token_calls(), calls + 1);
}

#[test]
fn whoever_guesses_secrets_is_refused_and_told_to_wait_before_the_provider_notices() {
    let scene = Scene::start();
    assert_eq!(scene.call(LEGACY).status, 200);
    for (authorization, status, reason) in [
        (String::new(), 401, "missing_credentials"),
        ("Bearer a.b.c".to_owned(), 401, "missing_credentials"),
        ("Basic bGVnYWN5".to_owned(), 400, "invalid_request"),
        (basic(LEGACY.0, ""), 401, "invalid_credentials"),
        (basic(LEGACY.0, "wrong"), 401, "invalid_credentials"),
        (basic(LEGACY.0, "wrong"), 401, "invalid_credentials"),
        (basic(OTHER.0, LEGACY.1), 401, "invalid_credentials"),
    ] {
        assert_refused(&scene.call_with(&authorization), status, reason);
    }
    assert_eq!(scene.example.idcs.token_calls(), 3, "wrong secrets are cached");

    // The minute may end during each run, and then one more round of calls is allowed.
    let refused = |_: usize, status: u16, body: &Value| match status {
        401 | 429 => Ok(()),
        _ => Err(format!("{status} {body}")),
    };
    let before = scene.example.idcs.token_calls();
    let report = scene.load(400, |index| basic(LEGACY.0, &format!("guess{index}")), refused);
    let calls = scene.example.idcs.token_calls() - before;
    assert!((8..=20).contains(&calls), "{calls} calls for one client");
    assert_eq!(report.with_status(401), calls, "{report}");

    // The calls run one after the other. A request that waits too long gets 503.
    let refused = move |index: usize, status: u16, body: &Value| match status {
        503 if body["reason"] == "identity_provider_unavailable" => Ok(()),
        status => refused(index, status, body),
    };
    let before = scene.example.idcs.token_calls();
    let report = scene.load(400, |index| basic(&format!("client{index}"), "guess"), refused);
    let calls = scene.example.idcs.token_calls() - before;
    assert!(
        (50..=200).contains(&calls) && report.with_status(429) > 0,
        "{calls} calls for all: {report}"
    );

    // A known client does not notice the attack.
    assert_eq!(scene.call(LEGACY).status, 200);
    assert_eq!(
        scene.example.idcs.tokens_issued().len(),
        1,
        "only the client with the right secret gets a token"
    );
    let log = scene.example.traefik.log();
    assert!(
        !log.lines()
            .any(|line| line.contains("code=") && line.contains("guess"))
    );
    assert_eq!(scene.example.oic.requests_count(), 2);
}

#[test]
fn around_the_end_of_a_minute_no_more_calls_are_made_than_two_minutes_allow() {
    let scene = Scene::with_calls_per_minute(10);
    let since_epoch = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    // Start one second before the next minute, so that its requests still wait when those of the new minute arrive.
    let into_minute = since_epoch.as_millis() % 60_000;
    let wait = u64::try_from((119_000 - into_minute) % 60_000).unwrap();
    std::thread::sleep(Duration::from_millis(wait));
    let before = scene.example.idcs.token_calls();
    let refused = |_: usize, status: u16, body: &Value| match status {
        401 | 429 | 503 => Ok(()),
        _ => Err(format!("{status} {body}")),
    };
    let report = scene.load_by(
        250,
        1500,
        |index| basic(&format!("client{index}"), "guess"),
        refused,
    );
    let calls = scene.example.idcs.token_calls() - before;
    println!("{calls} calls: {report}");
    assert!((5..=20).contains(&calls), "{calls} calls for all: {report}");
}

#[test]
fn a_secret_that_was_changed_stops_working_when_the_token_expires_and_not_later() {
    let scene = Scene::start();
    scene.example.idcs.set(|switches| switches.default_ttl = 2);
    assert_eq!(scene.call(LEGACY).status, 200);
    scene
        .example
        .idcs
        .register(Application::new(LEGACY.0, "another").granted(&Resource::oic()));
    let within = crate::support::Deadline::after(Duration::from_secs(10));
    while scene.call(LEGACY).status == 200 {
        within.pause("the old secret is still good");
    }
    assert_refused(&scene.call(LEGACY), 401, "invalid_credentials");
    assert_eq!(scene.call((LEGACY.0, "another")).status, 200);
    scene.example.idcs.down_at(Endpoint::Token, Fault::Html);
    assert_refused(&scene.call(OTHER), 503, "identity_provider_unavailable");
}

#[test]
fn a_client_that_is_refused_when_its_token_is_renewed_is_refused_from_then_on() {
    let scene = Scene::start();
    scene.example.idcs.set(|switches| switches.default_ttl = 20);
    assert_eq!(scene.call(LEGACY).status, 200);
    let another = Application::new(LEGACY.0, "another").granted(&Resource::oic());
    scene.example.idcs.register(another);
    let within = crate::support::Deadline::after(Duration::from_secs(30));
    let calls = scene.example.idcs.token_calls();
    while scene.example.idcs.token_calls() == calls {
        scene.call(LEGACY);
        within.pause("the token is renewed");
    }
    // The token itself is valid for a second or more, and every instance checks for the refusal ten times per second.
    std::thread::sleep(Duration::from_millis(200));
    let check = |_: usize, status: u16, body: &Value| match status {
        401 => Ok(()),
        _ => Err(format!("{status} {body}")),
    };
    scene.load(64, |_| basic(LEGACY.0, LEGACY.1), check);
    assert_eq!(scene.call((LEGACY.0, "another")).status, 200);
}
