//! Key sets of different providers. The plugin reads all valid formats, and the log names a document that it cannot
//! read.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use harness::certificates::CertificateAuthority;
use harness::faults::Fault;
use harness::idcs::{Endpoint, Idcs};
use serde_json::{Value, json};

use super::{Refusal, published_by, routes, with, within};
use crate::support::assert_served;

/// Returns the domain's key set after `change` has edited each member of its keys.
fn changed(idcs: &Idcs, change: impl Fn(&mut Value)) -> Value {
    let mut jwks = idcs.jwks();
    for key in jwks["keys"].as_array_mut().unwrap() {
        change(key);
    }
    jwks
}

#[test]
fn keys_are_taken_however_the_provider_writes_them() {
    let padded = |key: &mut Value| {
        let modulus = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
        key["n"] = STANDARD.encode([vec![0], modulus].concat()).into();
        key["e"] = "AQAB==".into();
    };
    let nulls = |key: &mut Value| {
        for name in ["use", "alg", "d", "p", "x5c", "x5t#S256"] {
            key[name] = Value::Null;
        }
        key["key_ops"] = json!([]);
    };
    let names = ["/plain", "/padded", "/nulls", "/marked", "/beside"];
    let domains: Vec<Idcs> = names.iter().map(|_| Idcs::start()).collect();
    for (name, idcs) in names.iter().zip(&domains) {
        let document = match *name {
            "/padded" => changed(idcs, padded).to_string(),
            "/nulls" => changed(idcs, nulls).to_string(),
            "/marked" => format!("\u{feff}{}", idcs.jwks()),
            "/beside" => {
                let mut jwks = idcs.jwks();
                let mut encryption = jwks["keys"][0].clone();
                encryption["use"] = "enc".into();
                encryption["kid"] = "for-encryption".into();
                let damaged = json!({ "kty": "RSA", "kid": "damaged", "n": "AQAB", "e": 65537 });
                jwks["keys"]
                    .as_array_mut()
                    .unwrap()
                    .extend([Value::Null, encryption, damaged]);
                jwks.to_string()
            }
            _ => continue,
        };
        idcs.down_at(Endpoint::Jwks, Fault::body(document));
    }
    // The authority in the form of an environment file, with other text around it.
    let authority = CertificateAuthority::shared().ca_pem().replace('\n', r"\n");
    let options = |idcs: &Idcs| {
        let tls = json!({ "ca": format!("# the authority\n{authority}") });
        with(published_by(idcs), "clientConfig", json!({ "tls": tls }))
    };
    let table: Vec<(&str, Value)> = names
        .iter()
        .zip(&domains)
        .map(|(name, idcs)| (*name, options(idcs)))
        .collect();
    let gateway = routes(Idcs::start(), &table).start();
    for (name, idcs) in names.iter().zip(&domains) {
        let send = |token: &str| gateway.get(name).bearer(token).send().unwrap();
        let answer = send(&idcs.client_token().mint());
        assert_served(&answer, &gateway.traefik, name);
        let forged = idcs.client_token().signed_by_another_key().mint();
        Refusal::INVALID_TOKEN.assert(name, &send(&forged));
    }
    let log = gateway.traefik.log();
    let ignored: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("code=jwks.key_ignored"))
        .collect();
    let told = |words: &[&str]| {
        ignored
            .iter()
            .any(|line| words.iter().all(|word| line.contains(word)))
    };
    assert!(told(&[r#""level":"debug""#, "kid=for-encryption"]), "{ignored:?}");
    assert!(
        told(&[r#""level":"warn""#, "kid=damaged member=e", "its e is malformed"]),
        "{ignored:?}"
    );
    let warned = ignored.iter().filter(|line| line.contains(r#""level":"warn""#));
    assert!(
        warned.into_iter().all(|line| line.contains("kid=damaged")),
        "{ignored:?}"
    );
}

#[test]
fn a_document_that_is_not_a_key_set_is_named_in_the_log() {
    let gzip = Fault::Body {
        bytes: b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0".to_vec(),
        content_encoding: Some("gzip".to_owned()),
    };
    let wide: Vec<u8> = r#"{"keys":[]}"#.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let rows = [
        (
            "/gzip",
            gzip,
            "it is compressed (Content-Encoding), although the plain form was asked for (Content-Encoding: gzip)",
        ),
        ("/utf16", Fault::body(wide), "it is UTF-16 or UTF-32"),
        ("/empty", Fault::EmptyBody, "it is empty"),
        ("/html", Fault::Html, "it is HTML or XML"),
        (
            "/metadata",
            Fault::body(r#"{"jwks_uri":"https://id.example/keys"}"#),
            "it is the issuer's metadata",
        ),
        (
            "/twice",
            Fault::body(r#"{"keys":[],"keys":[]}"#),
            "it holds a member twice",
        ),
        (
            "/unusable",
            Fault::body(r#"{"keys":[{"kid":"SIGNING_KEY","kty":"RSA","e":"AQAB"}]}"#),
            r#"the key \\\"SIGNING_KEY\\\": its n is missing"#,
        ),
    ];
    let domains: Vec<Idcs> = rows.iter().map(|_| Idcs::start()).collect();
    let table: Vec<(&str, Value)> = rows
        .iter()
        .zip(&domains)
        .map(|((path, fault, _), idcs)| {
            idcs.down_at(Endpoint::Jwks, fault.clone());
            (*path, published_by(idcs))
        })
        .collect();
    let gateway = routes(Idcs::start(), &table).start();
    for ((path, _, told), idcs) in rows.iter().zip(&domains) {
        let good = idcs.client_token().mint();
        let answer = gateway.get(path).bearer(&good).send().unwrap();
        Refusal::IDENTITY_PROVIDER_UNAVAILABLE.assert(path, &answer);
        let log = gateway.traefik.log();
        let url = idcs.jwks_url();
        let line = log
            .lines()
            .find(|line| line.contains("code=fetch.failed") && line.contains(&url));
        assert!(line.is_some_and(|line| line.contains(told)), "{path}: {line:?}");
    }
}

#[test]
fn a_placeholder_that_was_left_in_is_said_when_the_plugin_starts() {
    let idcs = Idcs::start();
    let issuer = "https://login.microsoftonline.com/{tenantid}/v2.0";
    let left_in = with(published_by(&idcs), "issuers", json!([issuer]));
    let filled_in = with(published_by(&idcs), "issuers", json!([idcs.issuer()]));
    let gateway = routes(idcs, &[("/left-in", left_in), ("/filled-in", filled_in)]).start();
    let token = gateway.idcs.client_token().mint();
    Refusal::INVALID_TOKEN.assert("left in", &gateway.get("/left-in").bearer(&token).send().unwrap());
    assert_eq!(
        gateway.get("/filled-in").bearer(&token).send().unwrap().status,
        200
    );
    let told = within(Duration::from_secs(10), "the warning is in the log", || {
        let log = gateway.traefik.log();
        let lines: Vec<String> = log
            .lines()
            .filter(|line| line.contains("code=configuration.placeholder"))
            .map(str::to_owned)
            .collect();
        (!lines.is_empty()).then_some(lines)
    });
    for line in told {
        assert!(
            line.contains(r#""level":"warn""#)
                && line.contains("option=issuers[0]")
                && line.contains("{tenantid}"),
            "{line}"
        );
    }
}
