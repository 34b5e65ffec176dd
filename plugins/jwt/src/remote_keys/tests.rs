use super::*;
use crate::{KeyOptions, Options};
use egress::platform::Native;
use middleware::{Level, Secret};
use oauth::{Client, ClientAuthentication};
use serde_json::json;

/// The identity under which routers with these extra options share keys.
fn identity_of(more: &[(&str, serde_json::Value)]) -> Vec<String> {
    let mut block = json!({ "jwksUrl": "https://idcs.example/jwk" });
    for (name, value) in more {
        block[*name] = value.clone();
    }
    let host = Native::new("/nonexistent", |_| {});
    match Options::parse(block.to_string().as_bytes(), &host).unwrap().keys {
        KeyOptions::Remote(options) => identity(&options, &options.urls[0], &host),
        KeyOptions::Static(_) => panic!("{block}"),
    }
}

#[test]
fn keys_are_shared_only_between_routers_that_would_have_fetched_the_same() {
    let tls = |tls: serde_json::Value| ("clientConfig", json!({ "tls": tls }));
    let plain = identity_of(&[]);
    assert_eq!(
        plain,
        identity_of(&[("issuers", json!("a")), ("tenant", json!("b"))])
    );
    for different in [
        ("jwksUrl", json!("https://idcs.example/other")),
        ("maxStaleSeconds", json!(0)),
        ("refetchIntervalSeconds", json!(1)),
        ("refetchIntervalSeconds", json!(30)),
        (
            "jwksAuth",
            json!({ "url": "https://idcs.example/token", "clientID": "a", "clientSecret": "b" }),
        ),
        tls(json!({ "insecureSkipVerify": true })),
        tls(json!({ "ca": "file:/a.pem" })),
    ] {
        assert_ne!(
            plain,
            identity_of(std::slice::from_ref(&different)),
            "{different:?}"
        );
    }
    let [one, other] = ["file:/a.pem", "file:/b.pem"].map(|ca| identity_of(&[tls(json!({ "ca": ca }))]));
    assert_ne!(one, other);
}

fn jwks(login: Option<KeysLogin>) -> Jwks {
    let seal = Seal::public(&[]);
    Jwks {
        name: seal.name("jwks", &[]),
        seal: Rc::new(seal),
        former: None,
        proof: None,
        url: Url::parse("https://idcs.example/jwk").unwrap(),
        login,
        max_stale: Duration::ZERO,
        shortest_lifetime: Duration::from_secs(1),
        platform: Rc::new(Native::new("/nonexistent", |_| {})),
    }
}

fn login() -> KeysLogin {
    KeysLogin {
        option: "jwksAuth".to_owned(),
        url: Url::parse("https://idcs.example/token").unwrap(),
        client: Client {
            id: "gateway".to_owned(),
            authentication: ClientAuthentication::SecretBasic(Secret::new("hunter2")),
        },
        scopes: vec!["urn:opc:idm:__myscopes__".to_owned()],
    }
}

/// Fetches from a fake provider that gives these answers. The second value lists the requests that it received.
fn fetch(jwks: &Jwks, answers: &[(u16, &str)]) -> (Result<Fetched<KeySet>, FetchError>, Vec<String>) {
    let (mut asked, mut answers) = (Vec::new(), answers.iter());
    let mut send = |request: &Request<Vec<u8>>| {
        let authorization = request.headers().get(header::AUTHORIZATION);
        let authorization = authorization.map_or("-", |value| value.to_str().unwrap());
        let body = String::from_utf8_lossy(request.body());
        asked.push(format!("{} {authorization} {body}", request.uri()));
        let (status, body) = answers.next().unwrap();
        let answer = Response::builder().status(*status);
        Ok(answer.body(body.as_bytes().to_vec()).unwrap())
    };
    let outcome = jwks.fetch(&mut send, UnixTime::from_secs(1000));
    (outcome, asked)
}

const KEYS: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"}]}"#;
const TOKEN: &str = r#"{"access_token":"a.b-c","token_type":"Bearer","expires_in":60}"#;

#[test]
fn keys_that_are_not_public_are_asked_for_with_a_token_of_the_gateways() {
    let (outcome, asked) = fetch(&jwks(Some(login())), &[(200, TOKEN), (200, KEYS)]);
    assert_eq!(
        outcome.unwrap().value,
        KeySet::from_jwks(KEYS.as_bytes()).unwrap()
    );
    let basic = "Basic Z2F0ZXdheTpodW50ZXIy";
    let form = "grant_type=client_credentials&scope=urn%3Aopc%3Aidm%3A__myscopes__";
    assert_eq!(
        asked,
        [
            format!("https://idcs.example/token {basic} {form}"),
            "https://idcs.example/jwk Bearer a.b-c ".to_owned()
        ]
    );
    let (_, asked) = fetch(&jwks(None), &[(200, KEYS)]);
    assert_eq!(asked, ["https://idcs.example/jwk - "]);
}

#[test]
fn a_key_that_is_left_out_is_named_with_the_member_that_is_to_blame() {
    let document = json!({"keys": [
        {"kty": "RSA", "kid": "enc", "use": "enc"}, {"kty": "RSA", "kid": "SIGNING_KEY", "n": 7},
        {"kty": "EC", "crv": "P-521", "alg": "ES512"}, {"kty": "OKP", "crv": "Ed25519",
        "x": "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"},
    ]});
    let keys = KeySet::from_jwks(document.to_string().as_bytes()).unwrap();
    let url = Url::parse("https://idcs.example/jwk").unwrap();
    let events: Vec<_> = keys
        .ignored()
        .iter()
        .map(|ignored| key_ignored(&url, ignored))
        .collect();
    let told: Vec<_> = events.iter().map(|event| (event.level(), event.line())).collect();
    let begin = "code=jwks.key_ignored url=https://idcs.example/jwk";
    assert_eq!(
        told,
        [
            (
                Level::Debug,
                format!("{begin} kid=enc reason=\"it is not meant for signatures\"").as_str()
            ),
            (
                Level::Warn,
                &format!("{begin} kid=SIGNING_KEY member=n reason=\"its n is malformed\"")
            ),
            (
                Level::Info,
                &format!("{begin} kid=\"\" member=alg reason=\"its alg is not supported\"")
            ),
        ]
    );
}

#[test]
fn an_answer_that_is_not_a_key_set_says_what_it_is() {
    for (body, told) in [
        (
            "",
            "status 200 with a body that is not a JSON Web Key Set: it is empty",
        ),
        ("<!doctype html>", "it is HTML or XML"),
        (r#"{"jwks_uri":"https://a/b"}"#, "it is the issuer's metadata"),
        (
            r#"{"keys":[{"kid":"a","kty":"RSA","n":"AQAB"}]}"#,
            r#"holds no usable key; the key "a": its e is missing"#,
        ),
    ] {
        let (outcome, _) = fetch(&jwks(None), &[(200, body)]);
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains(told), "{body}: {error}");
    }
    let mut gzip = |_: &Request<Vec<u8>>| {
        let answer = Response::builder().header(header::CONTENT_ENCODING, "gzip");
        Ok(answer.body(b"\x1f\x8b\x08\0".to_vec()).unwrap())
    };
    let outcome = jwks(None).fetch(&mut gzip, UnixTime::from_secs(1000));
    let error = outcome.unwrap_err().to_string();
    assert!(
        error.contains("it is compressed") && error.contains("(Content-Encoding: gzip)"),
        "{error}"
    );
    let marked = format!("\u{feff}{KEYS}");
    assert!(fetch(&jwks(None), &[(200, &marked)]).0.is_ok());
}

#[test]
fn whose_fault_it_is_is_told_apart() {
    let refused = r#"{"error":"invalid_client","error_description":"Client authentication failed."}"#;
    for (login, answers, is_refused, told) in [
        (
            Some(login()),
            &[(401, refused)][..],
            true,
            "jwksAuth: status 401, error: invalid_client",
        ),
        (Some(login()), &[(503, "")], false, "jwksAuth: status 503"),
        (
            Some(login()),
            &[(200, "{}")],
            false,
            "jwksAuth: status 200 without",
        ),
        (
            Some(login()),
            &[(200, TOKEN), (401, "")],
            true,
            "status 401 to the token of jwksAuth: its scopes are urn:opc:idm:__myscopes__",
        ),
        (Some(login()), &[(200, TOKEN), (500, "")], false, "status 500"),
        (None, &[(401, "")], false, "give jwksAuth"),
    ] {
        let (outcome, _) = fetch(&jwks(login), answers);
        let error = outcome.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(told), "{text}");
        assert_eq!(matches!(error, FetchError::Refused { .. }), is_refused, "{text}");
        assert!(!text.contains("hunter2") && !text.contains("a.b-c"), "{text}");
    }
}

#[test]
fn a_provider_that_asks_to_be_left_alone_is() {
    for (value, seconds) in [
        (Some("7"), Some(7)),
        (Some("Wed, 21 Oct 2026 07:28:00 GMT"), None),
        (None, None),
    ] {
        let outcome = jwks(None).fetch(
            &mut |_| {
                let answer = Response::builder().status(429);
                let answer = match value {
                    Some(value) => answer.header(header::RETRY_AFTER, value),
                    None => answer,
                };
                Ok(answer.body(Vec::new()).unwrap())
            },
            UnixTime::from_secs(1000),
        );
        let expected = FetchError::Unavailable {
            detail: "status 429".to_owned(),
            retry_after: seconds.map(Duration::from_secs),
        };
        assert_eq!(outcome.unwrap_err(), expected, "{value:?}");
    }
}
