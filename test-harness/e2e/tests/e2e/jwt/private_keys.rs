//! Key sets that are not public: `jwksAuth`.

use harness::client::Response;
use harness::faults::Fault;
use harness::idcs::{Application, Endpoint, Idcs};
use serde_json::{Value, json};

use super::{Refusal, published_by, routes, with};
use crate::support::plugin_lines;

#[test]
fn a_key_set_that_is_not_public_opens_to_a_client_that_may_and_blames_no_caller() {
    let idcs = Idcs::builder()
        .application(Application::new("keys", "s3cret"))
        .application(Application::new("api", "s3cret").granted_scope("https://api.example.com/echo"))
        .set(|switches| switches.jwks_public = false)
        .start();
    let auth =
        |id: &str, secret: &str| json!({ "url": idcs.token_url(), "clientID": id, "clientSecret": secret });
    let open = |auth: Value| with(published_by(&idcs), "jwksAuth", auth);
    let mut entry = published_by(&idcs);
    entry["trustedIssuers"] = json!([{ "jwksUrl": entry["jwksUrl"], "jwksAuth": with(auth("keys", "s3cret"), "tokenEndpointAuthMethod", "client_secret_post") }]);
    entry.as_object_mut().unwrap().remove("jwksUrl");
    let wrong_scope = with(
        auth("api", "s3cret"),
        "scopes",
        json!(["https://api.example.com/echo"]),
    );
    let table = [
        ("/right", open(auth("keys", "s3cret"))),
        ("/entry", entry),
        ("/secret", open(auth("keys", "wr0ng"))),
        ("/client", open(auth("nobody", "s3cret"))),
        ("/scope", open(wrong_scope)),
        ("/without", published_by(&idcs)),
    ];
    let gateway = routes(idcs, &table).start();
    let token = gateway.idcs.client_token().mint();
    let forged = gateway.idcs.client_token().signed_by_another_key().mint();
    for _ in 0..2 {
        for (path, _) in &table {
            let answer = gateway.get(path).bearer(&token).send().unwrap();
            match *path {
                "/right" | "/entry" => {
                    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
                    let answer = gateway.get(path).bearer(&forged).send().unwrap();
                    Refusal::INVALID_TOKEN.assert(path, &answer);
                }
                "/without" => Refusal::IDENTITY_PROVIDER_UNAVAILABLE.assert(path, &answer),
                _ => assert_refused(path, &answer),
            }
        }
    }
    let log = gateway.traefik.log();
    for told in [
        "jwksAuth: status 401, error: invalid_client",
        "to the token of jwksAuth: its scopes are https://api.example.com/echo",
        "the key set is not public; give jwksAuth",
    ] {
        assert!(log.contains(told), "{told}: {log}");
    }
    for line in plugin_lines(&log) {
        assert!(!line.contains("s3cret") && !line.contains("wr0ng"), "{line}");
    }
    // Keys that have been fetched stay in use while no new ones are available.
    gateway.idcs.down_at(Endpoint::Token, Fault::Refuse);
    assert_eq!(gateway.get("/right").bearer(&token).send().unwrap().status, 200);
}

/// Asserts that the answer reports a problem of the gateway and does not blame the caller.
#[track_caller]
fn assert_refused(path: &str, answer: &Response) {
    let (text, body) = (answer.text(), answer.json());
    let reason = body["reason"].as_str();
    assert_eq!(
        (answer.status, reason),
        (502, Some("identity_provider_refused")),
        "{path}: {text}"
    );
    assert_eq!(answer.header("www-authenticate"), None, "{path}");
    assert!(answer.header("retry-after").is_some(), "{path}");
}
