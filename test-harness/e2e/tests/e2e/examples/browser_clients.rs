//! `examples/browser-clients`: CORS in front of `jwt`.

use harness::client::Response;
use harness::idcs::Idcs;
use http::Method;

use crate::support::example::{Example, ExampleBuilder};

const PAGE: &str = "https://app.example.com";

fn preflight(example: &Example, origin: &str) -> Response {
    example
        .request(Method::OPTIONS, "/echo/orders")
        .header("Origin", origin)
        .header("Access-Control-Request-Method", "GET")
        .header("Access-Control-Request-Headers", "authorization")
        .send()
        .unwrap()
}

fn allowed_origin(answer: &Response) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

#[test]
fn a_page_of_an_allowed_origin_gets_past_the_preflight_and_can_read_answers_and_refusals() {
    let example = ExampleBuilder::of("browser-clients", Idcs::start()).start();

    let answer = preflight(&example, PAGE);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(allowed_origin(&answer), Some(PAGE));
    let allowed = answer.header("access-control-allow-headers").unwrap();
    assert!(allowed.to_lowercase().contains("authorization"), "{allowed}");
    assert_eq!(answer.header("access-control-max-age"), Some("600"));

    let token = example.idcs.client_token().mint();
    let get = || example.get("/echo/orders").header("Origin", PAGE);
    let served = get().bearer(&token).send().unwrap();
    assert_eq!(
        (served.status, allowed_origin(&served)),
        (200, Some(PAGE)),
        "{}",
        example.traefik.log()
    );
    assert!(served.header("vary").unwrap().contains("Origin"));

    let refused = get().send().unwrap();
    assert_eq!((refused.status, allowed_origin(&refused)), (401, Some(PAGE)));
    assert_eq!(refused.json()["reason"], "missing_token");
    let exposed = refused.header("access-control-expose-headers").unwrap();
    assert!(
        exposed.to_lowercase().contains("x-oic-gateway-reason"),
        "{exposed}"
    );
    assert_eq!(example.oic.requests_count(), 1, "only the request with the token");
}

#[test]
fn other_origins_and_options_without_an_origin_get_nothing_from_cors() {
    let example = ExampleBuilder::of("browser-clients", Idcs::start()).start();
    for origin in [
        "https://evil.example",
        "null",
        "https://app.example.com.evil.example",
    ] {
        assert_eq!(allowed_origin(&preflight(&example, origin)), None, "{origin}");
    }
    let plain = example.request(Method::OPTIONS, "/echo/orders").send().unwrap();
    assert_eq!(
        plain.status, 401,
        "OPTIONS without an origin is an ordinary request"
    );
    assert_eq!(example.oic.requests_count(), 0);
}

#[test]
fn without_cors_in_front_a_preflight_is_refused() {
    let example = ExampleBuilder::of("oic-gateway-file", Idcs::start()).start();
    let answer = preflight(&example, PAGE);
    assert_eq!((answer.status, allowed_origin(&answer)), (401, None));
}
