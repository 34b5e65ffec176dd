//! One login for two machines: two Traefiks with their own state directories, and one Redis.

use std::time::Duration;

use harness::gateway::Gateway;
use harness::idcs::Idcs;
use harness::redis::Redis;
use serde_json::{Value, json};

use super::{JANE, ask, gateway, log_in_at, options, reason, refresh_under_load};
use crate::support::Deadline;

fn store(redis: &Redis) -> Value {
    json!({
        "secret": "0123456789abcdef0123456789abcdef",
        "redis": { "endpoints": [redis.endpoint()] },
    })
}

#[test]
fn two_machines_share_one_login_and_none_of_its_refresh_tokens_is_used_twice() {
    let Some(redis) = Redis::start() else { return };
    let idcs = Idcs::builder().set(|switches| switches.default_ttl = 2).start();
    let states = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let [one, other] = states.each_ref().map(|state| {
        let mut options = options(&idcs);
        options["store"] = store(&redis);
        gateway(&idcs, state.path()).oauth(options).start()
    });
    let both = [&one, &other];
    let until = |what: &str, holds: &dyn Fn(&Gateway) -> bool| {
        let deadline = Deadline::after(Duration::from_secs(40));
        while !both.iter().all(|gateway| holds(gateway)) {
            deadline.pause(what);
        }
    };
    let is_lost = |gateway: &Gateway| reason(&ask(gateway, &idcs)) == "user_grant_lost";
    let serves = |gateway: &Gateway| ask(gateway, &idcs).status == 200;
    assert!(both.iter().all(|gateway| is_lost(gateway)));
    assert_eq!(idcs.token_calls(), 0);

    let files = tempfile::tempdir().unwrap();
    let block = files.path().join("store.yml");
    std::fs::write(&block, json!({ "store": store(&redis) }).to_string()).unwrap();
    log_in_at(&idcs, "--store", &block);
    until("both find the login", &serves);
    refresh_under_load(&idcs, both, 5);
    assert_eq!(idcs.revoked_refresh_tokens(), 0);
    let everything = redis.everything();
    assert!(everything.contains("{grant-"), "{everything}");
    assert!(!everything.contains(JANE), "{everything}");

    // Without Redis, a machine cannot know whether another one refreshes, so none of them does. This does not use up
    // the refresh token.
    redis.freeze();
    until("the access tokens expire", &|gateway| !serves(gateway));
    let calls = idcs.token_calls();
    for gateway in both {
        let refused = ask(gateway, &idcs);
        assert_eq!(
            (refused.status, reason(&refused).as_str()),
            (503, "identity_provider_unavailable")
        );
    }
    assert_eq!(idcs.token_calls(), calls);
    redis.thaw();
    until("service with Redis", &serves);
    assert_eq!(idcs.revoked_refresh_tokens(), 0);

    idcs.revoke_user_grants();
    until("the grant is lost", &is_lost);
    let calls = idcs.token_calls();
    std::thread::sleep(Duration::from_secs(3));
    assert!(both.iter().all(|gateway| is_lost(gateway)));
    assert_eq!(idcs.token_calls(), calls, "a lost grant causes no calls");
    let logs = both.map(|gateway| gateway.traefik.log()).concat();
    assert_eq!(logs.matches("code=grant.lost").count(), 1, "{logs}");

    log_in_at(&idcs, "--store", &block);
    until("both find the new login", &serves);
}
