//! Two Traefik processes that share one directory.

use std::path::Path;
use std::time::Duration;

use harness::gateway::{Gateway, GatewayBuilder};
use harness::idcs::{Endpoint, Idcs, IdcsHandle};
use harness::oic::Oic;
use serde_json::json;

use super::{assert_only_good_tokens, calls};
use crate::support::Deadline;

/// Returns a gateway for this domain with this directory. Its own identity provider is not used.
fn gateway(idcs: &IdcsHandle, state: &Path) -> GatewayBuilder {
    Gateway::in_front_of(Idcs::builder().tenant(9).start())
        .oic(|_| Oic::builder(idcs).start())
        .jwt(json!({ "jwksUrl": idcs.jwks_url(), "refetchIntervalSeconds": 2 }))
        .oauth(json!({ "url": idcs.token_url() }))
        .state(state)
}

#[test]
fn two_traefiks_that_start_together_fetch_once_for_both() {
    let idcs = Idcs::start();
    idcs.set(|switches| {
        for endpoint in [Endpoint::Jwks, Endpoint::Token] {
            switches.at(endpoint).latency = Duration::from_millis(300);
        }
    });
    let state = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for number in [1, 2] {
            let (idcs, state) = (&idcs, state.path());
            scope.spawn(move || {
                let gateway = gateway(idcs, state).start();
                let token = idcs.client_token().mint();
                for _ in 0..10 {
                    let answer = gateway.get("/echo").bearer(&token).send().unwrap();
                    assert_eq!(answer.status, 200, "{number}: {}", answer.text());
                }
                assert_only_good_tokens(&gateway, "together");
            });
        }
    });
    assert_eq!(calls(&idcs), (1, 1));
}

#[test]
fn what_one_traefik_fetches_anew_the_other_uses() {
    let idcs = Idcs::builder().set(|switches| switches.default_ttl = 2).start();
    let state = tempfile::tempdir().unwrap();
    let [one, other] = [(); 2].map(|()| gateway(&idcs, state.path()).start());
    let ask = |gateway: &Gateway| {
        let answer = gateway
            .get("/echo")
            .bearer(&idcs.client_token().expires_in(3600).mint())
            .send()
            .unwrap();
        assert_eq!(answer.status, 200, "{}\n{}", answer.text(), gateway.traefik.log());
    };
    let last_token = |gateway: &Gateway| {
        let seen = gateway.oic.last_request().unwrap();
        seen.header("authorization").unwrap().to_owned()
    };
    ask(&one);
    ask(&other);

    // The next token lasts.
    idcs.set(|switches| switches.default_ttl = 3600);
    let deadline = Deadline::after(Duration::from_secs(20));
    let old = idcs.token_calls();
    while idcs.token_calls() == old {
        ask(&one);
        deadline.pause("a refresh");
    }
    // Another instance may have just checked. It uses the old token until its next check.
    std::thread::sleep(Duration::from_millis(200));
    ask(&one);
    let refreshed = last_token(&one);
    loop {
        ask(&other);
        if last_token(&other) == refreshed {
            break;
        }
        deadline.pause("the other one takes the refreshed token");
    }
    assert_eq!(idcs.token_calls(), old + 1);

    // Neither gateway knows the new key. Their keys are young, so it takes a moment until one of them fetches again.
    idcs.rotate_now();
    let before = idcs.jwks_calls();
    let deadline = Deadline::after(Duration::from_secs(60));
    let good = idcs.client_token().expires_in(3600).mint();
    while one.get("/echo").bearer(&good).send().unwrap().status != 200 {
        deadline.pause("the first one fetches the new key");
    }
    assert_eq!(idcs.jwks_calls(), before + 1);
    ask(&other);
    assert_eq!(
        idcs.jwks_calls(),
        before + 1,
        "the other gateway finds it in the directory"
    );
    for gateway in [&one, &other] {
        assert_only_good_tokens(gateway, "two");
    }
}
