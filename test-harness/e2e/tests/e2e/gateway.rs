//! The main use case: the default gateway.

use harness::client::Client;
use harness::faults::Fault;
use harness::gateway::{Gateway, INTEGRATION};
use harness::idcs::Application;

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

#[test]
fn a_redirect_of_the_backend_reaches_the_client_as_it_is_host_name_included() {
    // A plugin could change this header only by buffering answers, which would break streaming. README and security.md
    // say so.
    let gateway = Gateway::start();
    let elsewhere = format!("{}{INTEGRATION}/orders/", gateway.oic.url());
    gateway.oic.down(Fault::Redirect(elsewhere.clone()));
    let token = gateway.idcs.client_token().mint();
    let answer = Client::with(|builder| builder.redirect(reqwest::redirect::Policy::none()))
        .get(&gateway.url("/echo/orders"))
        .bearer(&token)
        .send()
        .unwrap();
    assert_eq!(answer.status, 302, "{}", gateway.traefik.log());
    assert_eq!(answer.header("location"), Some(elsewhere.as_str()));
}
