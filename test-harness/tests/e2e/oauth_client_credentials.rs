//! `oAuthClientCredentials`: the gateway's own token in the caller's place, and what happens without one.
//!
//! No `jwt` stands before it here, so that everything the caller sends reaches it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_harness::certificates::CertificateAuthority;
use test_harness::client::{Client, Response};
use test_harness::faults::Fault;
use test_harness::gateway::{
    Gateway, GatewayBuilder, INTEGRATION, OAUTH_CLIENT_CREDENTIALS, default_options,
};
use test_harness::idcs::{
    Application, Endpoint, ExpiresIn, Idcs, IdcsHandle, Resource, ScopeRefusal, Switches,
};
use test_harness::oic::{Challenge, Oic, token_hash};

use crate::support::{Deadline, merge, plugin_lines};

#[test]
fn whatever_credentials_the_caller_sends_the_backend_sees_the_gateways_alone() {
    let gateway = unguarded(Gateway::builder(), &["/echo"]).start();
    let client_token = gateway.idcs.client_token().mint();
    let bearer = format!("Bearer {client_token}");
    for sent in [
        &[][..],
        &[("authorization", bearer.as_str())],
        &[("authorization", "Basic dXNlcjpwYXNzd29yZA==")],
        &[
            ("authorization", bearer.as_str()),
            ("authorization", "Bearer second"),
        ],
        &[
            ("AUTHORIZATION", ""),
            ("Authorization", "Negotiate x"),
            ("authorization", "garbage"),
        ],
    ] {
        let request = sent.iter().fold(gateway.get("/echo"), |request, (name, value)| {
            request.header(name, value)
        });
        let answer = request.header("x-mine", "kept").send().unwrap();
        assert_eq!(answer.status, 200, "{sent:?}: {}", answer.text());
        assert_eq!(answer.json()["sub"], Application::GATEWAY_ID, "{sent:?}");
        let seen = gateway.oic.last_request().unwrap();
        assert_eq!(seen.count("authorization"), 1, "{sent:?}: {seen:?}");
        assert_eq!(seen.header("x-mine"), Some("kept"));
        assert!(
            !format!("{seen:?}").contains(&token_hash(&client_token)),
            "{sent:?}: {seen:?}"
        );
    }
    assert_eq!(gateway.oic.tokens_seen().len(), 1);
    assert_eq!(
        (gateway.oic.foreign_tokens_seen(), gateway.idcs.token_calls()),
        (0, 1)
    );
}

#[test]
fn the_client_proves_itself_by_header_or_body_whatever_its_secret_holds() {
    let secrets = [
        "plain",
        "two words",
        "a+b&c=d;e?f#g/h",
        "100%41%zz",
        ":colons:at:both:ends:",
        " blanks at both ends ",
        "quotes \" ' ` and \\ and $1 ${x}",
        "ümläut ✓ 𝄞 日本",
        "urn:k8s",
    ];
    let mut cases = Vec::new();
    for (index, secret) in secrets.iter().enumerate() {
        for (method, scheme) in [
            (None, Some("Basic")),
            (Some("client_secret_basic"), Some("Basic")),
            (Some("client_secret_post"), None),
        ] {
            let id = format!("app {index}:+%ü");
            let name = format!("s{index}{}", method.unwrap_or("").replace("_", ""));
            let options =
                json!({ "clientID": id, "clientSecret": secret, "tokenEndpointAuthMethod": method });
            let case = Case::new(&name, options);
            case.idcs
                .register(Application::new(&id, secret).granted(&Resource::oic()));
            cases.push((case, id, scheme));
        }
    }
    let gateway = side_by_side(cases.iter().map(|(case, ..)| case)).start();
    for (case, id, scheme) in &cases {
        // The client is none that OIC knows; that it got as far as OIC is what counts.
        let answer = case.get(&gateway);
        assert_eq!(answer.status, 401, "{}: {}", case.name, answer.text());
        assert_eq!(case.oic.tokens_seen()[0].sub, *id, "{}", case.name);
        let [request] = case.idcs.requests().try_into().unwrap();
        assert_eq!(request.authorization_scheme.as_deref(), *scheme, "{}", case.name);
        assert_eq!(
            request.form.contains_key("client_secret"),
            scheme.is_none(),
            "{}",
            case.name
        );
        assert_eq!(request.status, Some(200), "{}", case.name);
    }
}

#[test]
fn scopes_audience_and_further_parameters_reach_the_token_endpoint() {
    let scopes = [
        Resource::oic().full_scope("urn:opc:resource:consumer::all"),
        Resource::oic().full_scope("/ic/api/"),
    ];
    let options = json!({
        "scopes": scopes,
        "audience": "https://audience.example:443/ä b",
        "endpointParams": { "resource": "urn:x&y=z", "x_Custom-param": "1 + 1" },
    });
    let case = Case::new("parameters", options);
    let gateway = side_by_side([&case]).start();
    assert_eq!(case.get(&gateway).status, 200);
    let [request] = case.idcs.requests().try_into().unwrap();
    let form: Vec<(&str, &str)> = request
        .form
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        form,
        [
            ("audience", "https://audience.example:443/ä b"),
            ("grant_type", "client_credentials"),
            ("resource", "urn:x&y=z"),
            ("scope", scopes.join(" ").as_str()),
            ("x_Custom-param", "1 + 1"),
        ]
    );
    assert_eq!(
        case.idcs.tokens_issued()[0].scope,
        "urn:opc:resource:consumer::all /ic/api/"
    );
}

#[test]
fn a_token_lives_as_long_as_the_provider_says_in_any_form() {
    let forms = [ExpiresIn::Number, ExpiresIn::Text, ExpiresIn::Missing];
    let case = |form, ttl| {
        let case = Case::new(&format!("{form:?}{ttl}").to_lowercase(), json!({}));
        case.idcs
            .set(|switches| (switches.expires_in, switches.default_ttl) = (form, ttl));
        case
    };
    let cases: Vec<(Case, u32)> = forms
        .iter()
        .flat_map(|form| [2, 3600].map(|ttl| (case(*form, ttl), ttl)))
        .collect();
    let gateway = side_by_side(cases.iter().map(|(case, _)| case)).start();
    std::thread::scope(|scope| {
        for (case, ttl) in &cases {
            let gateway = &gateway;
            scope.spawn(move || {
                let mut requests = 0;
                // Until two tokens have followed the first, or for many requests if none is to follow.
                let within = Deadline::after(Duration::from_secs(30));
                while if *ttl == 2 {
                    case.idcs.token_calls() < 3
                } else {
                    requests < 100
                } {
                    let answer = case.get(gateway);
                    assert_eq!(answer.status, 200, "{}: {}", case.name, answer.text());
                    within.pause(&case.name);
                    requests += 1;
                }
                assert_eq!(case.oic.expired_tokens_seen(), 0, "{}", case.name);
                if *ttl == 3600 {
                    assert_eq!(case.idcs.token_calls(), 1, "{}", case.name);
                }
            });
        }
    });
}

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
    // When the first call came, which is while Traefik starts.
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
                    // It is put right, at the provider's end.
                    let application = Application::new(Application::GATEWAY_ID, WRONG_SECRET);
                    case.idcs.register(application.granted(&Resource::oic()));
                }
                let within = Deadline::after(Duration::from_secs(20));
                while case.idcs.token_calls() < 2 {
                    let answer = case.get(gateway);
                    if case.idcs.token_calls() < 2 {
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
    assert_eq!(cases[0].0.get(&gateway).status, 200, "the secret is right now");
}

#[test]
fn an_outage_of_the_provider_is_a_503_in_time_and_over_soon_after_it_ends() {
    let elsewhere = Idcs::start();
    let failing = |name: &str, whole: bool, fault: Fault, cause: &'static str| {
        // The mock takes its time to make ten megabytes.
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
        everywhere("refusing", Fault::Refuse, "connecting failed"),
        everywhere("hanging", Fault::Hang, late),
        everywhere("silent", Fault::HangInHandshake, late),
        everywhere("untrusted", Fault::UntrustedCertificate, "UnknownIssuer"),
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
        at("empty", Fault::EmptyBody, "an empty body"),
        at("html", Fault::Html, "no JSON object"),
        at("invalid", Fault::InvalidJson, "no JSON object"),
        at("incomplete", Fault::Incomplete, "without an access_token"),
        at("truncated", Fault::TruncatedBody, broken_off),
        at("oversized", Fault::OversizedBody, "larger than"),
        at("dripping", Fault::SlowDrip(Duration::from_millis(50)), late),
    ];
    let gateway = side_by_side(outages.iter().map(|outage| &outage.case)).start();
    let names: BTreeSet<&str> = outages.iter().map(|outage| outage.case.name.as_str()).collect();
    assert_eq!(names.len(), outages.len(), "every case needs a path of its own");
    std::thread::scope(|scope| {
        for outage in &outages {
            let gateway = &gateway;
            scope.spawn(move || outage.pass(gateway));
        }
    });
    assert_eq!(
        elsewhere.connections(),
        0,
        "a redirect must not be followed with the gateway's credentials"
    );
    let log = gateway.traefik.log();
    for Outage { case, cause, .. } in &outages {
        let failures: Vec<&str> = plugin_lines(&log)
            .filter(|line| line.contains("code=fetch.failed") && line.contains(&case.idcs.token_url()))
            .collect();
        assert!(failures.len() >= 2, "{}: {failures:?}", case.name);
        assert!(
            failures.iter().all(|line| line.contains(cause)),
            "{}: {failures:#?}",
            case.name
        );
    }
}

#[test]
fn what_oic_answers_reaches_the_caller_as_it_is() {
    // A client that OIC never lets in.
    let stranger = Application::new("stranger", "its secret").granted(&Resource::oic());
    let options = json!({ "clientID": stranger.client_id, "clientSecret": stranger.client_secret });
    let idcs = Idcs::builder().application(stranger).start();
    let gateway = unguarded(Gateway::in_front_of(idcs).oauth(options), &["/echo"]).start();
    let oic = &gateway.oic;
    let direct = Client::trusting(&CertificateAuthority::shared().ca_pem());
    let path = format!("{}{INTEGRATION}/orders", oic.url());
    let compare = |name: &str, status: u16| {
        let ours = gateway.get("/echo/orders").send().unwrap();
        let theirs = direct.get(&path).send().unwrap();
        assert_eq!((ours.status, theirs.status), (status, status), "{name}: {}", ours.text());
        assert_eq!(ours.body, theirs.body, "{name}");
        for header in ["content-type", "www-authenticate", "retry-after", "location"] {
            assert_eq!(ours.header(header), theirs.header(header), "{name}: {header}");
        }
    };
    for (name, challenge, html) in [
        ("bearer", Challenge::Bearer, false),
        ("basic", Challenge::Basic, true),
        ("silent", Challenge::None, false),
    ] {
        oic.set(|switches| (switches.challenge, switches.html_errors) = (challenge, html));
        compare(name, 401);
    }
    let limited = Fault::TooManyRequests { retry_after: Some("7".to_owned()) };
    for (name, status, fault) in [
        ("error", 500, Fault::Status(500)),
        ("gone", 503, Fault::Status(503)),
        ("forbidden", 403, Fault::Status(403)),
        ("unauthorized", 401, Fault::Status(401)),
        ("limited", 429, limited),
        ("redirect", 302, Fault::Redirect("https://login.example/".to_owned())),
    ] {
        oic.down(fault);
        compare(name, status);
    }
    assert!(gateway.oic.tokens_seen().iter().all(|token| token.sub == "stranger"));
}

#[test]
fn the_providers_certificate_is_checked_unless_told_otherwise() {
    let case = |name: &str, tls: Value, trusted: bool| {
        let case = Case::new(name, json!({ "clientConfig": { "tls": tls } }));
        if !trusted {
            case.idcs.down(Fault::UntrustedCertificate);
        }
        case
    };
    let unrelated = CertificateAuthority::unrelated().ca_pem();
    let trusting = case("trusting", json!({ "ca": unrelated }), false);
    let skipping = case("skipping", json!({ "insecureSkipVerify": true }), false);
    let as_text = case(
        "astext",
        json!({ "insecureSkipVerify": "true", "ca": null }),
        false,
    );
    let checking = case("checking", json!({ "insecureSkipVerify": false }), false);
    let bare = case("bare", json!({ "ca": null }), true);
    let gateway = side_by_side([&trusting, &skipping, &as_text, &checking, &bare]).start();
    for case in [&trusting, &skipping, &as_text] {
        let answer = case.get(&gateway);
        assert_eq!(answer.status, 200, "{}: {}", case.name, answer.text());
    }
    for case in [&checking, &bare] {
        assert_refused(
            &case.name,
            &case.get(&gateway),
            503,
            "identity_provider_unavailable",
            2,
        );
        assert_eq!(
            (case.idcs.token_calls(), case.oic.requests_count()),
            (0, 0),
            "{}",
            case.name
        );
    }
}

#[test]
fn a_provider_without_tls_works_and_is_warned_about() {
    let gateway = unguarded(
        Gateway::in_front_of(Idcs::builder().plain_http().start()),
        &["/echo"],
    )
    .start();
    assert!(gateway.idcs.token_url().starts_with("http://"));
    assert_eq!(gateway.get("/echo").send().unwrap().status, 200);
    assert_eq!(gateway.idcs.token_calls(), 1);
    let log = gateway.traefik.log();
    let warned = plugin_lines(&log).any(|line| {
        line.contains(r#""level":"warn""#) && line.contains("code=configuration.insecure option=url")
    });
    assert!(warned, "{log}");
}

#[test]
fn tokens_of_any_size_are_fetched_once_for_all_routers() {
    for size in [1, 8 * 1024, 32 * 1024, 100 * 1024] {
        let idcs = Idcs::builder().set(|switches| switches.token_size = size).start();
        let gateway = unguarded(Gateway::in_front_of(idcs), &["/one", "/two"]).start();
        for path in ["/one", "/two", "/one/more", "/two/more"] {
            let answer = gateway.get(path).send().unwrap();
            assert_eq!(answer.status, 200, "{size} {path}: {}", answer.text());
        }
        assert_eq!(
            (gateway.idcs.token_calls(), gateway.oic.tokens_seen().len()),
            (1, 1),
            "{size}"
        );
    }
}

/// One provider, one backend that trusts it, and one router of its own, `/<name>`, in front of them.
struct Case {
    name: String,
    /// Laid over the default options of the plugin.
    options: Value,
    idcs: Idcs,
    oic: Oic,
}

impl Case {
    fn new(name: &str, options: Value) -> Self {
        let idcs = Idcs::start();
        let oic = Oic::start(&idcs);
        Self {
            name: name.to_owned(),
            options,
            idcs,
            oic,
        }
    }

    fn get(&self, gateway: &Gateway) -> Response {
        gateway.get(&format!("/{}", self.name)).send().unwrap()
    }
}

/// A failure of the provider that begins before Traefik starts.
struct Outage {
    case: Case,
    /// Not the token endpoint alone.
    whole: bool,
    fault: Fault,
    /// What the log says.
    cause: &'static str,
    /// The seconds of the provider's `Retry-After`.
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

    /// From an outage at the start over the recovery into another outage.
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

        // With a token in hand the next outage goes unnoticed.
        self.begin();
        let connections = case.idcs.connections();
        for _ in 0..20 {
            assert_eq!(case.get(gateway).status, 200, "{}", case.name);
        }
        assert_eq!(case.idcs.connections(), connections, "{}", case.name);
    }
}

/// A gateway that has a router for each case beside its own.
fn side_by_side<'c>(cases: impl IntoIterator<Item = &'c Case>) -> GatewayBuilder {
    let ca = CertificateAuthority::shared().ca_pem();
    let (mut routers, mut middlewares, mut services) = (json!({}), json!({}), json!({}));
    for Case {
        name,
        options,
        idcs,
        oic,
    } in cases
    {
        let mut merged = default_options(idcs, &ca)[OAUTH_CLIENT_CREDENTIALS].take();
        merge(&mut merged, options);
        routers[name] = json!({
            "rule": format!("Path(`/{name}`)"),
            "middlewares": ["rewrite", name],
            "service": name,
        });
        middlewares[name] = json!({ "plugin": { OAUTH_CLIENT_CREDENTIALS: merged } });
        services[name] =
            json!({ "loadBalancer": { "servers": [{ "url": oic.url() }], "serversTransport": "oic" } });
    }
    Gateway::builder().http(json!({ "routers": routers, "middlewares": middlewares, "services": services }))
}

/// Takes `jwt` out of the routers of these paths.
fn unguarded(builder: GatewayBuilder, paths: &[&str]) -> GatewayBuilder {
    let mut routers = json!({});
    for index in 0..paths.len() {
        routers[format!("route-{index}")] = json!({ "middlewares": ["rewrite", "oauth"] });
    }
    builder.routers(paths).http(json!({ "routers": routers }))
}

/// A small RFC 9457 document of our own with `reason`, a `Retry-After` of at most `most` seconds, and nothing that would
/// make the caller doubt his own credentials.
fn assert_refused(name: &str, answer: &Response, status: u16, reason: &str, most: u64) {
    let shown = format!("{name}: {} {:?} {}", answer.status, answer.headers, answer.text());
    assert_eq!(answer.status, status, "{shown}");
    assert_eq!(answer.json()["reason"], reason, "{shown}");
    assert_eq!(answer.json()["status"], status, "{shown}");
    assert_eq!(answer.json().as_object().unwrap().len(), 4, "{shown}");
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=most).contains(&seconds), "{shown}");
    assert_eq!(answer.header("www-authenticate"), None, "{shown}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{shown}"
    );
}

/// A time at which the token endpoint had not been asked yet, close to the first call.
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
