//! Every algorithm works with every suitable kind of configured key, and no algorithm works with an unsuitable key.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use harness::idcs::Idcs;
use harness::keys::Algorithm::{self, *};
use harness::keys::SigningKey;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Value, json};

use super::{Refusal, routes};
use crate::support::assert_served;

/// A router and the algorithms that it accepts.
struct Row {
    path: &'static str,
    options: Value,
    accepts: &'static [Algorithm],
}

/// One key of each kind, and a secret both as text and as bytes that are not text.
struct Keys {
    rsa: SigningKey,
    p256: SigningKey,
    p384: SigningKey,
    ed25519: SigningKey,
    text: String,
    bytes: [u8; 64],
}

impl Keys {
    /// Generates the keys. `index` selects the RSA key, because generating one is slow.
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

    /// Returns the key that can sign with `algorithm` for the router at `path`.
    fn signer(&self, algorithm: Algorithm, path: &str) -> SigningKey {
        match algorithm {
            EdDSA => self.ed25519.clone(),
            ES256 => self.p256.clone(),
            ES384 => self.p384.clone(),
            HS256 | HS384 | HS512 if path.contains("-base64") => SigningKey::hmac(&self.bytes),
            HS256 | HS384 | HS512 => SigningKey::hmac(self.text.as_bytes()).with_kid("secret"),
            PS256 | PS384 | PS512 | RS256 | RS384 | RS512 => self.rsa.clone(),
        }
    }

    fn public_jwks(&self) -> Value {
        let mut rsa = self.rsa.jwk();
        rsa.as_object_mut().unwrap().remove("alg"); // for every algorithm of RSA
        json!({ "keys": [rsa, self.p256.jwk(), self.p384.jwk(), self.ed25519.jwk()] })
    }

    fn rows(&self, files: &Path) -> Vec<Row> {
        let write = |name: &str, text: &str| {
            let path = files.join(name).display().to_string();
            std::fs::write(&path, text).unwrap();
            path
        };
        let jwks = self.public_jwks().to_string();
        let oct = json!({ "kty": "oct", "kid": "secret", "k": URL_SAFE_NO_PAD.encode(&self.text) });
        let oct = json!({ "keys": [oct] }).to_string();
        let pem = self.rsa.public_pem();
        let jwks_path = write("jwks.json", &jwks);
        let jwks_file = format!("file:{jwks_path}");
        let pem_file = format!("file:{}", write("public.pem", &pem));
        let secret_file = format!("file:{}", write("secret.txt", &format!("{}\n", self.text)));
        let base64 = STANDARD.encode(self.bytes);
        let base64_url = URL_SAFE_NO_PAD.encode(self.bytes);

        let mut rows = vec![
            row("/jwks-inline", "jwksFile", &jwks, &PUBLIC),
            row("/jwks-inline-only-rs256", "jwksFile", &jwks, &[RS256]),
            row("/jwks-inline-only-two", "jwksFile", &jwks, &[PS384, EdDSA]),
            row("/jwks-path", "jwksFile", &jwks_path, &PUBLIC),
            row("/jwks-file", "jwksFile", &jwks_file, &PUBLIC),
            row("/jwks-secret", "jwksFile", &oct, &HMAC),
            row("/pem-rsa", "publicKey", &pem, &RSA),
            row("/pem-p256", "publicKey", &self.p256.public_pem(), &[ES256]),
            row("/pem-p384", "publicKey", &self.p384.public_pem(), &[ES384]),
            row("/pem-ed25519", "publicKey", &self.ed25519.public_pem(), &[EdDSA]),
            row("/pem-one-line", "publicKey", &pem.replace('\n', " "), &RSA),
            row(
                "/pem-described",
                "publicKey",
                &format!("Subject: CN = a\r\n{pem}"),
                &RSA,
            ),
            row("/pem-file", "publicKey", &pem_file, &RSA),
            row("/pem-env", "publicKey", "env:JWT_PUBLIC_KEY", &RSA),
            row("/secret-text", "signingSecret", &self.text, &HMAC),
            row("/secret-text-only-hs512", "signingSecret", &self.text, &[HS512]),
            row("/secret-file", "signingSecret", &secret_file, &HMAC),
            row("/secret-base64", "signingSecret", &base64, &HMAC),
            row("/secret-base64-url", "signingSecret", &base64_url, &HMAC),
        ];
        for row in &mut rows {
            if row.path.contains("-only-") {
                let names: Vec<&str> = row.accepts.iter().map(|algorithm| algorithm.name()).collect();
                row.options["algorithms"] = json!(names);
            }
            if row.path.contains("-base64") {
                row.options["signingSecretBase64Encoded"] = json!(true);
            }
        }
        rows
    }
}

fn row(path: &'static str, option: &str, value: &str, accepts: &'static [Algorithm]) -> Row {
    Row {
        path,
        options: json!({ option: value }),
        accepts,
    }
}

const HMAC: [Algorithm; 3] = [HS256, HS384, HS512];
const RSA: [Algorithm; 6] = [PS256, PS384, PS512, RS256, RS384, RS512];
const PUBLIC: [Algorithm; 9] = [EdDSA, ES256, ES384, PS256, PS384, PS512, RS256, RS384, RS512];

#[test]
fn every_configured_key_verifies_its_own_algorithms_and_no_others() {
    let (keys, strangers) = (Keys::generate(0), Keys::generate(1));
    // These files are in a read-only mount, besides the state directory.
    let files = tempfile::tempdir().unwrap();
    let state = tempfile::tempdir().unwrap();
    let rows = keys.rows(files.path());
    let table: Vec<(&str, Value)> = rows.iter().map(|row| (row.path, row.options.clone())).collect();
    let mounts = [
        state.path().display().to_string(),
        format!("{}:ro", files.path().display()),
    ];
    // Environment files contain line breaks as two characters.
    let pem = keys.rsa.public_pem().replace('\n', r"\n");
    let gateway = routes(Idcs::start(), &table)
        .state(state.path())
        .traefik(move |traefik| {
            let settings = json!({ "mounts": mounts, "envs": ["JWT_PUBLIC_KEY"] });
            traefik.env("JWT_PUBLIC_KEY", pem).static_patch(
                json!({ "experimental": { "localPlugins": { "jwt": { "settings": settings } } } }),
            )
        })
        .start();

    let send = |path: &str, key: &SigningKey, algorithm: Algorithm| {
        let token = gateway.idcs.client_token().signed_by(key, algorithm).mint();
        gateway.get(path).bearer(&token).send().unwrap()
    };

    let mut accepted = 0;
    for Row { path, accepts, .. } in &rows {
        for algorithm in Algorithm::ALL {
            let case = format!("{path} and {}", algorithm.name());
            let answer = send(path, &keys.signer(algorithm, path), algorithm);
            if accepts.contains(&algorithm) {
                assert_served(&answer, &gateway.traefik, &case);
                accepted += 1;
            } else {
                Refusal::INVALID_TOKEN.assert(&case, &answer);
            }
            let forged = send(path, &strangers.signer(algorithm, path), algorithm);
            Refusal::INVALID_TOKEN.assert(&format!("{case}, another key"), &forged);
        }
        // Algorithm confusion: the public key is used as an HMAC secret.
        for secret in [keys.rsa.public_pem().into_bytes(), keys.rsa.public_der(), vec![]] {
            let forged = send(path, &SigningKey::hmac(&secret), HS256);
            Refusal::INVALID_TOKEN.assert(&format!("{path} and the public key as secret"), &forged);
        }
    }
    assert_eq!(gateway.oic.requests_count(), accepted);
    assert_eq!(
        gateway.idcs.jwks_calls(),
        0,
        "configured keys need no identity provider"
    );
}
