//! `examples/client-authentication`: five ways to authenticate the gateway. Without valid credentials, none of them
//! works.

use std::fs;
use std::time::Duration;

use harness::certificates::CertificateAuthority;
use harness::idcs::{Application, Idcs};
use harness::keys::SigningKey;
use serde_json::json;

use crate::support::example::ExampleBuilder;
use crate::support::{assert_served, plugin_lines};

#[test]
fn each_of_the_five_proofs_gets_a_token_and_a_wrong_one_is_the_operators_matter() {
    let key = SigningKey::rsa_cached(2048, 700_000).with_kid("gateway-2026");
    let certificate = CertificateAuthority::shared().issue_client("gateway");
    let lifetime = 2;
    let idcs = Idcs::builder()
        .asks_for_certificates()
        .set(|switches| switches.default_ttl = lifetime)
        .start();
    idcs.register(Application::gateway().key(&key).known_by(&certificate));
    let secrets = tempfile::tempdir().unwrap();
    for (file, content) in [
        ("gateway.key", key.private_pem()),
        ("client.crt", certificate.certificate_pem()),
        ("client.key", certificate.key_pem()),
    ] {
        fs::write(secrets.path().join(file), content).unwrap();
    }
    let example = ExampleBuilder::of("client-authentication", idcs)
        .name("/etc/traefik-oic-secrets", secrets.path().display().to_string())
        .start();
    let caller = example.idcs.client_token().expires_in(3600).mint();
    let call = |way: &str| {
        let path = format!("/{way}/orders");
        example.get(&path).bearer(&caller).send().unwrap()
    };
    // Methods with the same secret share a token. Wait until it has expired, so that each method is used.
    let expires = || std::thread::sleep(Duration::from_secs(lifetime.into()));
    for (way, scheme, field) in [
        ("by-secret", Some("Basic"), None),
        ("by-secret-in-body", None, Some("client_secret")),
        ("by-secret-assertion", None, Some("client_assertion")),
        ("by-key", None, Some("client_assertion")),
        ("by-certificate", None, None),
    ] {
        expires();
        example.idcs.forget_records();
        let answer = call(way);
        assert_served(&answer, &example.traefik, way);
        assert_eq!(answer.json()["sub"], Application::GATEWAY_ID, "{way}");
        assert_eq!(
            example.oic.last_request().unwrap().path,
            "/ic/api/integration/v2/flows/rest/project/DEMO/ECHO/1.0/orders"
        );
        let [request] = example.idcs.requests().try_into().unwrap();
        assert_eq!(request.authorization_scheme.as_deref(), scheme, "{way}");
        for name in ["client_secret", "client_assertion"] {
            assert_eq!(
                request.form.contains_key(name),
                field == Some(name),
                "{way}: {name}"
            );
        }
    }
    let log = example.traefik.log();
    for line in plugin_lines(&log) {
        assert!(!line.contains("PRIVATE") && !line.contains("eyJ"), "{line}");
    }

    // The same client ID, now with another secret, another key, and no certificate.
    let other = SigningKey::rsa_cached(2048, 700_001).with_kid("gateway-2026");
    example
        .idcs
        .register(Application::new(Application::GATEWAY_ID, "changed").key(&other));
    expires();
    let served = example.oic.requests_count();
    for way in [
        "by-secret",
        "by-secret-in-body",
        "by-secret-assertion",
        "by-key",
        "by-certificate",
    ] {
        let answer = call(way);
        assert_eq!(
            (answer.status, &answer.json()["reason"]),
            (502, &json!("identity_provider_refused")),
            "{way}"
        );
    }
    assert_eq!(example.oic.requests_count(), served);
}
