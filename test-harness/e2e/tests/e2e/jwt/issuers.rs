//! Several issuers with their own keys: `trustedIssuers`, and a path as `jwksUrl`.

use harness::certificates::CertificateAuthority;
use harness::faults::Fault;
use harness::idcs::{Idcs, IdcsHandle};
use serde_json::{Value, json};

use super::{Refusal, routes};

fn options(more: &Value) -> Value {
    let authority = CertificateAuthority::shared().ca_pem();
    let mut options = json!({ "clientConfig": { "tls": { "ca": authority }, "maxRetries": 0 } });
    let members = options.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    options
}

#[test]
fn a_token_is_judged_by_the_keys_of_the_issuer_it_names() {
    let first = Idcs::start();
    let [second, third, away] = [1, 2, 3].map(|tenant| Idcs::builder().tenant(tenant).start());
    away.down(Fault::Refuse);
    let named = |idcs: &IdcsHandle| json!({ "issuer": idcs.url(), "jwksUrl": idcs.jwks_url() });
    let (one, two) = (named(&first), named(&second));
    let path = first.jwks_url().strip_prefix(&first.url()).unwrap().to_owned();
    assert!(path.starts_with('/'), "{path}");
    let table = [
        (
            "/two",
            options(&json!({ "trustedIssuers": [one, two, named(&away)] })),
        ),
        (
            "/rest",
            options(&json!({ "trustedIssuers": [one, { "jwksUrl": third.jwks_url() }] })),
        ),
        (
            "/path",
            options(&json!({ "jwksUrl": path, "issuers": [first.url(), second.url()] })),
        ),
    ];
    let gateway = routes(first, &table).start();
    let first: &IdcsHandle = &gateway.idcs;
    let (third, second, away): (&IdcsHandle, &IdcsHandle, &IdcsHandle) = (&third, &second, &away);
    let token = |signer: &IdcsHandle, issuer: &IdcsHandle| signer.client_token().issuer(&issuer.url()).mint();
    for _ in 0..2 {
        for (case, token, expected) in [
            ("first", token(first, first), [200, 200, 200]),
            ("second", token(second, second), [200, 401, 200]),
            ("third", token(third, third), [401, 200, 401]),
            ("first as second", token(first, second), [401, 401, 401]),
            ("second as first", token(second, first), [401, 401, 401]),
            ("third as first", token(third, first), [401, 401, 401]),
            ("third as second", token(third, second), [401, 200, 401]),
            ("away", token(away, away), [503, 401, 401]),
            (
                "nobody",
                third.client_token().without("iss").mint(),
                [401, 200, 401],
            ),
        ] {
            for ((path, _), expected) in table.iter().zip(expected) {
                let answer = gateway.get(path).bearer(&token).send().unwrap();
                assert_eq!(answer.status, expected, "{case} on {path}: {}", answer.text());
                match expected {
                    401 => Refusal::INVALID_TOKEN.assert(case, &answer),
                    503 => Refusal::IDENTITY_PROVIDER_UNAVAILABLE.assert(case, &answer),
                    _ => {}
                }
            }
        }
    }
    // Three routers with the same keys share one key set, no matter how many tokens were wrong.
    assert!(first.jwks_calls() <= 2, "{}", first.jwks_calls());
}

#[test]
fn a_path_without_issuers_is_refused_since_any_caller_could_name_his_own() {
    let gateway = routes(
        Idcs::start(),
        &[(
            "/open",
            options(&json!({ "jwksUrl": "/admin/v1/SigningCert/jwk" })),
        )],
    )
    .start();
    let token = gateway.idcs.client_token().issuer(&gateway.idcs.url()).mint();
    let answer = gateway.get("/open").bearer(&token).send().unwrap();
    assert_eq!(
        (answer.status, answer.json()["reason"].as_str()),
        (500, Some("configuration"))
    );
    assert!(
        gateway.traefik.log().contains("list in issuers"),
        "{}",
        gateway.traefik.log()
    );
}
