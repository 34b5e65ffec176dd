//! Starts and calls the examples of `examples/` without changes.

mod browser_clients;
mod caller_identity;
mod client_authentication;
mod opaque_tokens;
mod private_jwks;
mod static_keys;
mod team_access;
mod token_exchange;

use harness::idcs::{Application, Idcs};
use serde_json::Value;

use crate::support::example::{Example, ExampleBuilder, text_of};

fn start() -> Example {
    ExampleBuilder::of("oic-gateway-file", Idcs::start())
        .name("# clientConfig:", "clientConfig:")
        .start()
}

#[test]
fn the_file_example_does_the_whole_way() {
    let example = start();
    let token = example.idcs.client_token().mint();
    let answer = example
        .get("/echo/orders/7?expand=lines")
        .bearer(&token)
        .send()
        .unwrap();
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), example.traefik.log());
    assert_eq!(answer.json()["sub"], Application::GATEWAY_ID);
    let seen = example.oic.last_request().unwrap();
    assert_eq!(
        seen.path,
        "/ic/api/integration/v2/flows/rest/project/DEMO/ECHO/1.0/orders/7"
    );
    assert_eq!((example.idcs.jwks_calls(), example.idcs.token_calls()), (1, 1));
}

#[test]
fn the_file_example_checks_audience_scope_issuer_and_tenant() {
    let example = start();
    let token = || example.idcs.client_token();
    for (what, token, status) in [
        ("audience", token().audience("https://other.example.com/"), 401),
        ("issuer", token().issuer("https://other.example.com/"), 401),
        ("tenant", token().tenant("idcs-0"), 401),
        ("scope", token().scope("orders.read"), 403),
    ] {
        let answer = example.get("/echo").bearer(&token.mint()).send().unwrap();
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
    }
    assert_eq!(example.get("/echo").send().unwrap().status, 401);
    assert_eq!(example.oic.requests_count(), 0);
}

#[test]
fn the_recommended_example_does_the_whole_way() {
    let example = ExampleBuilder::of("recommended", Idcs::start()).start();
    let token = example.idcs.client_token().mint();
    let answer = example.get("/echo/orders/7").bearer(&token).send().unwrap();
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), example.traefik.log());
    assert_eq!(answer.json()["sub"], Application::GATEWAY_ID);
    let seen = example.oic.last_request().unwrap();
    assert_eq!(
        seen.path,
        "/ic/api/integration/v2/flows/rest/project/DEMO/ECHO/1.0/orders/7"
    );
    assert_eq!(example.get("/echo").send().unwrap().status, 401);
    let other = example.idcs.client_token().audience("https://other.example.com/");
    assert_eq!(
        example.get("/echo").bearer(&other.mint()).send().unwrap().status,
        401
    );
}

#[test]
fn every_kubernetes_object_is_in_the_namespace_of_the_route() {
    let namespace = manifest("manifests/ingress-route.yml")["metadata"]["namespace"].clone();
    for file in [
        "jwt.yml",
        "oauth.yml",
        "secret.yml",
        "service.yml",
        "virtual-endpoint.yml",
    ] {
        assert_eq!(
            manifest(&format!("manifests/{file}"))["metadata"]["namespace"],
            namespace,
            "{file}"
        );
    }
    let variant = manifest("with-path-rewrite/virtual-endpoint.yml");
    assert_eq!(
        variant["metadata"],
        manifest("manifests/virtual-endpoint.yml")["metadata"]
    );
}

fn manifest(file: &str) -> Value {
    serde_saphyr::from_str(&text_of(&format!("oic-gateway-kubernetes/{file}"))).unwrap()
}
