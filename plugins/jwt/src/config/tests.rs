//! Tests of every option: accepted values, and the errors for wrong ones.

use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use egress::Url;
use jose::KeySet;
use jwt_simple::prelude::Ed25519KeyPair;
use middleware::{FileError, Secret};
use oauth::{Client, ClientAuthentication};
use serde_json::{Value, json};
use test_doubles::TestHost;

use super::*;
use crate::{AccessRule, KeysLogin, OnDeny, PathPattern};

fn parse_with(options: &Value, document: &str) -> Result<Options, ConfigError> {
    let host = TestHost::new()
        .with_variable("KEYS", document)
        .with_file("/keys/it", document)
        .with_unreadable_file("/keys/missing", FileError::NotFound);
    Options::parse(options.to_string().as_bytes(), &host)
}

fn parse(options: &Value) -> Result<Options, ConfigError> {
    parse_with(options, "")
}

/// The smallest valid block, with `more` on top.
fn with(more: Value) -> Value {
    let mut options = json!({"jwksUrl": "https://idp.example/jwk"});
    options
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    options
}

fn key_url(issuer: Option<&str>, option: &str, url: &str) -> KeyUrl {
    KeyUrl {
        issuer: issuer.map(str::to_owned),
        option: option.to_owned(),
        url: Url::parse(url).unwrap(),
        login: None,
    }
}

fn ed25519() -> (String, String) {
    let public = Ed25519KeyPair::generate().public_key();
    let jwk: Value = serde_json::from_str(&public.to_jwk()).unwrap();
    (public.to_pem(), json!({"keys": [jwk]}).to_string())
}

#[test]
fn defaults_are_the_documented_ones() {
    let options = parse(&with(json!({}))).unwrap();
    let KeyOptions::Remote(remote) = options.keys else {
        panic!("jwksUrl is a remote source");
    };
    assert_eq!(remote.urls, [key_url(None, "jwksUrl", "https://idp.example/jwk")]);
    assert_eq!((remote.client.timeout_seconds, remote.client.max_retries), (5, 3));
    assert_eq!(remote.max_stale, Duration::from_secs(3600));
    assert_eq!(remote.refetch_interval, None);
    assert_eq!(remote.state_directory, None);
    let asymmetric = Algorithm::ALL
        .into_iter()
        .filter(|a| a.key_type() != KeyType::Symmetric);
    assert_eq!(
        options.rules,
        Rules {
            accept: Acceptance {
                max_bytes: 16384,
                algorithms: asymmetric.collect(),
            },
            policy: Policy {
                issuers: vec![],
                audiences: vec![],
                verify_claims: vec![],
                required_scopes: vec![],
                leeway: Duration::from_secs(60),
                require_exp: true,
                tenant: None,
                claims: None,
            },
            access: None,
            token_header: TokenHeader::default(),
            token_field: None,
            forward_authorization: false,
            claim_headers: ClaimHeaders::default(),
        }
    );
}

#[test]
fn every_option_arrives() {
    let options = parse(&json!({
        "jwksUrl": "https://idp.example/jwk", "issuers": ["i"], "audiences": "a,b", "requiredScopes": ["read"],
        "leewaySeconds": "0", "algorithms": ["RS256", "ES384"], "requireExp": "false", "maxTokenBytes": 8000.0,
        "tenant": "idcs-a", "forwardAuthorization": true, "maxStaleSeconds": 60, "refetchIntervalSeconds": 3600,
        "claims": "Equals(`grp`, `admin`)", "tokenKey": "token", "forwardHeaders": {"X-Group": "grp"},
        "usernameClaim": "sub", "usernameHeader": "X-Who",
        "stateDirectory": "/state", "clientConfig": {"timeoutSeconds": 2, "maxRetries": 0,
        "tls": {"ca": "file:/ca.pem", "insecureSkipVerify": "true"}},
    }))
    .unwrap();
    let KeyOptions::Remote(remote) = options.keys else {
        panic!("jwksUrl is a remote source");
    };
    assert_eq!((remote.client.timeout_seconds, remote.client.max_retries), (2, 0));
    assert!(remote.client.tls.insecure_skip_verify && remote.client.tls.ca.is_some());
    assert_eq!(remote.max_stale, Duration::from_secs(60));
    assert_eq!(remote.refetch_interval, Some(Duration::from_secs(3600)));
    assert_eq!(remote.state_directory.as_deref(), Some("/state"));
    let headers = [("X-Group".to_owned(), "grp".to_owned())].into();
    assert_eq!(
        options.rules,
        Rules {
            accept: Acceptance {
                max_bytes: 8000,
                algorithms: vec![Algorithm::Rs256, Algorithm::Es384],
            },
            policy: Policy {
                issuers: vec!["i".to_owned()],
                audiences: vec!["a".to_owned(), "b".to_owned()],
                verify_claims: vec![],
                required_scopes: vec!["read".to_owned()],
                leeway: Duration::ZERO,
                require_exp: false,
                tenant: Some("idcs-a".to_owned()),
                claims: Some(Expression::parse("Equals(`grp`, `admin`)").unwrap()),
            },
            access: None,
            token_header: TokenHeader::default(),
            token_field: Some(TokenField::new("token")),
            forward_authorization: true,
            claim_headers: ClaimHeaders::new(&headers, "sub", "X-Who").unwrap(),
        }
    );
}

fn static_keys_of(options: Result<Options, ConfigError>) -> Rc<KeySet> {
    match options.unwrap().keys {
        KeyOptions::Static(keys) => keys,
        KeyOptions::Remote(_) => panic!("the keys are given"),
    }
}

#[test]
fn keys_may_be_written_down_or_named() {
    let (pem, jwks) = ed25519();
    for options in [
        json!({"jwksFile": jwks}),
        json!({"jwksFile": format!("\n  {jwks}\n")}),
        json!({"jwksFile": "/keys/it"}),
        json!({"jwksFile": "file:/keys/it"}),
        json!({"jwksFile": "env:KEYS"}),
        json!({"jwksFile": jwks.trim_start_matches("{\"keys\":[").trim_end_matches("]}")}),
    ] {
        let keys = static_keys_of(parse_with(&options, &jwks));
        assert_eq!(*keys, KeySet::from_jwks(jwks.as_bytes()).unwrap(), "{options}");
    }
    for options in [
        json!({"publicKey": pem}),
        json!({"publicKey": pem.replace('\n', r"\n")}),
        json!({"publicKey": format!("# a comment\r\n{}", pem.replace('\n', " "))}),
        json!({"publicKey": "file:/keys/it"}),
        json!({"publicKey": "env:KEYS"}),
        json!({"publicKey": pem, "jwksUrl": "", "signingSecret": "", "jwksFile": null}),
    ] {
        let keys = static_keys_of(parse_with(&options, &pem));
        assert_eq!(*keys, KeySet::from_pem(&pem).unwrap(), "{options}");
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_key_file() {
    let (_, jwks) = ed25519();
    let plain = static_keys_of(parse_with(&json!({ "jwksFile": jwks }), ""));
    let marked = format!("\u{feff}{jwks}\r\n");
    for (reference, file) in [
        (marked.as_str(), ""),
        ("file:/keys/it", &marked),
        ("/keys/it", &marked),
    ] {
        let options = json!({ "jwksFile": reference });
        assert_eq!(static_keys_of(parse_with(&options, file)), plain, "{options}");
    }
}

#[test]
fn secrets_may_be_written_down_or_named_in_clear_or_in_base64() {
    let secret = "?".repeat(50); // its base64 needs padding and has characters in which the two alphabets differ
    let standard = STANDARD.encode(&secret);
    let url_safe = URL_SAFE_NO_PAD.encode(&secret);
    assert_ne!(standard.trim_end_matches('='), url_safe);
    for (options, document) in [
        (json!({"signingSecret": secret}), ""),
        (json!({"signingSecret": "env:KEYS"}), secret.as_str()),
        (json!({"signingSecret": "file:/keys/it"}), &format!("{secret}\n")),
        (
            json!({"signingSecret": standard, "signingSecretBase64Encoded": true}),
            "",
        ),
        (
            json!({"signingSecret": url_safe, "signingSecretBase64Encoded": "true"}),
            "",
        ),
        (
            json!({"signingSecret": "env:KEYS", "signingSecretBase64Encoded": true}),
            &standard,
        ),
    ] {
        let keys = static_keys_of(parse_with(&options, document));
        assert_eq!(
            *keys,
            KeySet::from_secret(secret.as_bytes()).unwrap(),
            "{options}"
        );
    }
}

#[test]
fn the_algorithms_are_those_the_keys_can_serve() {
    let (pem, _) = ed25519();
    for (options, expected) in [
        (json!({"publicKey": pem}), vec![Algorithm::EdDsa]),
        (json!({"signingSecret": "s".repeat(32)}), vec![Algorithm::Hs256]),
        (
            json!({"signingSecret": "s".repeat(64)}),
            vec![Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512],
        ),
        (
            json!({"signingSecret": "s".repeat(64), "algorithms": ["HS512"]}),
            vec![Algorithm::Hs512],
        ),
    ] {
        assert_eq!(
            parse(&options).unwrap().rules.accept.algorithms,
            expected,
            "{options}"
        );
    }
}

#[test]
fn wrong_blocks_name_the_option_and_the_cure() {
    let (pem, _) = ed25519();
    let short = "hunter2".repeat(4);
    for (options, field, cure) in [
        (json!({}), "jwksUrl", "exactly one source of keys"),
        (
            json!({"jwksUrl": "", "publicKey": ""}),
            "jwksUrl",
            "exactly one source of keys",
        ),
        (
            with(json!({"publicKey": pem})),
            "publicKey",
            "jwksUrl and publicKey are given",
        ),
        (
            json!({"jwksFile": "{}", "signingSecret": "x"}),
            "signingSecret",
            "jwksFile and signingSecret are given",
        ),
        (
            with(json!({"signingSecretBase64Encoded": true})),
            "signingSecretBase64Encoded",
            "no signingSecret",
        ),
        (json!({"jwksUrl": "/oauth2/keys"}), "jwksUrl", "list in issuers"),
        (
            json!({"jwksUrl": "/oauth2/keys", "issuers": ["idp"]}),
            "jwksUrl",
            "joined to the issuer idp",
        ),
        (
            with(json!({"trustedIssuers": [{"jwksUrl": "https://a/k"}]})),
            "trustedIssuers",
            "jwksUrl and trustedIssuers are given",
        ),
        (
            json!({"trustedIssuers": [{"issuer": "https://a"}]}),
            "trustedIssuers[0].jwksUrl",
            "is required",
        ),
        (
            json!({"trustedIssuers": [{"jwksUrl": "https://a/k"}, {"jwksUrl": "https://b/k"}]}),
            "trustedIssuers[1].issuer",
            "only one can serve all other issuers",
        ),
        (
            json!({"trustedIssuers": [{"jwksUrl": "https://a/k", "issuer": ""}]}),
            "trustedIssuers[0].issuer",
            "is empty",
        ),
        (
            json!({"trustedIssuers": [{"jwksUrl": "https://a/k", "issuer": "https://a"},
                                      {"jwksUrl": "https://b/k", "issuer": "https://a/"}]}),
            "trustedIssuers[1].issuer",
            "is there twice",
        ),
        (
            json!({"trustedIssuers": [{"jwksUrl": "/k"}]}),
            "trustedIssuers[0].jwksUrl",
            "absolute URL",
        ),
        (
            json!({"trustedIssuers": vec![json!({"jwksUrl": "https://a/k"}); 101]}),
            "trustedIssuers",
            "more than 100",
        ),
        (
            with(json!({"claims": "Equals(`a`, `b`) & Equals(`c`, `d`)"})),
            "claims",
            "a single &: write && at character 18",
        ),
        (
            with(json!({"forwardHeaders": {"Host": "sub"}})),
            "forwardHeaders.Host",
            "choose another name",
        ),
        (
            with(json!({"usernameClaim": "a..b"})),
            "usernameClaim",
            "empty name",
        ),
        (json!({"jwksUrl": "ftp://idp.example"}), "jwksUrl", "absolute URL"),
        (json!({"jwksFile": "keys.json"}), "jwksFile", "absolute path"),
        (json!({"jwksFile": "/keys/missing"}), "jwksFile", "does not exist"),
        (json!({"jwksFile": "/other"}), "jwksFile", "settings.mounts"),
        (
            json!({"jwksFile": "{}"}),
            "jwksFile",
            "not a JSON Web Key Set: it has no list `keys`",
        ),
        (
            json!({"jwksFile": r#"{"keys":[{"kid":"a","kty":"EC"}]}"#}),
            "jwksFile",
            r#"the key "a": its crv is missing"#,
        ),
        (json!({"jwksFile": r#"{"keys":[]}"#}), "jwksFile", "no keys"),
        (json!({"jwksFile": "env:NOWHERE"}), "jwksFile", "settings.envs"),
        (json!({"publicKey": "hunter2"}), "publicKey", "is not PEM"),
        (
            json!({"publicKey": format!("{pem}{pem}")}),
            "publicKey",
            "several PEM blocks",
        ),
        (
            json!({"publicKey": "urn:k8s:secret:a:b"}),
            "publicKey",
            "kubernetesCRD",
        ),
        (json!({"signingSecret": short}), "signingSecret", "32 bytes"),
        (
            json!({"signingSecret": "hunter2!", "signingSecretBase64Encoded": true}),
            "signingSecret",
            "is not base64",
        ),
        (
            with(json!({"algorithms": ["none"]})),
            "algorithms[0]",
            "known are EdDSA",
        ),
        (
            with(json!({"algorithms": ["RS256", "rs512"]})),
            "algorithms[1]",
            "known are EdDSA",
        ),
        (
            with(json!({"algorithms": ["HS256"]})),
            "algorithms[0]",
            "cannot serve",
        ),
        (with(json!({"algorithms": []})), "algorithms", "is empty"),
        (
            json!({"publicKey": pem, "algorithms": ["HS256"]}),
            "algorithms[0]",
            "they serve EdDSA",
        ),
        (
            json!({"publicKey": pem, "algorithms": ["EdDSA", "RS256"]}),
            "algorithms[1]",
            "they serve EdDSA",
        ),
        (
            json!({"signingSecret": "s".repeat(32), "algorithms": ["HS512"]}),
            "algorithms[0]",
            "they serve HS256",
        ),
        (with(json!({"issuers": []})), "issuers", "is empty"),
        (with(json!({"issuers": [""]})), "issuers[0]", "is empty"),
        (with(json!({"audiences": ""})), "audiences", "is empty"),
        (with(json!({"audiences": ["a", " "]})), "audiences[1]", "is empty"),
        (
            with(json!({"requiredScopes": ["a b"]})),
            "requiredScopes[0]",
            "one scope per entry",
        ),
        (
            with(json!({"requiredScopes": ["a", "b\""]})),
            "requiredScopes[1]",
            "one scope per entry",
        ),
        (
            with(json!({"requiredScopes": ["a\r\nX: y"]})),
            "requiredScopes[0]",
            "one scope per entry",
        ),
        (with(json!({"tenant": ""})), "tenant", "is empty"),
        (
            with(json!({"leewaySeconds": 3601})),
            "leewaySeconds",
            "from 0 to 3600",
        ),
        (
            with(json!({"leewaySeconds": -1})),
            "leewaySeconds",
            "not negative",
        ),
        (with(json!({"maxTokenBytes": 0})), "maxTokenBytes", "from 1 to"),
        (with(json!({"maxTokenBytes": 1e9})), "maxTokenBytes", "from 1 to"),
        (with(json!({"requireExp": "yes"})), "requireExp", "true or false"),
        (
            with(json!({"refetchIntervalSeconds": 0})),
            "refetchIntervalSeconds",
            "from 1 to",
        ),
        (
            with(json!({"maxStaleSeconds": 1e9})),
            "maxStaleSeconds",
            "from 0 to",
        ),
        (
            with(json!({"stateDirectory": "state"})),
            "stateDirectory",
            "absolute path",
        ),
        (with(json!({"authorize": []})), "authorize", "is empty"),
        (
            with(json!({"authorize": vec![json!({"path": "/a", "anyToken": true}); 65]})),
            "authorize",
            "more than 64 rules",
        ),
        (
            with(json!({"authorize": [{"anyScope": ["a"]}]})),
            "authorize[0].path",
            "is required",
        ),
        (
            with(json!({"authorize": [{"path": "/a"}]})),
            "authorize[0]",
            "anyToken: true",
        ),
        (
            with(json!({"authorize": [{"path": "/a", "anyScope": ["a"], "anyToken": true}]})),
            "authorize[0].anyToken",
            "cannot be combined",
        ),
        (
            with(json!({"authorize": [{"path": "/a", "anyScope": []}]})),
            "authorize[0].anyScope",
            "is empty",
        ),
        (
            with(json!({"authorize": [{"path": "/a", "allScopes": ["a b"]}]})),
            "authorize[0].allScopes[0]",
            "one scope per entry",
        ),
        (
            with(json!({"authorize": [{"path": "/a", "claims": "Equals(`a`)"}]})),
            "authorize[0].claims",
            "a key and a value",
        ),
        (
            with(json!({"authorize": [{"path": "/{id}", "anyToken": true}]})),
            "authorize[0].path",
            "write * for one segment",
        ),
        (
            with(json!({"authorize": [{"path": "/a", "methods": ["GET", "get"], "anyToken": true}]})),
            "authorize[0].methods[1]",
            "in capitals",
        ),
        (
            with(json!({"authorize": [{"path": "/a", "methods": [], "anyToken": true}]})),
            "authorize[0].methods",
            "is empty",
        ),
        (
            with(json!({"authorize": [{"path": "/a", "anyToken": true, "onDeny": 200}]})),
            "authorize[0].onDeny",
            "401, 403 or 404",
        ),
        (
            with(json!({"authorize": [{"path": "/a", "anyToken": true}], "onDeny": 500})),
            "onDeny",
            "401, 403 or 404",
        ),
        (with(json!({"onDeny": 404})), "onDeny", "no authorize"),
        (
            with(json!({"authorize": [{"path": "/hr/**", "anyScope": ["a"]},
                                      {"path": "/hr/pay", "anyScope": ["b"], "methods": ["GET"]}]})),
            "authorize[1]",
            "authorize[0] comes first",
        ),
        (
            with(
                json!({"authorize": [{"path": "/hr", "anyScope": ["a"]}, {"path": "/HR", "anyScope": ["b"]}]}),
            ),
            "authorize[1]",
            "case makes no difference",
        ),
        (with(json!({"verifyClaims": []})), "verifyClaims", "is empty"),
        (
            with(json!({"verifyClaims": [{"values": ["a"]}]})),
            "verifyClaims[0].key",
            "is required",
        ),
        (
            with(json!({"verifyClaims": [{"key": ""}]})),
            "verifyClaims[0].key",
            "is empty",
        ),
        (
            with(json!({"verifyClaims": [{"key": "a", "isRequired": false}]})),
            "verifyClaims[0].values",
            "nothing is asked",
        ),
        (
            with(json!({"tokenHeader": "X Token"})),
            "tokenHeader",
            "is not a name",
        ),
        (
            with(json!({"tokenAuthScheme": "Bearer:"})),
            "tokenAuthScheme",
            "is not a name",
        ),
        (
            json!({"publicKey": pem, "jwksAuth": {"url": "https://i/t"}}),
            "jwksAuth",
            "no jwksUrl",
        ),
        (
            with(json!({"jwksAuth": {"url": "https://i/t"}})),
            "jwksAuth.clientID",
            "is required",
        ),
        (
            with(json!({"jwksAuth": {"url": "/t", "clientID": "a", "clientSecret": "hunter2"}})),
            "jwksAuth.url",
            "absolute URL",
        ),
        (
            with(
                json!({"jwksAuth": {"url": "https://i/t", "clientID": "a", "clientSecret": "hunter2", "scopes": []}}),
            ),
            "jwksAuth.scopes",
            "is empty",
        ),
        (
            with(json!({"jwksAuth": {"tokenEndpointAuthMethod": "none", "url": "https://i/t"}})),
            "jwksAuth.tokenEndpointAuthMethod",
            "client_secret_post",
        ),
        (
            with(json!({"jwksAuth": {"clientid": "a"}})),
            "jwksAuth.clientid",
            "did you mean `clientID`?",
        ),
        (
            json!({"trustedIssuers": [{"issuer": "a", "jwksUrl": "https://a/k"}], "jwksAuth": {"url": "https://i/t"}}),
            "jwksAuth",
            "into the entry of trustedIssuers",
        ),
        (
            json!({"trustedIssuers": [{"issuer": "a", "jwksUrl": "https://a/k", "jwksAuth": {"url": "https://i/t"}}]}),
            "trustedIssuers[0].jwksAuth.clientID",
            "is required",
        ),
        (
            json!({"jwksUrl": "/k", "issuers": ["https://a", "https://b"],
                   "jwksAuth": {"url": "https://a/t", "clientID": "a", "clientSecret": "hunter2"}}),
            "jwksAuth",
            "the other issuers must not see",
        ),
        (
            with(json!({"audience": ["a"]})),
            "audience",
            "did you mean `audiences`?",
        ),
        (
            with(json!({"clientConfig": {"timeout": 1}})),
            "clientConfig.timeout",
            "timeoutSeconds",
        ),
    ] {
        let error = parse(&options).unwrap_err();
        assert_eq!(error.field(), field, "{options}: {error}");
        assert!(error.to_string().contains(cure), "{options}: {error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

#[test]
fn a_rule_takes_the_answer_that_holds_for_all_unless_it_has_its_own() {
    let rule = |path: &str, methods: &[&str], scope: &str, on_deny| AccessRule {
        methods: methods.iter().map(|&method| method.to_owned()).collect(),
        path: PathPattern::parse(path).unwrap(),
        any_scope: vec![scope.to_owned()],
        all_scopes: vec![],
        claims: None,
        on_deny,
    };
    let options = parse(&with(json!({"onDeny": "404", "authorize": [
        {"path": "/hr/**", "methods": "GET,POST", "anyScope": "oic_api_HR", "onDeny": "403"},
        {"path": "/it/*", "anyScope": ["oic_api_IT"]},
        {"path": "/news", "anyToken": "true", "onDeny": 401},
    ]})));
    let news = AccessRule {
        any_scope: vec![],
        ..rule("/news", &[], "", OnDeny::Unauthorized)
    };
    let rules = vec![
        rule("/hr/**", &["GET", "POST"], "oic_api_HR", OnDeny::Forbidden),
        rule("/it/*", &[], "oic_api_IT", OnDeny::NotFound),
        news,
    ];
    assert_eq!(
        options.unwrap().rules.access,
        Some(Access::new(rules, OnDeny::NotFound))
    );
}

#[test]
fn the_header_and_single_claims_are_those_of_ocis_policy() {
    let options = parse(&with(
        json!({"tokenHeader": "X-Api-Token", "tokenAuthScheme": "JWT", "verifyClaims": [
            {"key": "team", "values": ["hr", "it"], "isRequired": "false"},
            {"key": "user.tenant.name", "values": []},
        ]}),
    ));
    let rules = options.unwrap().rules;
    let header = TokenHeader {
        name: "X-Api-Token".into(),
        scheme: "JWT".to_owned(),
    };
    assert_eq!(rules.token_header, header);
    let requirement = |name: &str, values: &[&str], is_required| ClaimRequirement {
        name: name.to_owned(),
        values: values.iter().map(|&value| value.to_owned()).collect(),
        is_required,
    };
    assert_eq!(
        rules.policy.verify_claims,
        [
            requirement("team", &["hr", "it"], false),
            requirement("user.tenant.name", &[], true)
        ]
    );
}

#[test]
fn an_empty_scheme_is_not_the_default_one() {
    for (patch, name, scheme) in [
        (json!({}), "Authorization", "Bearer"),
        (json!({"tokenHeader": "X-A"}), "X-A", "Bearer"),
        (
            json!({"tokenHeader": "X-A", "tokenAuthScheme": null}),
            "X-A",
            "Bearer",
        ),
        (json!({"tokenHeader": "X-A", "tokenAuthScheme": ""}), "X-A", ""),
        (json!({"tokenHeader": "X-A", "tokenAuthScheme": "  "}), "X-A", ""),
        (json!({"tokenAuthScheme": ""}), "Authorization", ""),
        (
            json!({"tokenHeader": "", "tokenAuthScheme": "JWT"}),
            "Authorization",
            "JWT",
        ),
    ] {
        let header = parse(&with(patch.clone())).unwrap().rules.token_header;
        assert_eq!((&*header.name, header.scheme.as_str()), (name, scheme), "{patch}");
    }
}

#[test]
fn keys_that_are_not_public_are_asked_for_with_a_token() {
    let login = |option: &str| KeysLogin {
        option: option.to_owned(),
        url: Url::parse("https://idp.example/token").unwrap(),
        client: Client {
            id: "gateway".to_owned(),
            authentication: ClientAuthentication::SecretBasic(Secret::new("s3cret")),
        },
        scopes: vec!["urn:opc:idm:__myscopes__".to_owned()],
    };
    let auth = json!({"url": "https://idp.example/token", "clientId": "gateway", "clientSecret": "env:KEYS"});
    for (options, expected) in [
        (with(json!({ "jwksAuth": auth })), vec![Some(login("jwksAuth"))]),
        (with(json!({ "jwksAuth": {} })), vec![None]),
        (with(json!({ "jwksAuth": "" })), vec![None]),
        (
            json!({"trustedIssuers": [{"issuer": "a", "jwksUrl": "https://a/k"},
                                      {"issuer": "b", "jwksUrl": "https://b/k", "jwksAuth": auth}]}),
            vec![None, Some(login("trustedIssuers[1].jwksAuth"))],
        ),
    ] {
        let KeyOptions::Remote(remote) = parse_with(&options, "s3cret").unwrap().keys else {
            panic!("{options}");
        };
        let logins: Vec<_> = remote.urls.into_iter().map(|place| place.login).collect();
        assert_eq!(logins, expected, "{options}");
        assert!(!format!("{logins:?}").contains("s3cret"));
    }
}

#[test]
fn keys_may_be_published_in_several_places() {
    for (options, expected) in [
        (
            json!({"jwksUrl": "/keys", "issuers": ["https://a/", "https://b/realms/x"]}),
            vec![
                key_url(Some("https://a/"), "jwksUrl", "https://a/keys"),
                key_url(Some("https://b/realms/x"), "jwksUrl", "https://b/realms/x/keys"),
            ],
        ),
        (
            json!({"trustedIssuers": [{"issuer": "https://a", "jwksUrl": "https://keys.example/a"},
                                      {"jwksUrl": "https://keys.example/rest"},
                                      {"issuer": "https://b/", "jwksUrl": "/keys"}]}),
            vec![
                key_url(
                    Some("https://a"),
                    "trustedIssuers[0].jwksUrl",
                    "https://keys.example/a",
                ),
                key_url(None, "trustedIssuers[1].jwksUrl", "https://keys.example/rest"),
                key_url(Some("https://b/"), "trustedIssuers[2].jwksUrl", "https://b/keys"),
            ],
        ),
    ] {
        let KeyOptions::Remote(remote) = parse(&options).unwrap().keys else {
            panic!("{options}");
        };
        assert_eq!(remote.urls, expected, "{options}");
    }
}

#[test]
fn names_of_several_issuers_without_their_issuer_are_worth_a_warning() {
    let two = json!({"trustedIssuers": [
        {"issuer": "https://a", "jwksUrl": "https://a/k"}, {"issuer": "https://b", "jwksUrl": "https://b/k"},
    ]});
    let rest = json!({"trustedIssuers": [{"issuer": "https://a", "jwksUrl": "https://a/k"}, {"jwksUrl": "https://b/k"}]});
    let one = json!({"jwksUrl": "https://a/k", "issuers": ["https://a", "https://a/"]});
    let listed = json!({"jwksUrl": "https://a/k", "issuers": ["https://a", "https://b"]});
    let any = json!({"jwksUrl": "https://a/k"});
    let name = json!({"usernameClaim": "sub"});
    let both = json!({"usernameClaim": "sub", "forwardHeaders": {"X-Issuer": "iss"}});
    let header = json!({"forwardHeaders": {"X-User": "sub"}});
    let thought =
        json!({"usernameClaim": "sub", "claims": "!Equals(`iss`, `https://b`) || Prefix(`sub`, `b-`)"});
    let rights = json!({"claims": "Equals(`sub`, `a`)", "requiredScopes": ["a"]});
    for (source, more, warns) in [
        (&two, &name, true),
        (&two, &header, true),
        (&two, &both, false),
        (&two, &thought, false),
        (&two, &rights, false),
        (&rest, &name, true),
        (&listed, &name, true),
        (&one, &name, false),
        (&any, &name, false),
    ] {
        let mut options = source.clone();
        let members = options.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        let log = TestHost::new();
        Options::parse(options.to_string().as_bytes(), &log).unwrap();
        let lines = log.logged();
        let warned = lines
            .iter()
            .any(|line| line.starts_with("code=configuration.ambiguous"));
        assert_eq!(warned, warns, "{options}: {lines:?}");
    }
}
