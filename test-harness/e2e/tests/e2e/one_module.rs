//! The plugin `gateway`: one module that does the same as the chain of three plugins.

use std::time::{Duration, Instant};

use harness::client::Response;
use harness::gateway::{Gateway, GatewayBuilder};
use serde_json::{Value, json};

use crate::resilience::assert_that_a_cold_burst_costs_one_fetch_of_each;

/// What a client and the backend see of a request, without values that differ from run to run.
#[derive(Debug, PartialEq)]
struct Seen {
    status: u16,
    challenge: Option<String>,
    reason: Value,
    at_backend: Option<(String, Option<String>, Vec<String>)>,
}

fn seen(gateway: &Gateway, answer: &Response) -> Seen {
    let at_backend = gateway.oic.last_request().map(|request| {
        let count = |name: &str| format!("{name}: {}", request.count(name));
        (
            request.path.clone(),
            request.query.clone(),
            vec![
                request.header("x-replaced-path").unwrap_or_default().to_owned(),
                count("x-replaced-path"),
                count("authorization"),
                request.header("x-mine").unwrap_or_default().to_owned(),
            ],
        )
    });
    Seen {
        status: answer.status,
        challenge: answer.header("www-authenticate").map(str::to_owned),
        reason: match answer.status {
            200 => Value::Null,
            _ => answer.json()["reason"].clone(),
        },
        at_backend,
    }
}

#[test]
fn it_answers_and_forwards_as_the_chain_of_three_does() {
    let strict = |builder: GatewayBuilder| builder.jwt(json!({ "requiredScopes": ["echo"] })).start();
    let (chain, one) = (
        strict(Gateway::builder()),
        strict(Gateway::builder().one_module()),
    );
    let paths = [
        "/echo",
        "/echo/orders/7?expand=lines",
        "/echo/a%20b//c",
        "/echo/a%20b",
        "/echo/.hidden/m%C3%BCller?x=%zz",
        "/echo/%2e%2e/up",
    ];
    type MakeToken = fn(&Gateway) -> Option<String>;
    let tokens: [(&str, MakeToken); 6] = [
        ("none", |_| None),
        ("good", |gateway| Some(gateway.idcs.client_token().mint())),
        ("expired", |gateway| {
            Some(gateway.idcs.client_token().expired().mint())
        }),
        ("without the scope", |gateway| {
            Some(gateway.idcs.client_token().scope("other").mint())
        }),
        ("garbage", |_| Some("a.b.c".to_owned())),
        ("empty", |_| Some(String::new())),
    ];
    for path in paths {
        for (name, token) in &tokens {
            let [of_chain, of_one] = [&chain, &one].map(|gateway| {
                let token = token(gateway);
                // The second time, the token is known and the request takes the short way through the plugins.
                let [first, second] = [(); 2].map(|()| {
                    gateway.oic.forget_records();
                    let mut request = gateway.get(path).header("X-Mine", "1");
                    if let Some(token) = &token {
                        request = request.bearer(token);
                    }
                    let answer = request.send().unwrap();
                    seen(gateway, &answer)
                });
                assert_eq!(first, second, "{path}, token: {name}");
                first
            });
            assert_eq!(of_chain, of_one, "{path}, token: {name}\n{}", one.traefik.log());
        }
    }
    assert_eq!((one.idcs.jwks_calls(), one.idcs.token_calls()), (1, 1));
}

#[test]
fn a_wrong_option_refuses_every_request_and_is_named_with_its_block() {
    for (spoilt, option) in [
        (
            Gateway::builder().jwt(json!({ "audience": "x" })),
            "option=jwt.audience",
        ),
        (
            Gateway::builder().oauth(json!({ "clientSecret": null })),
            "option=oAuthClientCredentials.clientSecret",
        ),
        (
            Gateway::builder().rewrite(json!({ "regex": "(" })),
            "option=pathRewrite.regex",
        ),
    ] {
        let gateway = spoilt.one_module().start();
        let answer = gateway.get_as_client("/echo").send().unwrap();
        assert_eq!(answer.status, 500, "{option}: {}", answer.text());
        assert_eq!(answer.json()["reason"], "configuration", "{option}");
        assert_eq!(gateway.oic.requests_count(), 0, "{option}");
        let log = gateway.traefik.log();
        assert!(
            log.contains("plugin=gateway") && log.contains(option),
            "{option}: {log}"
        );
    }
}

#[test]
fn a_cold_burst_of_256_on_four_routers_costs_one_key_fetch_and_one_token() {
    let builder = Gateway::builder().one_module();
    assert_that_a_cold_burst_costs_one_fetch_of_each(builder);
}

#[test]
fn a_token_that_the_backend_refuses_is_replaced() {
    let gateway = Gateway::builder().one_module().start();
    assert_eq!(gateway.get_as_client("/echo").send().unwrap().status, 200);
    gateway.oic.revoke_seen_tokens();
    assert_eq!(gateway.get_as_client("/echo").send().unwrap().status, 401);
    let begun = Instant::now();
    while gateway.get_as_client("/echo").send().unwrap().status != 200 {
        assert!(
            begun.elapsed() < Duration::from_secs(2),
            "{}",
            gateway.traefik.log()
        );
    }
    assert_eq!(gateway.idcs.token_calls(), 2);
}
