use super::*;
use serde_json::{Value, json};

const END_OF_9999: u64 = 253_402_300_799;
const NOW: u64 = 1_700_000_000;

fn lenient() -> Policy {
    Policy {
        issuers: Vec::new(),
        audiences: Vec::new(),
        verify_claims: Vec::new(),
        required_scopes: Vec::new(),
        leeway: Duration::from_secs(60),
        require_exp: false,
        tenant: None,
        claims: None,
    }
}

fn claims(value: &Value) -> Claims {
    Claims::parse(value.to_string().as_bytes()).unwrap()
}

/// Judges every row at `NOW`; `None` means accepted.
fn judge_all(policy: &Policy, rows: &[(Value, Option<Rejection>)]) {
    for (value, expected) in rows {
        let verdict = policy.judge(&claims(value), UnixTime::from_secs(NOW));
        assert_eq!(verdict.err(), *expected, "{value}");
    }
}

fn strings(values: &[&str]) -> Vec<String> {
    values.iter().map(|&value| value.to_owned()).collect()
}

#[test]
fn times_are_judged_with_leeway() {
    judge_all(
        &lenient(),
        &[
            (json!({}), None),
            (json!({"exp": NOW + 1}), None),
            (json!({"exp": NOW - 59}), None),
            (json!({"exp": NOW - 60}), Some(Rejection::Expired)),
            (json!({"exp": 0}), Some(Rejection::Expired)),
            (json!({"exp": NOW as f64 - 59.5}), None),
            (json!({"exp": NOW as f64 - 60.5}), Some(Rejection::Expired)),
            (json!({"nbf": NOW + 60}), None),
            (json!({"nbf": NOW + 61}), Some(Rejection::NotYetValid)),
            (json!({"iat": NOW + 60}), None),
            (json!({"iat": NOW + 61}), Some(Rejection::IssuedInFuture)),
            (json!({"nbf": 0, "iat": 0, "exp": END_OF_9999}), None),
        ],
    );
}

#[test]
fn times_that_are_no_times_are_refused() {
    let absurd = [
        json!(-1),
        json!(-0.5),
        json!("1700000000"),
        json!(null),
        json!(true),
        json!([NOW]),
        json!({}),
        json!(1e300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(NOW * 1000), // milliseconds
        json!(END_OF_9999 + 1),
    ];
    for name in ["exp", "nbf", "iat"] {
        for value in &absurd {
            judge_all(
                &lenient(),
                &[(json!({ name: value }), Some(Rejection::InvalidTime))],
            );
        }
    }
}

#[test]
fn an_expiry_can_be_required() {
    let policy = Policy {
        require_exp: true,
        ..lenient()
    };
    judge_all(
        &policy,
        &[
            (json!({}), Some(Rejection::NoExpiry)),
            (json!({"exp": NOW + 1}), None),
        ],
    );
}

#[test]
fn validity_reaches_as_far_as_the_judgement() {
    let value = claims(&json!({"iat": NOW, "nbf": NOW - 10, "exp": NOW + 100}));
    let validity = lenient().judge(&value, UnixTime::from_secs(NOW)).unwrap();
    for (second, expected) in [
        (NOW - 61, false),
        (NOW - 60, true),
        (NOW + 159, true),
        (NOW + 160, false),
    ] {
        let second = UnixTime::from_secs(second);
        assert_eq!(validity.contains(second), expected, "{second}");
        assert_eq!(lenient().judge(&value, second).is_ok(), expected, "{second}");
    }
}

#[test]
fn issuers_match_with_and_without_slash_and_default_port() {
    let policy = Policy {
        issuers: strings(&[
            "https://identity.oraclecloud.com/",
            "https://idcs-1.example:443",
            "plain",
        ]),
        ..lenient()
    };
    judge_all(
        &policy,
        &[
            (json!({"iss": "https://identity.oraclecloud.com/"}), None),
            (json!({"iss": "https://identity.oraclecloud.com"}), None),
            (json!({"iss": "https://identity.oraclecloud.com:443/"}), None),
            (json!({"iss": "https://idcs-1.example/"}), None),
            (json!({"iss": "plain"}), None),
            (
                json!({"iss": "https://identity.oraclecloud.com//"}),
                Some(Rejection::WrongIssuer),
            ),
            (
                json!({"iss": "http://identity.oraclecloud.com"}),
                Some(Rejection::WrongIssuer),
            ),
            (
                json!({"iss": "identity.oraclecloud.com"}),
                Some(Rejection::WrongIssuer),
            ),
            (
                json!({"iss": "https://identity.oraclecloud.com:8443"}),
                Some(Rejection::WrongIssuer),
            ),
            (
                json!({"iss": "https://identity.oraclecloud.com.evil.example"}),
                Some(Rejection::WrongIssuer),
            ),
            (
                json!({"iss": "https://IDENTITY.oraclecloud.com"}),
                Some(Rejection::WrongIssuer),
            ),
            (
                json!({"iss": ["https://identity.oraclecloud.com/"]}),
                Some(Rejection::WrongIssuer),
            ),
            (json!({"iss": ""}), Some(Rejection::WrongIssuer)),
            (json!({}), Some(Rejection::WrongIssuer)),
        ],
    );
}

#[test]
fn one_matching_audience_is_enough() {
    let policy = Policy {
        audiences: strings(&["https://abc.integration.example:443", "urn:x"]),
        ..lenient()
    };
    judge_all(
        &policy,
        &[
            (json!({"aud": "urn:x"}), None),
            (json!({"aud": "https://abc.integration.example:443"}), None),
            (json!({"aud": "https://abc.integration.example"}), None),
            (json!({"aud": ["other", "urn:x"]}), None),
            (
                json!({"aud": "https://abc.integration.example/"}),
                Some(Rejection::WrongAudience),
            ),
            (
                json!({"aud": "https://abc.integration.example:4430"}),
                Some(Rejection::WrongAudience),
            ),
            (
                json!({"aud": "http://abc.integration.example"}),
                Some(Rejection::WrongAudience),
            ),
            (json!({"aud": "urn:x "}), Some(Rejection::WrongAudience)),
            (json!({"aud": []}), Some(Rejection::WrongAudience)),
            (json!({}), Some(Rejection::WrongAudience)),
            (json!({"aud": ["urn:x", 1]}), Some(Rejection::MalformedClaims)),
            (json!({"aud": {"urn:x": 1}}), Some(Rejection::MalformedClaims)),
        ],
    );
}

#[test]
fn every_required_scope_must_be_granted() {
    let policy = Policy {
        required_scopes: strings(&["read", "urn:opc:resource:consumer::all"]),
        ..lenient()
    };
    judge_all(
        &policy,
        &[
            (json!({"scope": "urn:opc:resource:consumer::all read"}), None),
            (json!({"scp": ["read", "urn:opc:resource:consumer::all"]}), None),
            (json!({"scp": "read urn:opc:resource:consumer::all more"}), None),
            (
                json!({"scope": "read", "scp": ["urn:opc:resource:consumer::all"]}),
                None,
            ),
            (json!({"scope": "read"}), Some(Rejection::InsufficientScope)),
            (
                json!({"scope": "readurn:opc:resource:consumer::all"}),
                Some(Rejection::InsufficientScope),
            ),
            (
                json!({"scope": "READ urn:opc:resource:consumer::all"}),
                Some(Rejection::InsufficientScope),
            ),
            (json!({"scope": ""}), Some(Rejection::InsufficientScope)),
            (json!({}), Some(Rejection::InsufficientScope)),
            (json!({"scope": 1}), Some(Rejection::MalformedClaims)),
        ],
    );
}

#[test]
fn the_tenant_must_be_named_by_the_token() {
    let policy = Policy {
        tenant: Some("idcs-a".to_owned()),
        ..lenient()
    };
    judge_all(
        &policy,
        &[
            (json!({"tenant": "idcs-a"}), None),
            (
                json!({"tenant_iss": "https://idcs-a.identity.oraclecloud.com:443"}),
                None,
            ),
            (
                json!({"tenant_iss": "https://idcs-a.identity.oraclecloud.com"}),
                None,
            ),
            (json!({"tenant": "idcs-b"}), Some(Rejection::WrongTenant)),
            (json!({"tenant": "idcs-A"}), Some(Rejection::WrongTenant)),
            (
                json!({"tenant": "idcs-b", "tenant_iss": "https://idcs-a.identity.oraclecloud.com"}),
                Some(Rejection::WrongTenant),
            ),
            (
                json!({"tenant": 1, "tenant_iss": "https://idcs-a.identity.oraclecloud.com"}),
                Some(Rejection::WrongTenant),
            ),
            (
                json!({"tenant_iss": "https://idcs-ab.example"}),
                Some(Rejection::WrongTenant),
            ),
            (
                json!({"tenant_iss": "http://idcs-a.example"}),
                Some(Rejection::WrongTenant),
            ),
            (json!({"tenant_iss": "idcs-a"}), Some(Rejection::WrongTenant)),
            (json!({}), Some(Rejection::WrongTenant)),
        ],
    );
}

#[test]
fn id_tokens_are_no_access_tokens() {
    judge_all(
        &lenient(),
        &[
            (json!({"tok_type": "AT"}), None),
            (json!({"tok_type": "IT"}), Some(Rejection::NotAccessToken)),
            (json!({"tok_type": ""}), Some(Rejection::NotAccessToken)),
            (json!({"tok_type": null}), Some(Rejection::NotAccessToken)),
        ],
    );
}

#[test]
fn what_forbids_is_reported_only_when_all_else_is_well() {
    let policy = Policy {
        required_scopes: strings(&["read"]),
        audiences: strings(&["urn:x"]),
        claims: Some(Expression::parse("Equals(`grp`, `admin`)").unwrap()),
        ..lenient()
    };
    judge_all(
        &policy,
        &[
            (json!({"aud": "urn:y"}), Some(Rejection::WrongAudience)),
            (json!({"aud": "urn:x"}), Some(Rejection::InsufficientScope)),
            (
                json!({"aud": "urn:x", "grp": "admin"}),
                Some(Rejection::InsufficientScope),
            ),
            (
                json!({"aud": "urn:x", "scope": "read"}),
                Some(Rejection::ClaimsNotMet),
            ),
            (
                json!({"aud": "urn:x", "scope": "read", "grp": "user"}),
                Some(Rejection::ClaimsNotMet),
            ),
            (json!({"aud": "urn:x", "scope": "read", "grp": "admin"}), None),
        ],
    );
}
