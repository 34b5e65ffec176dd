//! How the gateway authenticates at the token endpoint with assertions and with its certificate (RFC 7523, RFC 8705).

use std::time::Duration;

use harness::certificates::{CertificateAuthority, ServerCertificate};
use harness::faults::Fault;
use harness::idcs::{Application, Endpoint, Idcs};
use harness::keys::SigningKey;
use harness::merge::merge;
use serde_json::{Value, json};

use super::{Case, assert_refused, side_by_side};
use crate::support::{Deadline, plugin_lines};

/// Returns a key of the gateway. No tenant uses these key numbers.
fn rsa(number: usize) -> SigningKey {
    SigningKey::rsa_cached(2048, 700_000 + number).with_kid("gateway-key")
}

fn case(name: &str, application: Application, options: Value) -> Case {
    let idcs = Idcs::builder().asks_for_certificates().start();
    idcs.register(application);
    Case::of(idcs, name, options)
}

fn private_key_jwt(key: &SigningKey, more: &Value) -> Value {
    let mut options = json!({
        "clientSecret": null,
        "tokenEndpointAuthMethod": "private_key_jwt",
        "clientAssertion": { "key": key.private_pem() },
    });
    merge(&mut options["clientAssertion"], more);
    options
}

fn tls_client_auth(certificate: &ServerCertificate) -> Value {
    json!({
        "clientSecret": null,
        "tokenEndpointAuthMethod": "tls_client_auth",
        "clientConfig": { "tls": { "cert": certificate.certificate_pem(), "key": certificate.key_pem() } },
    })
}

#[test]
fn the_gateway_proves_itself_by_a_fresh_assertion_or_its_certificate() {
    let (key, p256) = (rsa(0), SigningKey::p256().with_kid("gateway-key"));
    let certificate = CertificateAuthority::shared().issue_client("gateway");
    let domain_wide = "https://identity.oraclecloud.com/";
    let gateway = Application::gateway;
    let cases = [
        case(
            "secretjwt",
            gateway(),
            json!({ "tokenEndpointAuthMethod": "client_secret_jwt" }),
        ),
        case(
            "alias",
            gateway().key(&key),
            private_key_jwt(&key, &json!({ "keyId": "gateway-key", "algorithm": "RS256" })),
        ),
        case(
            "thumbprint",
            gateway().key(&key),
            private_key_jwt(
                &key,
                &json!({ "certificate": key.certificate_pem(), "audience": domain_wide }),
            ),
        ),
        case(
            "p256",
            gateway().key(&p256),
            private_key_jwt(&p256, &json!({ "keyId": "gateway-key" })),
        ),
        case(
            "tls",
            gateway().known_by(&certificate),
            tls_client_auth(&certificate),
        ),
    ];
    let gateway = side_by_side(&cases).start();
    for case in &cases {
        let answer = case.get(&gateway);
        assert_eq!(answer.status, 200, "{}: {}", case.name, answer.text());
        let [request] = case.idcs.requests().try_into().unwrap();
        let shown = format!("{}: {request:?}", case.name);
        assert_eq!(request.status, Some(200), "{shown}");
        assert_eq!(request.authorization_scheme, None, "{shown}");
        assert!(!request.form.contains_key("client_secret"), "{shown}");
        assert_eq!(
            request.client_id.as_deref(),
            Some(Application::GATEWAY_ID),
            "{shown}"
        );
        let by_assertion = request.form.contains_key("client_assertion");
        assert_eq!(by_assertion, case.name != "tls", "{shown}");
    }
    let log = gateway.traefik.log();
    assert!(
        !plugin_lines(&log).any(|line| line.contains("PRIVATE") || line.contains("eyJ")),
        "{log}"
    );
}

#[test]
fn a_provider_that_does_not_accept_the_proof_is_an_operators_matter_and_the_log_says_why() {
    let (right, wrong) = (rsa(0), rsa(1));
    let named = json!({ "keyId": "gateway-key" });
    let certificate = |name: &str| CertificateAuthority::shared().issue_client(name);
    let registered = || Application::gateway().key(&right);
    let cases = [
        (
            case("wrongkey", registered(), private_key_jwt(&wrong, &named)),
            "Assertion signature is invalid",
        ),
        (
            case(
                "unknownkey",
                registered(),
                private_key_jwt(&right, &json!({ "keyId": "old" })),
            ),
            "signed by a key that is not registered",
        ),
        (
            case("unnamedkey", registered(), private_key_jwt(&right, &json!({}))),
            "signed by a key that is not registered",
        ),
        (
            case(
                "wrongaudience",
                registered(),
                private_key_jwt(
                    &right,
                    &json!({ "keyId": "gateway-key", "audience": "https://elsewhere/" }),
                ),
            ),
            "Assertion audience is invalid",
        ),
        (
            case(
                "wrongsecret",
                registered(),
                json!({ "clientSecret": "not the one", "tokenEndpointAuthMethod": "client_secret_jwt" }),
            ),
            "Assertion signature is invalid",
        ),
        (
            case(
                "othercertificate",
                registered().known_by(&certificate("gateway")),
                tls_client_auth(&certificate("somebody else")),
            ),
            "error: invalid_client",
        ),
    ];
    let gateway = side_by_side(cases.iter().map(|(case, _)| case)).start();
    for (case, _) in &cases {
        let answer = case.get(&gateway);
        assert_refused(&case.name, &answer, 502, "identity_provider_refused", 10);
        assert_eq!(case.oic.requests_count(), 0, "{}", case.name);
    }
    let log = gateway.traefik.log();
    for (case, why) in &cases {
        let url = format!("url={}", case.idcs.token_url());
        let told = plugin_lines(&log)
            .filter(|line| line.contains("code=fetch.failed") && line.contains(&url))
            .all(|line| line.contains("refused the gateway's own request") && line.contains(why));
        assert!(told && log.contains(&url), "{}: {log}", case.name);
    }
}

#[test]
fn a_new_key_takes_over_with_the_configuration_and_the_old_one_is_not_missed() {
    let (old, new) = (rsa(0).with_kid("key-1"), rsa(1).with_kid("key-2"));
    let case = case(
        "rotated",
        Application::gateway().key(&old),
        private_key_jwt(&old, &json!({ "keyId": "key-1" })),
    );
    let mut gateway = side_by_side([&case]).start();
    assert_eq!(case.get(&gateway).status, 200);

    case.idcs.register(Application::gateway().key(&new));
    let file = gateway.traefik.dir().join("dynamic/dynamic.yml");
    let mut dynamic: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let options = &mut dynamic["http"]["middlewares"]["rotated"]["plugin"]["oAuthClientCredentials"];
    options["clientAssertion"] = json!({ "key": new.private_pem(), "keyId": "key-2" });
    gateway.traefik.write_dynamic(&dynamic.to_string()).unwrap();
    assert_eq!(case.get(&gateway).status, 200);
    assert_eq!(
        case.idcs.token_calls(),
        2,
        "the new key does not use the old key's token"
    );
    assert!(
        case.idcs
            .requests()
            .iter()
            .all(|request| request.status == Some(200))
    );
}

#[test]
fn an_assertion_whose_answer_got_lost_is_replaced_by_another() {
    let key = rsa(0);
    let case = case(
        "lost",
        Application::gateway().key(&key),
        private_key_jwt(&key, &json!({ "keyId": "gateway-key" })),
    );
    case.idcs.down(Fault::Refuse);
    let gateway = side_by_side([&case]).start();
    case.idcs.up();
    case.idcs.down_for(Endpoint::Token, 1, Fault::TruncatedBody);
    let deadline = Deadline::after(Duration::from_secs(10));
    while case.get(&gateway).status != 200 {
        deadline.pause("a token");
    }
    let statuses: Vec<_> = case
        .idcs
        .requests()
        .iter()
        .map(|request| request.status)
        .collect();
    assert_eq!(
        statuses,
        [Some(200), Some(401), Some(200)],
        "accepted but lost, refused as a replay, then a new one"
    );
}
