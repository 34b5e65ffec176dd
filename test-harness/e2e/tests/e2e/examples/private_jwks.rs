//! `examples/private-jwks`: the keys can only be read with a token of the gateway.

use harness::faults::Fault;
use harness::idcs::{Application, Endpoint, Idcs};

use crate::support::example::ExampleBuilder;

const CLIENT: &str = "keys-only";
const SECRET: &str = "s3cret:+%";

#[test]
fn keys_that_are_not_public_are_fetched_with_a_token_for_nothing_else() {
    let idcs = Idcs::builder()
        .application(Application::new(CLIENT, SECRET))
        .set(|switches| switches.jwks_public = false)
        .start();
    let example = ExampleBuilder::of("private-jwks", idcs)
        .env("JWKS_CLIENT_ID", CLIENT)
        .env("JWKS_CLIENT_SECRET", SECRET)
        .start();
    let call = |token: &str| example.get("/echo").bearer(token).send().unwrap();
    let good = example.idcs.client_token().mint();
    for _ in 0..3 {
        let answer = call(&good);
        assert_eq!(answer.status, 200, "{}\n{}", answer.text(), example.traefik.log());
        assert_eq!(answer.json()["sub"], Application::GATEWAY_ID);
    }
    let expired = example.idcs.client_token().expired().mint();
    assert_eq!(call(&expired).status, 401);
    let forged = example.idcs.client_token().signed_by_another_key().mint();
    assert_eq!(call(&forged).status, 401);

    // The keys are fetched once, with one token. That token is valid only for the domain's own API.
    assert_eq!(example.idcs.jwks_calls(), 1);
    let mut asked = example.idcs.requests();
    asked.retain(|request| request.client_id.as_deref() == Some(CLIENT));
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(asked[0].form["scope"], "urn:opc:idm:__myscopes__");
    assert_eq!(example.idcs.token_calls(), 2, "the second token is for OIC");

    // The gateway continues to use keys and token while IDCS is down.
    for endpoint in [Endpoint::Jwks, Endpoint::Token] {
        example.idcs.down_at(endpoint, Fault::Refuse);
    }
    assert_eq!(call(&good).status, 200);
    assert!(!example.traefik.log().contains(SECRET));
}
