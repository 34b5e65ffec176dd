//! Claims: the policy must agree with a second, simpler implementation of its rules.
//!
//! The input is a claims set.
#![no_main]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claims::Policy;
use fuzz::NOW;
use jose::{Acceptance, Algorithm, Token};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const LEEWAY_MS: u64 = 60_000;
const TENANT: &str = "idcs-1";
const ISSUER: &str = "https://identity.oraclecloud.com/";
const SCOPES: [&str; 2] = ["read", "write"];

fn policy(strict: bool) -> Policy {
    let rules = |values: &[&str]| -> Vec<String> {
        let values = if strict { values } else { &[] };
        values.iter().map(|&value| value.to_owned()).collect()
    };
    Policy {
        issuers: rules(&[ISSUER]),
        audiences: rules(&["oic"]),
        required_scopes: rules(&SCOPES),
        leeway: Duration::from_millis(LEEWAY_MS),
        require_exp: strict,
        tenant: strict.then(|| TENANT.to_owned()),
        claims: None,
        verify_claims: Default::default(),
    }
}

/// Reads a time in milliseconds. `Err` if the claim is not a time.
fn time(claims: &Value, name: &str) -> Result<Option<u64>, ()> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_f64() {
            Some(seconds) if (0.0..=253_402_300_799.0).contains(&seconds) => {
                Ok(Some((seconds * 1000.0) as u64))
            }
            _ => Err(()),
        },
    }
}

fn passes(claims: &Value, strict: bool) -> bool {
    let now = NOW.as_millis();
    let (Ok(exp), Ok(nbf), Ok(iat)) = (time(claims, "exp"), time(claims, "nbf"), time(claims, "iat")) else {
        return false;
    };
    let in_time = exp.map_or(!strict, |exp| now < exp + LEEWAY_MS)
        && nbf.is_none_or(|nbf| nbf <= now + LEEWAY_MS)
        && iat.is_none_or(|iat| iat <= now + LEEWAY_MS);
    let access_token = claims.get("tok_type").is_none_or(|kind| kind == "AT");
    if !in_time || !access_token || !strict {
        return in_time && access_token;
    }
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let host = ISSUER.trim_end_matches('/');
    let issuer = text("iss").is_some_and(|iss| {
        let bare = iss.strip_suffix('/').unwrap_or(iss);
        bare == host || bare == format!("{host}:443")
    });
    let tenant = match claims.get("tenant") {
        Some(tenant) => tenant == TENANT,
        // The first label of the host, regardless of what follows.
        None => text("tenant_iss").is_some_and(|url| {
            let host = url
                .strip_prefix("https://")
                .map(|rest| rest.split(['/', '?', '#']).next().unwrap());
            host.is_some_and(|host| {
                host.strip_suffix(":443").unwrap_or(host).split('.').next() == Some(TENANT)
            })
        }),
    };
    let audience = match claims.get("aud") {
        Some(Value::String(one)) => one == "oic",
        Some(Value::Array(list)) => list.iter().all(Value::is_string) && list.iter().any(|one| one == "oic"),
        _ => false,
    };
    let mut granted = Vec::new();
    for name in ["scope", "scp"] {
        match claims.get(name) {
            None => {}
            Some(Value::String(scopes)) => granted.extend(scopes.split(' ')),
            Some(Value::Array(scopes)) => granted.extend(scopes.iter().filter_map(Value::as_str)),
            Some(_) => return false,
        }
    }
    issuer && tenant && audience && SCOPES.iter().all(|scope| granted.contains(scope))
}

fuzz_target!(|input: &[u8]| {
    let accept = Acceptance {
        max_bytes: 64 * 1024,
        algorithms: vec![Algorithm::Rs256],
    };
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#);
    let token = format!("{header}.{}.c2ln", URL_SAFE_NO_PAD.encode(input));
    let Ok(token) = Token::parse(token.as_bytes(), &accept) else {
        return;
    };
    let claims: Value = serde_json::from_slice(input).expect("claims that another reader understands");
    for strict in [false, true] {
        let judged = policy(strict).judge(token.unverified_claims(), NOW);
        assert_eq!(
            judged.is_ok(),
            passes(&claims, strict),
            "strict: {strict}, {judged:?}"
        );
        assert!(judged.is_ok_and(|validity| validity.contains(NOW)) || !passes(&claims, strict));
    }
});
