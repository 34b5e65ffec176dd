//! `examples/opaque-tokens`: the provider introspects tokens, and the gateway calls OIC with its own token.

use harness::faults::Fault;
use harness::idcs::{Application, Idcs};
use serde_json::json;

use crate::support::assert_reason;
use crate::support::example::ExampleBuilder;

#[test]
fn opaque_tokens_open_the_way_to_oic_until_they_are_revoked() {
    let idcs = Idcs::start();
    idcs.register(Application::new("introspector", "s3cret").introspecting());
    let example = ExampleBuilder::of("opaque-tokens", idcs)
        .env("INTROSPECTION_CLIENT_ID", "introspector")
        .env("INTROSPECTION_CLIENT_SECRET", "s3cret")
        .start();
    let token = |user: &str, scope: &str| {
        let exp = example.idcs.clock().now() + 3600;
        example
            .idcs
            .opaque_token(&json!({ "sub": user, "scope": scope, "exp": exp }))
    };
    let call = |token: &str| {
        let request = example.get("/orders/7").header("X-Forwarded-User", "root");
        request.bearer(token).send().unwrap()
    };

    let jane = token("jane", "orders.read orders.write");
    for _ in 0..3 {
        let answer = call(&jane);
        assert_eq!(answer.status, 200, "{}\n{}", answer.text(), example.traefik.log());
        assert_eq!(answer.json()["sub"], Application::GATEWAY_ID);
        let seen = example.oic.last_request().unwrap();
        assert_eq!(
            seen.path,
            "/ic/api/integration/v2/flows/rest/project/DEMO/ECHO/1.0/7"
        );
        assert_eq!(seen.header("x-forwarded-user"), Some("jane"));
    }
    assert_eq!(
        (example.idcs.introspect_calls(), example.idcs.token_calls()),
        (1, 1)
    );

    let served = example.oic.requests_count();
    let revoked = token("jim", "orders.read");
    example.idcs.revoke(&revoked);
    for (what, token, status, reason) in [
        ("revoked", revoked, 401, "invalid_token"),
        ("made up", "AQmadeup".to_owned(), 401, "invalid_token"),
        (
            "without the scope",
            token("joe", "orders.write"),
            403,
            "insufficient_scope",
        ),
    ] {
        let answer = call(&token);
        assert_reason(&answer, status, reason, what);
    }
    assert_eq!(example.get("/orders/7").send().unwrap().status, 401);

    // During an outage, a caller who was accepted before can continue. Nobody else is accepted.
    let unknown = token("john", "orders.read");
    example.idcs.down(Fault::Refuse);
    assert_eq!(call(&unknown).status, 503);
    assert_eq!(example.oic.requests_count(), served);
    assert_eq!(call(&jane).status, 200);
    let log = example.traefik.log();
    for secret in [jane.as_str(), unknown.as_str(), "s3cret"] {
        assert!(!log.contains(secret), "{log}");
    }
}
