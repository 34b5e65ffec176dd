//! How the token reaches the backend, and how long it is used.

use std::time::Duration;

use harness::certificates::CertificateAuthority;
use harness::client::Client;
use harness::faults::Fault;
use harness::gateway::{Gateway, INTEGRATION};
use harness::idcs::{Application, ExpiresIn, Idcs, Resource};
use harness::oic::{Challenge, token_hash};
use serde_json::json;

use super::{Case, side_by_side, unguarded};
use crate::support::Deadline;

#[test]
fn rules_about_the_fetched_token_decide_whether_it_is_used_and_what_the_backend_is_told() {
    let rules = |name: &str, claims: &str| {
        let options = json!({
            "claims": claims, "forwardHeaders": { "X-Client": "client_id" }, "usernameClaim": "sub",
        });
        Case::new(name, options)
    };
    let good = rules(
        "good",
        "SplitContains(`scope`, ` `, `urn:opc:resource:consumer::all`)",
    );
    let bad = rules("bad", "Equals(`client_id`, `somebody else`)");
    let gateway = side_by_side([&good, &bad]).start();
    for _ in 0..2 {
        let url = gateway.url("/good");
        let request = gateway
            .client()
            .get(&url)
            .header("X_Client", "forged")
            .header("X-Client", "forged");
        assert_eq!(request.send().unwrap().status, 200);
        let seen = good.oic.last_request().unwrap();
        for header in ["x-client", "x-forwarded-user"] {
            assert_eq!(seen.header(header), Some(Application::GATEWAY_ID), "{header}");
        }
        assert!(!format!("{:?}", seen.headers).contains("forged"));
        let answer = bad.get(&gateway);
        assert_eq!(
            (answer.status, answer.json()["reason"].as_str()),
            (403, Some("forbidden"))
        );
    }
    assert_eq!(bad.oic.requests_count(), 0);
    let log = gateway.traefik.log();
    assert!(
        log.contains("code=token.not_acceptable reason=claims_not_met"),
        "{log}"
    );
}

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
                // Continue until two more tokens have been fetched. If none is expected, send many requests instead.
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

#[test]
fn what_oic_answers_reaches_the_caller_as_it_is() {
    // OIC never accepts this client.
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
        assert_eq!(
            (ours.status, theirs.status),
            (status, status),
            "{name}: {}",
            ours.text()
        );
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
    let limited = Fault::TooManyRequests {
        retry_after: Some("7".to_owned()),
    };
    for (name, status, fault) in [
        ("error", 500, Fault::Status(500)),
        ("gone", 503, Fault::Status(503)),
        ("forbidden", 403, Fault::Status(403)),
        ("unauthorized", 401, Fault::Status(401)),
        ("limited", 429, limited),
        (
            "redirect",
            302,
            Fault::Redirect("https://login.example/".to_owned()),
        ),
    ] {
        oic.down(fault);
        compare(name, status);
    }
    assert!(
        gateway
            .oic
            .tokens_seen()
            .iter()
            .all(|token| token.sub == "stranger")
    );
}
