//! `examples/caller-identity`: OIC learns who the caller is, and no caller can impersonate another one.

use harness::idcs::{Application, Idcs};
use serde_json::json;

use crate::support::example::ExampleBuilder;

const HEADERS: [&str; 5] = [
    "x-forwarded-user",
    "x-caller-client",
    "x-caller-unit",
    "x-caller-tenant",
    "x-caller-roles",
];

#[test]
fn oic_learns_who_calls_and_never_what_callers_say_of_themselves() {
    let example = ExampleBuilder::of("caller-identity", Idcs::start()).start();
    let tenant = example.idcs.tenant().to_owned();
    let told = |token: &str| {
        let mut request = example.get("/orders/7").bearer(token);
        for name in HEADERS {
            request = request
                .header(name, "forged")
                .header(&name.replace('-', "_"), "forged");
        }
        let answer = request.send().unwrap();
        assert_eq!(answer.status, 200, "{}\n{}", answer.text(), example.traefik.log());
        assert_eq!(answer.json()["sub"], Application::GATEWAY_ID);
        let seen = example.oic.last_request().unwrap();
        for name in HEADERS {
            assert_eq!(seen.count(&name.replace('-', "_")), 0, "{name}");
            assert_eq!(seen.count(name), 1, "{name}");
        }
        HEADERS.map(|name| seen.header(name).unwrap_or("none at all").to_owned())
    };
    let rich = example
        .idcs
        .client_token()
        .claim("sub", "jane")
        .claim("client_id", "shop")
        .claim("org", json!({ "unit": "hr" }))
        .claim("user.tenant.name", tenant.clone())
        .claim("roles", json!(["approver", "clerk"]));
    assert_eq!(
        told(&rich.mint()),
        ["jane", "shop", "hr", &tenant, r#"["approver","clerk"]"#]
    );
    let poor = example
        .idcs
        .client_token()
        .claim("sub", "joe")
        .claim("org", "hr")
        .without("client_id")
        .without("user.tenant.name");
    assert_eq!(told(&poor.mint()), ["joe", "", "", "", ""]);

    let served = example.oic.requests_count();
    for sub in ["jane ", "ja\nne", "ja\u{0}ne"] {
        let token = example.idcs.client_token().claim("sub", sub).mint();
        assert_eq!(
            example.get("/orders").bearer(&token).send().unwrap().status,
            401,
            "{sub:?}"
        );
    }
    assert_eq!(example.oic.requests_count(), served);
}
