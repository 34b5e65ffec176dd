//! `examples/static-keys`: replaces OCI API Gateway's JWT policy with a static key, and calls OIC with the gateway's
//! own token.

use harness::faults::Fault;
use harness::idcs::{Application, ClientToken, Endpoint, Idcs};
use serde_json::{Value, json};

use crate::support::example::{ExampleBuilder, text_of};

/// Returns the modulus of the example's fictitious key.
fn modulus() -> String {
    let yaml: Value = serde_saphyr::from_str(&text_of("static-keys/dynamic.yml")).unwrap();
    let jwk = &yaml["http"]["middlewares"]["client-token"]["plugin"]["jwt"]["jwksFile"];
    let jwk: Value = serde_json::from_str(jwk.as_str().unwrap()).unwrap();
    jwk["n"].as_str().unwrap().to_owned()
}

#[test]
fn a_static_key_stands_for_ocis_jwt_policy() {
    let idcs = Idcs::start();
    // This gateway never fetches keys.
    idcs.down_at(Endpoint::Jwks, Fault::Refuse);
    let own = idcs.jwks()["keys"][0]["n"].as_str().unwrap().to_owned();
    let example = ExampleBuilder::of("static-keys", idcs)
        .name(&modulus(), own)
        .start();
    let call = |token: &str| example.get("/hello/world").bearer(token).send().unwrap();
    let token = || example.idcs.client_token();

    let good = token().mint();
    let answer = call(&good);
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), example.traefik.log());
    assert_eq!(answer.json()["sub"], Application::GATEWAY_ID);
    let seen = example.oic.last_request().unwrap();
    assert_eq!(
        seen.path,
        "/ic/api/integration/v2/flows/rest/project/DEMO/ECHO/1.0/world"
    );
    let within_the_skew = token().expires_in(-30).mint();
    assert_eq!(call(&within_the_skew).status, 200);

    let served = example.oic.requests_count();
    let tenants = json!([example.idcs.tenant()]);
    let table: [(&str, ClientToken); 10] = [
        ("expired", token().expired()),
        ("expired by more than clocks may differ", token().expires_in(-61)),
        ("not yet valid", token().not_yet_valid()),
        ("of another issuer", token().issuer("https://other.example.com/")),
        ("for another API", token().audience("https://other.example.com/")),
        ("of another tenant", token().claim("tenant", "idcs-0")),
        ("of a list of tenants", token().claim("tenant", tenants)),
        ("of no tenant", token().without("tenant")),
        ("signed by another key", token().signed_by_another_key()),
        ("unsigned", token().unsigned()),
    ];
    for (what, token) in table {
        let answer = call(&token.mint());
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
        assert_eq!(answer.json()["reason"], "invalid_token", "{what}");
    }
    assert_eq!(
        example.get("/hello").send().unwrap().json()["reason"],
        "missing_token"
    );
    assert_eq!(example.oic.requests_count(), served);

    // The new key of IDCS has the same ID, and the gateway does not know it.
    example.idcs.rotate_now();
    assert_eq!(call(&example.idcs.client_token().mint()).status, 401);
    assert_eq!(call(&good).status, 200);
    assert_eq!(example.idcs.jwks_calls(), 0);
}
