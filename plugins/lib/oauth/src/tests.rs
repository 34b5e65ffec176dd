//! Client assertions from option to request, read by another library as a provider would read them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::Uri;
use jwt_simple::prelude::*;
use middleware::pace::{STRETCH, watch};
use middleware::{SecretRef, UnixTime};
use serde_json::{Value, json};
use test_doubles::TestHost;

use crate::{AssertionOptions, Client, ClientOptions, TokenRequest};

const ENDPOINT: &str = "https://idcs-0/oauth2/v1/token";
const SECRET: &str = "a client secret of 36 characters or so";

fn client(method: &str, assertion: &Value) -> Result<Client, String> {
    let assertion: AssertionOptions = serde_json::from_value(assertion.clone()).unwrap();
    let options = ClientOptions {
        id: Some(&SecretRef::new("app")),
        secret: Some(&SecretRef::new(SECRET)),
        method: Some(method),
        assertion: &assertion,
        tls_key: None,
    };
    options
        .client(&TestHost::new())
        .map_err(|error| error.to_string())
}

fn now() -> UnixTime {
    UnixTime::from_secs(Clock::now_since_epoch().as_secs())
}

/// The assertion of a request that this client makes now.
fn assertion(client: &Client) -> String {
    assertion_on(&TestHost::new(), client)
}

fn assertion_on(host: &TestHost, client: &Client) -> String {
    let request = TokenRequest::client_credentials(client.clone());
    let request = request.to_http(&Uri::from_static(ENDPOINT), now(), host).unwrap();
    assert!(!request.headers().contains_key("authorization"));
    let form: std::collections::BTreeMap<String, String> =
        form_urlencoded::parse(request.body()).into_owned().collect();
    assert_eq!(form["client_id"], "app");
    assert_eq!(
        form["client_assertion_type"],
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
    assert!(!form.contains_key("client_secret"));
    form["client_assertion"].clone()
}

fn header(token: &str) -> Value {
    let (header, _) = token.split_once('.').unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}

fn options(audience: &str) -> VerificationOptions {
    VerificationOptions {
        allowed_issuers: Some(["app".to_owned()].into()),
        allowed_audiences: Some([audience.to_owned()].into()),
        required_subject: Some("app".to_owned()),
        max_validity: Some(Duration::from_mins(10)),
        ..Default::default()
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

#[test]
fn the_work_of_every_signature_is_divided_by_safe_points() {
    let rsa = |bits| {
        pem(
            "PRIVATE KEY",
            &RS256KeyPair::generate(bits).unwrap().to_der().unwrap(),
        )
    };
    let p256 = ES256KeyPair::generate().to_pem().unwrap();
    // ring computes a P-256 signature in one piece, which therefore begins at a safe point.
    for (key, pieces, longest) in [
        (rsa(2048), 10..100, STRETCH),
        (rsa(4096), 100..400, STRETCH),
        (p256, 1..2, STRETCH + 1),
    ] {
        let client = client("private_key_jwt", &json!({ "key": key })).unwrap();
        let (_, pace) = watch(|| assertion(&client));
        assert!(pieces.contains(&pace.safe_points), "{pace:?}");
        assert!(pace.longest_stretch <= longest, "{pace:?}");
    }
}

#[test]
fn a_provider_accepts_the_assertion_of_every_kind_of_key() {
    let rsa = RS256KeyPair::generate(2048).unwrap();
    let pkcs8 = rsa.to_der().unwrap();
    // RFC 5958: what is before the key itself has a fixed length for RSA keys of this size.
    let pkcs1 = pem("RSA PRIVATE KEY", pkcs8.get(26..).unwrap());
    for key in [pem("PRIVATE KEY", &pkcs8), pkcs1] {
        let client = client("private_key_jwt", &json!({"key": key, "keyId": "gateway-2"})).unwrap();
        let token = assertion(&client);
        let public = rsa.public_key();
        let claims = public.verify_token::<NoCustomClaims>(&token, Some(options(ENDPOINT)));
        assert!(claims.unwrap().jwt_id.is_some());
        assert_eq!(
            header(&token),
            json!({"alg": "RS256", "typ": "JWT", "kid": "gateway-2"})
        );
    }
    let p256 = ES256KeyPair::generate();
    let audience = "https://identity.oraclecloud.com/";
    let given = json!({"key": p256.to_pem().unwrap(), "algorithm": "ES256", "audience": audience});
    let token = assertion(&client("private_key_jwt", &given).unwrap());
    let public = p256.public_key();
    public
        .verify_token::<NoCustomClaims>(&token, Some(options(audience)))
        .unwrap();
    assert_eq!(header(&token), json!({"alg": "ES256", "typ": "JWT"}));

    let token = assertion(&client("client_secret_jwt", &json!({})).unwrap());
    let key = HS256Key::from_bytes(SECRET.as_bytes());
    key.verify_token::<NoCustomClaims>(&token, Some(options(ENDPOINT)))
        .unwrap();
}

#[test]
fn no_assertion_comes_twice_and_none_lives_long() {
    let client = client("client_secret_jwt", &json!({})).unwrap();
    let host = TestHost::new();
    let claims = || {
        let key = HS256Key::from_bytes(SECRET.as_bytes());
        key.verify_token::<NoCustomClaims>(&assertion_on(&host, &client), None)
            .unwrap()
    };
    let (first, second) = (claims(), claims());
    assert_ne!(first.jwt_id, second.jwt_id);
    let lifetime = first.expires_at.unwrap() - first.issued_at.unwrap();
    assert_eq!(lifetime.as_secs(), 300);
}

#[test]
fn the_key_is_named_by_its_certificate_too() {
    let pair = rcgen::KeyPair::generate().unwrap();
    let certificate = |pair: &rcgen::KeyPair| rcgen::CertificateParams::default().self_signed(pair).unwrap();
    let own = certificate(&pair);
    let given = json!({"key": pair.serialize_pem(), "certificate": own.pem(), "keyId": "alias"});
    let header = header(&assertion(&client("private_key_jwt", &given).unwrap()));
    let digest = |hash| URL_SAFE_NO_PAD.encode(ring::digest::digest(hash, own.der()));
    assert_eq!(header["x5t"], digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY));
    assert_eq!(header["x5t#S256"], digest(&ring::digest::SHA256));
    assert_eq!(header["kid"], "alias");

    // Environment files, YAML and OpenSSL change the text, not what it holds.
    for line_break in [r"\n", " ", "\r\n", "\n    "] {
        let written = |pem: String| format!("subject=CN = a\n{}", pem.replace('\n', line_break));
        let given = json!({"key": written(pair.serialize_pem()), "certificate": written(own.pem())});
        assert!(client("private_key_jwt", &given).is_ok(), "{given}");
    }

    let other = certificate(&rcgen::KeyPair::generate().unwrap()).pem();
    let given = json!({"key": pair.serialize_pem(), "certificate": other});
    let error = client("private_key_jwt", &given).unwrap_err();
    assert!(
        error.starts_with("clientAssertion.certificate: is not the certificate of the key"),
        "{error}"
    );
}

#[test]
fn wrong_options_are_named() {
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384)
        .unwrap()
        .serialize_pem();
    for (method, assertion, problem) in [
        (
            "basic",
            json!({}),
            "tokenEndpointAuthMethod: must be client_secret_basic, client_secret_post, client_secret_jwt,",
        ),
        ("private_key_jwt", json!({}), "clientAssertion.key: is required"),
        (
            "private_key_jwt",
            json!({"key": "hunter2"}),
            "clientAssertion.key: is not PEM (-----BEGIN …-----); for a file write file:/path",
        ),
        (
            "private_key_jwt",
            json!({"key": key.replace("PRIVATE", "ENCRYPTED PRIVATE")}),
            "clientAssertion.key: holds a key under a password",
        ),
        (
            "private_key_jwt",
            json!({"key": key.replace("PRIVATE", "EC PRIVATE")}),
            "clientAssertion.key: is a key of a form that is not known",
        ),
        (
            "private_key_jwt",
            json!({"key": format!("{key}{key}")}),
            "clientAssertion.key: holds several private keys",
        ),
        (
            "private_key_jwt",
            json!({"key": p384}),
            "clientAssertion.key: is not an RSA key of 2048 to 4096 bits that can be used",
        ),
        (
            "private_key_jwt",
            json!({"key": key, "algorithm": "RS256"}),
            "clientAssertion.algorithm: does not fit the key, which signs ES256",
        ),
        (
            "private_key_jwt",
            json!({"key": key, "certificate": "hunter2"}),
            "clientAssertion.certificate: is not PEM",
        ),
        (
            "private_key_jwt",
            json!({"key": key, "keyId": "file:/nowhere"}),
            "clientAssertion.keyId: names the file",
        ),
        (
            "client_secret_jwt",
            json!({"key": key}),
            "clientAssertion.key: is for private_key_jwt",
        ),
        (
            "client_secret_post",
            json!({"key": key}),
            "clientAssertion: is of use only where",
        ),
        (
            "",
            json!({"audience": "x"}),
            "clientAssertion: is of use only where",
        ),
        ("tls_client_auth", json!({}), "clientConfig.tls.key: is required"),
    ] {
        let error = client(method, &assertion).unwrap_err();
        assert!(error.starts_with(problem), "{method}: {error}");
        assert!(
            !error.contains("hunter2") && !error.contains("MII"),
            "{method}: {error}"
        );
    }
}

#[test]
fn what_only_the_client_knows_is_its_secret_or_its_key() {
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    let assertion = json!({"key": key});
    for (method, given, secret) in [
        ("", json!({}), SECRET),
        ("client_secret_post", json!({}), SECRET),
        ("client_secret_jwt", json!({}), SECRET),
        ("private_key_jwt", assertion, key.trim_end()),
    ] {
        let client = client(method, &given).unwrap();
        assert_eq!(client.secret().unwrap().expose(), secret, "{method}");
        let shown = format!("{client:?}");
        assert!(!shown.contains(secret) && !shown.contains("PRIVATE"), "{shown}");
    }
}
