//! Every invalid token is rejected for the right reason, and no part of it reaches the backend.

mod headers;
mod tokens;

use std::time::Duration;

use harness::gateway::Gateway;
use harness::idcs::{Idcs, Resource};
use serde_json::json;

use self::tokens::Wrong;
use super::{Refusal, within};

#[test]
fn a_token_that_breaks_any_rule_is_refused_before_the_backend_sees_it() {
    let gateway = strict_gateway();
    let wrong = tokens::wrong(&gateway.idcs);
    for (index, Wrong { case, reason, token }) in wrong.iter().enumerate() {
        let case = format!("{reason}, {case}");
        let answer = gateway.get("/echo").bearer(token).send().unwrap();
        let expected = match *reason {
            "insufficient_scope" => Refusal::INSUFFICIENT_SCOPE,
            "malformed_authorization" => Refusal::INVALID_REQUEST,
            _ => Refusal::INVALID_TOKEN,
        };
        expected.assert(&case, &answer);
        assert_logged_reason(&gateway, index, reason, &case);
    }
    assert_eq!(gateway.oic.requests_count(), 0);
    assert_eq!(gateway.idcs.jwks_calls(), 1, "only the fetch at the start");
    let asked = gateway.idcs.requests();
    assert!(asked.iter().all(|request| request.path != tokens::ATTACKERS_PATH));
    let log = gateway.traefik.log();
    let leaked = wrong
        .iter()
        .find(|row| row.token.len() > 20 && log.contains(&row.token));
    assert!(
        leaked.is_none(),
        "the log contains a token: {:?}",
        leaked.map(|row| row.case)
    );
}

#[test]
fn a_token_that_is_unusual_but_right_is_accepted() {
    let gateway = strict_gateway();
    let good = tokens::good(&gateway.idcs);
    for (index, (case, token)) in good.iter().enumerate() {
        let answer = gateway.get("/echo").bearer(token).send().unwrap();
        assert_eq!(answer.status, 200, "{case}: {}", answer.text());
        assert_eq!(gateway.oic.requests_count(), index + 1, "{case}");
    }
    assert_eq!(gateway.idcs.jwks_calls(), 1, "only the fetch at the start");
}

/// Starts the default gateway with all rules enabled.
fn strict_gateway() -> Gateway {
    let idcs = Idcs::start();
    let options = json!({
        "issuers": ["https://identity.oraclecloud.com/"],
        "audiences": [Resource::gateway_api().primary_audience],
        "requiredScopes": ["echo"],
        "tenant": idcs.tenant(),
        // The test counts the calls. With this interval, a forged token must not cause another one.
        "refetchIntervalSeconds": 3600,
    });
    Gateway::in_front_of(idcs).jwt(options).start()
}

/// Asserts that the plugin logged `reason` for its refusal number `index`. The caller gets less detail, so only the log
/// shows that a case is rejected for the right reason.
#[track_caller]
fn assert_logged_reason(gateway: &Gateway, index: usize, reason: &str, case: &str) {
    let line = within(Duration::from_secs(10), "the refusal is in the log", || {
        let log = gateway.traefik.log();
        let mut refusals = log.lines().filter(|line| line.contains("code=jwt.refused"));
        refusals.nth(index).map(|line| line.replace('"', " "))
    });
    assert!(line.contains(&format!("reason={reason} ")), "{case}: {line}");
}
