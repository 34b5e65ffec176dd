//! `basicCredentials` and its example: the user name and password that the backend sees.

use harness::client::Response;
use harness::gateway::{BASIC_CREDENTIALS, Gateway};
use harness::idcs::Idcs;
use harness::oic::{Oic, OicBuilder, token_hash};
use harness_build::guests::Guest;
use serde_json::json;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::assert_reason;
use crate::support::example::ExampleBuilder;

const ERP_KEY: &str = "0b9c4f0e6d1a4c58a7f3e2d1c0b9a8f7";
const BILLING_KEY: &str = "another-key-of-32-characters-???";

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

fn with_users(oic: OicBuilder) -> OicBuilder {
    oic.basic_user("stored", "pä:ss", false)
        .basic_user("jane", "secret", false)
        .basic_user("joe", "secret", true)
}

#[track_caller]
fn assert_refused(what: &str, answer: &Response, status: u16, reason: &str) {
    let shown = format!("{what}: {} {:?} {}", answer.status, answer.headers, answer.text());
    assert_reason(answer, status, reason, &shown);
    assert_eq!(
        answer.header("www-authenticate").is_some(),
        status == 401,
        "{shown}"
    );
}

#[test]
fn the_basic_example_passes_own_credentials_on_and_puts_stored_ones_in_for_keys() {
    let secrets = tempfile::tempdir().unwrap();
    std::fs::write(secrets.path().join("oic-password"), "pä:ss\n").unwrap();
    let example = ExampleBuilder::with_oic("basic-credentials", Idcs::start(), with_users)
        .name("YOUR_INTEGRATION", "ECHO")
        .name("/etc/traefik-oic-secrets", secrets.path().display().to_string())
        .env("OIC_USERNAME", "stored")
        .env("ERP_API_KEY", ERP_KEY)
        .env("BILLING_KEY_HASH", token_hash(BILLING_KEY))
        .start();
    let oic = &example.oic;
    // Method 1: the backend sees the caller's own credentials and checks them.
    let own = |credentials: &str| {
        example
            .get("/own/orders?x=1")
            .header("authorization", credentials)
            .send()
            .unwrap()
    };
    let answer = own(&basic("jane", "secret"));
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), example.traefik.log());
    assert_eq!(answer.json()["sub"], "jane");
    let seen = oic.last_request().unwrap();
    assert!(
        seen.path
            .starts_with("/ic/api/integration/v1/flows/rest/ECHO/1.0/orders"),
        "{}",
        seen.path
    );
    for refused_by_oic in [basic("jane", "wrong"), basic("joe", "secret")] {
        let answer = own(&refused_by_oic);
        assert_eq!(
            (answer.status, &answer.json()["reason"]),
            (401, &json!(null)),
            "the refusal is the backend's"
        );
    }
    let before = oic.requests_count();
    assert_refused(
        "none",
        &example.get("/own").send().unwrap(),
        401,
        "missing_credentials",
    );
    assert_refused("token", &own("Bearer a.b.c"), 401, "missing_credentials");
    assert_refused("garbage", &own("Basic ???"), 400, "invalid_request");

    // Method 2: every caller with a key uses the stored user.
    let keyed = |headers: &[(&str, &str)]| {
        let request = example.get("/keyed");
        let request = headers
            .iter()
            .fold(request, |request, (name, value)| request.header(name, value));
        request.send().unwrap()
    };
    let stored = token_hash(&basic("stored", "pä:ss")["Basic ".len()..]);
    for key in [ERP_KEY, BILLING_KEY] {
        let answer = keyed(&[("x-api-key", key)]);
        assert_eq!(
            (answer.status, &answer.json()["sub"]),
            (200, &json!("stored")),
            "{}",
            answer.text()
        );
        let seen = oic.last_request().unwrap();
        assert_eq!(seen.header("x-api-key"), None);
        assert_eq!(
            seen.header("authorization"),
            Some(&*format!("Basic sha256:{stored}"))
        );
    }
    let own = basic("jane", "secret");
    for (what, headers, status, reason) in [
        ("no key", vec![], 401, "missing_credentials"),
        (
            "wrong key",
            vec![("x-api-key", "0b9c4f0e6d1a4c58a7f3e2d1c0b9a8f8")],
            401,
            "invalid_credentials",
        ),
        (
            "two keys",
            vec![("x-api-key", ERP_KEY), ("x-api-key", BILLING_KEY)],
            401,
            "invalid_credentials",
        ),
        (
            "own credentials",
            vec![("x-api-key", ERP_KEY), ("authorization", &own)],
            400,
            "invalid_request",
        ),
        (
            "own credentials alone",
            vec![("authorization", &own)],
            400,
            "invalid_request",
        ),
    ] {
        assert_refused(what, &keyed(&headers), status, reason);
    }
    assert_eq!(
        oic.requests_count(),
        before + 2,
        "only the two requests with keys"
    );
    let log = example.traefik.log();
    for secret in [ERP_KEY, BILLING_KEY, "pä:ss", &stored] {
        let shown = log
            .lines()
            .any(|line| line.contains("code=") && line.contains(secret));
        assert!(!shown, "{secret}");
    }
}

#[test]
fn behind_jwt_everybody_is_the_stored_user_if_that_is_asked_for() {
    let options = |more: serde_json::Value| {
        let mut options = json!({ "username": "stored", "password": "pä:ss" });
        options
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({ "plugin": { BASIC_CREDENTIALS: options } })
    };
    let router = |middlewares: &[&str], path: &str| json!({ "rule": format!("Path(`{path}`)"), "middlewares": middlewares, "service": "oic" });
    let gateway = Gateway::builder()
        .plugin(BASIC_CREDENTIALS, Guest::BASIC_CREDENTIALS)
        .oic(|idcs| with_users(Oic::builder(idcs)).start())
        .http(json!({
            "routers": {
                "method3": router(&["rewrite", "jwt", "stored"], "/method3"),
                "forgotten": router(&["rewrite", "open"], "/forgotten"),
            },
            "middlewares": {
                "stored": options(json!({ "allowAnonymous": true })),
                "open": options(json!({})),
            },
        }))
        .start();
    let answer = gateway.get_as_client("/method3").send().unwrap();
    assert_eq!(
        (answer.status, &answer.json()["sub"]),
        (200, &json!("stored")),
        "{}\n{}",
        answer.text(),
        gateway.traefik.log()
    );
    assert_eq!(gateway.get("/method3").send().unwrap().status, 401);
    assert_refused(
        "no keys",
        &gateway.get("/forgotten").send().unwrap(),
        500,
        "configuration",
    );
    assert_eq!(gateway.oic.requests_count(), 1);
}
