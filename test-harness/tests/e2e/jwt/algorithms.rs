//! Every algorithm with every kind of configured key, and no algorithm with a key that is not for it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Value, json};
use test_harness::idcs::{Idcs, IdcsHandle};
use test_harness::keys::Algorithm::{self, *};
use test_harness::keys::SigningKey;

use super::{Refusal, routes};

/// A router and what it takes.
struct Row {
    path: &'static str,
    options: Value,
    accepts: &'static [Algorithm],
}

/// One key of each kind, and the secret as text and as bytes that are no text.
struct Keys {
    rsa: SigningKey,
    p256: SigningKey,
    p384: SigningKey,
    ed25519: SigningKey,
    text: String,
    bytes: [u8; 64],
}

impl Keys {
    /// `index` chooses the RSA key, which takes long to make.
    fn generate(index: usize) -> Self {
        let random = SystemRandom::new();
        let (mut text, mut bytes) = ([0; 48], [0; 64]);
        random.fill(&mut text).unwrap();
        random.fill(&mut bytes).unwrap();
        bytes[0] = 0xff; // never UTF-8
        Self {
            rsa: SigningKey::rsa_cached(2048, index).with_kid("rsa"),
            p256: SigningKey::p256().with_kid("p256"),
            p384: SigningKey::p384().with_kid("p384"),
            ed25519: SigningKey::ed25519().with_kid("ed25519"),
            text: STANDARD.encode(text),
            bytes,
        }
    }

    /// The key that can sign with `algorithm`, on a router whose secret is `secret`.
    fn signer(&self, algorithm: Algorithm, secret: &[u8]) -> SigningKey {
        match algorithm {
            EdDSA => self.ed25519.clone(),
            ES256 => self.p256.clone(),
            ES384 => self.p384.clone(),
            HS256 | HS384 | HS512 => SigningKey::hmac(secret).with_kid("secret"),
            PS256 | PS384 | PS512 | RS256 | RS384 | RS512 => self.rsa.clone(),
        }
    }

    /// The secret that a router takes, or that an attacker would try on it.
    fn secret(&self, path: &str) -> &[u8] {
        if path.starts_with("/secret-base64") {
            &self.bytes
        } else {
            self.text.as_bytes()
        }
    }

    fn public_jwks(&self) -> Value {
        let mut rsa = self.rsa.jwk();
        rsa.as_object_mut().unwrap().remove("alg"); // for every algorithm of RSA
        json!({ "keys": [rsa, self.p256.jwk(), self.p384.jwk(), self.ed25519.jwk()] })
    }

    fn rows(&self, files: &Path) -> Vec<Row> {
        let row = |path, options, accepts| Row {
            path,
            options,
            accepts,
        };
        let pem = self.rsa.public_pem();
        let (jwks, secret) = (
            self.public_jwks().to_string(),
            json!({
                "keys": [{ "kty": "oct", "kid": "secret", "k": URL_SAFE_NO_PAD.encode(&self.text) }],
            }),
        );
        let write = |name: &str, text: &str| {
            let path = files.join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (jwks_file, pem_file) = (write("jwks.json", &jwks), write("public.pem", &pem));
        let secret_file = write("secret.txt", &format!("{}\n", self.text));
        let base64 = |signing_secret: String| json!({ "signingSecret": signing_secret, "signingSecretBase64Encoded": true });
        vec![
            row("/jwks-inline", json!({ "jwksFile": jwks }), &PUBLIC),
            row("/jwks-path", json!({ "jwksFile": jwks_file }), &PUBLIC),
            row(
                "/jwks-file",
                json!({ "jwksFile": format!("file:{jwks_file}") }),
                &PUBLIC,
            ),
            row("/jwks-secret", json!({ "jwksFile": secret.to_string() }), &HMAC),
            row(
                "/jwks-one-algorithm",
                json!({ "jwksFile": jwks, "algorithms": ["RS256"] }),
                &[RS256],
            ),
            row(
                "/jwks-two-algorithms",
                json!({ "jwksFile": jwks, "algorithms": ["PS384", "EdDSA"] }),
                &[PS384, EdDSA],
            ),
            row("/secret-text", json!({ "signingSecret": self.text }), &HMAC),
            row(
                "/secret-file",
                json!({ "signingSecret": format!("file:{secret_file}") }),
                &HMAC,
            ),
            row(
                "/secret-base64-standard",
                base64(STANDARD.encode(self.bytes)),
                &HMAC,
            ),
            row(
                "/secret-base64-url",
                base64(URL_SAFE_NO_PAD.encode(self.bytes)),
                &HMAC,
            ),
            row(
                "/secret-one-algorithm",
                json!({ "signingSecret": self.text, "algorithms": ["HS512"] }),
                &[HS512],
            ),
            row("/pem-rsa", json!({ "publicKey": pem }), &RSA),
            row(
                "/pem-p256",
                json!({ "publicKey": self.p256.public_pem() }),
                &[ES256],
            ),
            row(
                "/pem-p384",
                json!({ "publicKey": self.p384.public_pem() }),
                &[ES384],
            ),
            row(
                "/pem-ed25519",
                json!({ "publicKey": self.ed25519.public_pem() }),
                &[EdDSA],
            ),
            row(
                "/pem-file",
                json!({ "publicKey": format!("file:{pem_file}") }),
                &RSA,
            ),
            row("/pem-env", json!({ "publicKey": "env:JWT_PUBLIC_KEY" }), &RSA),
        ]
    }
}

const HMAC: [Algorithm; 3] = [HS256, HS384, HS512];
const RSA: [Algorithm; 6] = [PS256, PS384, PS512, RS256, RS384, RS512];
const PUBLIC: [Algorithm; 9] = [EdDSA, ES256, ES384, PS256, PS384, PS512, RS256, RS384, RS512];

fn token(idcs: &IdcsHandle, key: &SigningKey, algorithm: Algorithm) -> String {
    idcs.client_token().signed_by(key, algorithm).mint()
}

#[test]
fn every_configured_key_verifies_its_own_algorithms_and_no_others() {
    let (keys, strangers) = (Keys::generate(0), Keys::generate(1));
    // Files that Traefik hands on read-only, beside the state directory.
    let files = tempfile::tempdir().unwrap();
    let state = tempfile::tempdir().unwrap();
    let rows = keys.rows(files.path());
    let table: Vec<(&str, Value)> = rows.iter().map(|row| (row.path, row.options.clone())).collect();
    let mounts = [
        state.path().display().to_string(),
        format!("{}:ro", files.path().display()),
    ];
    let pem = keys.rsa.public_pem();
    let gateway = routes(Idcs::start(), &table)
        .state(state.path())
        .traefik(move |traefik| {
            let settings = json!({ "mounts": mounts, "envs": ["JWT_PUBLIC_KEY"] });
            traefik.env("JWT_PUBLIC_KEY", pem).static_patch(
                json!({ "experimental": { "localPlugins": { "jwt": { "settings": settings } } } }),
            )
        })
        .start();

    let mut accepted = 0;
    for row in &rows {
        for algorithm in Algorithm::ALL {
            let case = format!("{} and {}", row.path, algorithm.name());
            let send = |key: &SigningKey| {
                gateway
                    .get(row.path)
                    .bearer(&token(&gateway.idcs, key, algorithm))
                    .send()
                    .unwrap()
            };
            let answer = send(&keys.signer(algorithm, keys.secret(row.path)));
            if row.accepts.contains(&algorithm) {
                assert_eq!(
                    answer.status,
                    200,
                    "{case}: {}\n{}",
                    answer.text(),
                    errors(&gateway.traefik.log())
                );
                accepted += 1;
            } else {
                Refusal::INVALID_TOKEN.assert(&case, &answer);
            }
            let forged = send(&strangers.signer(algorithm, strangers.secret(row.path)));
            Refusal::INVALID_TOKEN.assert(&format!("{case}, forged"), &forged);
        }
        // Algorithm confusion with a configured key.
        for secret in [
            keys.rsa.public_pem().into_bytes(),
            keys.rsa.public_der(),
            Vec::new(),
        ] {
            let forged = token(&gateway.idcs, &SigningKey::hmac(&secret), HS256);
            let answer = gateway.get(row.path).bearer(&forged).send().unwrap();
            Refusal::INVALID_TOKEN.assert(&format!("{}, HS256 with the public key", row.path), &answer);
        }
    }
    assert_eq!(gateway.oic.requests_count(), accepted);
    assert_eq!(
        gateway.idcs.jwks_calls(),
        0,
        "configured keys need no identity provider"
    );
    assert!(!gateway.traefik.log().contains("configuration.refused"));
}

fn errors(log: &str) -> String {
    log.lines()
        .filter(|line| line.contains(r#""level":"error""#))
        .collect()
}
