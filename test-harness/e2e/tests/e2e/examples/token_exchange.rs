//! `examples/token-exchange`: the authorization server validates the caller's token itself (RFC 8693).

use harness::entra::{API, Entra};
use harness::idcs::{Application, Idcs, Resource};

use crate::support::assert_reason;
use crate::support::example::ExampleBuilder;

const JANE: &str = "jane@example.com";

#[test]
fn a_callers_token_is_exchanged_once_and_only_where_both_sides_take_it() {
    let entra = Entra::start();
    let idcs = Idcs::builder().trusting(&entra).user(JANE).start();
    let gateway = Application::gateway();
    let (oic, authorization_server) = (Resource::oic(), idcs.address().to_string());
    let jwks = entra.jwks_url();
    let example = ExampleBuilder::with_oic("token-exchange", idcs, |oic| oic.service_invoker(JANE))
        .name("https://YOUR_CALLERS_ISSUER/keys", jwks)
        .name("https://YOUR_CALLERS_ISSUER/", entra.issuers()[1].as_str())
        .name("YOUR_API", API)
        .name(
            "YOUR_AUTHORIZATION_SERVER/token",
            format!("{authorization_server}/oauth2/v1/token"),
        )
        .name("YOUR_OIC_SCOPE", oic.full_scope("urn:opc:resource:consumer::all"))
        .name("YOUR_OIC_AUDIENCE", oic.primary_audience.as_str())
        .env("EXCHANGE_CLIENT_ID", gateway.client_id)
        .env("EXCHANGE_CLIENT_SECRET", gateway.client_secret)
        .start();
    let call = |token: &str| example.get("/orders/7").bearer(token).send().unwrap();

    let jane = entra.token(JANE).mint();
    for _ in 0..3 {
        let answer = call(&jane);
        assert_eq!(answer.status, 200, "{}\n{}", answer.text(), example.traefik.log());
        assert_eq!(answer.json()["sub"], JANE);
    }
    let [request] = example.idcs.requests().try_into().unwrap();
    for (name, value) in [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", "[redacted]"),
        (
            "subject_token_type",
            "urn:ietf:params:oauth:token-type:access_token",
        ),
        (
            "requested_token_type",
            "urn:ietf:params:oauth:token-type:access_token",
        ),
        ("audience", oic.primary_audience.as_str()),
    ] {
        assert_eq!(request.form[name], value, "{name}");
    }
    let seen = example.oic.last_request().unwrap();
    assert!(!seen.header("authorization").unwrap().contains(&jane));

    let served = example.oic.requests_count();
    for (what, token, status, reason) in [
        (
            "another audience",
            entra.token(JANE).claim("aud", "another").mint(),
            401,
            "invalid_token",
        ),
        (
            "without the scope",
            entra.token(JANE).claim("scp", "User.Read").mint(),
            403,
            "insufficient_scope",
        ),
        (
            "unknown at the authorization server",
            entra.token("nobody@example.com").mint(),
            401,
            "invalid_token",
        ),
    ] {
        let answer = call(&token);
        assert_reason(&answer, status, reason, what);
    }
    assert_eq!(example.get("/orders/7").send().unwrap().status, 401);
    assert_eq!(example.oic.requests_count(), served);
    assert_eq!(
        example.idcs.token_calls(),
        2,
        "one for jane and one for the unknown user"
    );
}
