//! The main job: document 000's gateway.

use test_harness::gateway::{Gateway, INTEGRATION};
use test_harness::idcs::Application;

#[test]
fn a_client_token_is_exchanged_for_the_gateways_and_the_path_for_the_integrations() {
    let gateway = Gateway::start();
    let answer = gateway
        .get_as_client("/echo/orders/7?expand=lines")
        .send()
        .unwrap();
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), gateway.traefik.log());
    assert_eq!(answer.json()["sub"], Application::GATEWAY_ID);
    let seen = gateway.oic.last_request().unwrap();
    assert_eq!(seen.path, format!("{INTEGRATION}/orders/7"));
    assert_eq!(seen.query.as_deref(), Some("expand=lines"));
    assert_eq!(seen.header("x-replaced-path"), Some("/echo/orders/7"));
    assert_eq!(seen.count("authorization"), 1);
    assert_eq!((gateway.idcs.jwks_calls(), gateway.idcs.token_calls()), (1, 1));
}
