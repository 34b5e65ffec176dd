//! Single-use refresh tokens: which gateway uses them, and what happens to them when something fails.

use std::io::Write as _;
use std::time::{Duration, Instant};

use harness::faults::Fault;
use harness::idcs::{Endpoint, Idcs};

use super::{ask, gateway, log_in, reason, refresh_under_load};
use crate::state_directory::Tmpfs;
use crate::support::{Deadline, kill_during_a_refresh};

#[test]
fn two_traefiks_share_one_login_through_refreshes_restarts_and_outages_until_it_is_revoked() {
    let idcs = Idcs::builder().set(|switches| switches.default_ttl = 2).start();
    let state = tempfile::tempdir().unwrap();
    log_in(&idcs, state.path());
    let [mut one, other] = [(); 2].map(|()| gateway(&idcs, state.path()).start());

    // Four clients use two Traefiks. No refresh token is used twice, because then the provider would end the grant.
    refresh_under_load(&idcs, [&one, &other], 4);
    assert_eq!(idcs.revoked_refresh_tokens(), 0);

    one.traefik.restart().unwrap();
    assert_eq!(ask(&one, &idcs).status, 200);

    // An outage does not use up the refresh token.
    for fault in [Fault::Refuse, Fault::Status(503), Fault::Hang] {
        idcs.down_at(Endpoint::Token, fault);
        let deadline = Deadline::after(Duration::from_secs(30));
        while ask(&other, &idcs).status == 200 {
            deadline.pause("the access token expires");
        }
        let refused = ask(&other, &idcs);
        assert_eq!(refused.status, 503, "{}", refused.text());
        assert_ne!(reason(&refused), "user_grant_lost");
        idcs.up();
        while [&one, &other]
            .iter()
            .any(|gateway| ask(gateway, &idcs).status != 200)
        {
            deadline.pause("service after an outage");
        }
    }
    assert_eq!(idcs.revoked_refresh_tokens(), 0);

    idcs.revoke_user_grants();
    let deadline = Deadline::after(Duration::from_secs(30));
    while [&one, &other]
        .iter()
        .any(|gateway| reason(&ask(gateway, &idcs)) != "user_grant_lost")
    {
        deadline.pause("the grant is lost");
    }
    let calls = idcs.token_calls();
    // The gateways check the grant several times in this period.
    let until = Instant::now() + Duration::from_secs(5);
    while Instant::now() < until {
        for gateway in [&one, &other] {
            let answer = ask(gateway, &idcs);
            assert_eq!(
                (answer.status, reason(&answer).as_str()),
                (503, "user_grant_lost")
            );
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(idcs.token_calls(), calls, "a lost grant causes no calls");
    let logs = [&one, &other].map(|gateway| gateway.traefik.log()).concat();
    assert_eq!(logs.matches("code=grant.lost").count(), 1, "{logs}");

    log_in(&idcs, state.path());
    for gateway in [&one, &other] {
        let answer = ask(gateway, &idcs);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[test]
fn a_traefik_killed_in_the_middle_of_a_refresh_is_waited_out_before_the_refresh_token_is_sent_again() {
    let idcs = Idcs::builder().set(|switches| switches.default_ttl = 2).start();
    let state = tempfile::tempdir().unwrap();
    log_in(&idcs, state.path());
    let mut gateway = gateway(&idcs, state.path()).start();
    assert_eq!(ask(&gateway, &idcs).status, 200);
    let (token, calls) = (idcs.client_token().expires_in(3600).mint(), idcs.token_calls());
    kill_during_a_refresh(&mut gateway, &idcs, &token);
    let killed = Instant::now();
    idcs.set(|switches| switches.at(Endpoint::Token).latency = Duration::ZERO);
    gateway.traefik.restart().unwrap();
    let deadline = Deadline::after(Duration::from_secs(40));
    let client = harness::client::Client::plain();
    let asked = || client.get(&gateway.url("/echo")).bearer(&token).send();
    while !asked().is_ok_and(|answer| answer.status == 200) {
        deadline.pause("the predecessor's time is over");
    }
    // The call could take four seconds, and the clocks may differ by five. The call began shortly before the kill.
    assert!(
        killed.elapsed() > Duration::from_secs(6),
        "{:?}",
        killed.elapsed()
    );
    assert_eq!(
        idcs.token_calls(),
        calls + 2,
        "the interrupted call, and one more"
    );
    assert_eq!(idcs.revoked_refresh_tokens(), 0);
    println!("served {:?} after the kill", killed.elapsed());
}

#[test]
fn an_answer_that_is_lost_on_the_way_takes_the_grant_with_it_and_the_log_says_what_to_do() {
    let idcs = Idcs::builder().set(|switches| switches.default_ttl = 2).start();
    let state = tempfile::tempdir().unwrap();
    let gateway = gateway(&idcs, state.path()).start();
    assert_eq!(reason(&ask(&gateway, &idcs)), "user_grant_lost");
    assert_eq!(idcs.token_calls(), 0);
    assert!(
        gateway
            .traefik
            .log()
            .contains("run oic-gateway login with the same url")
    );

    log_in(&idcs, state.path());
    assert_eq!(ask(&gateway, &idcs).status, 200, "{}", gateway.traefik.log());
    idcs.down_for(Endpoint::Token, 1, Fault::TruncatedBody);
    let deadline = Deadline::after(Duration::from_secs(20));
    while reason(&ask(&gateway, &idcs)) != "user_grant_lost" {
        deadline.pause("the provider sees the refresh token a second time");
    }
    let log = gateway.traefik.log();
    assert!(
        log.contains("code=grant.lost") && log.contains("run oic-gateway login again"),
        "{log}"
    );
    assert!(!log.contains("state.failed"), "{log}");
}

#[test]
fn on_a_full_file_system_the_refresh_token_is_not_sent_and_with_room_again_the_login_is_as_good_as_before() {
    let Some(tmpfs) = Tmpfs::mount("size=1m") else {
        return;
    };
    let idcs = Idcs::builder().set(|switches| switches.default_ttl = 2).start();
    log_in(&idcs, tmpfs.path());
    let gateway = gateway(&idcs, tmpfs.path()).start();
    assert_eq!(ask(&gateway, &idcs).status, 200, "{}", gateway.traefik.log());
    let filler = tmpfs.path().join("filler");
    let mut file = std::fs::File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    drop(file);

    let deadline = Deadline::after(Duration::from_secs(20));
    while ask(&gateway, &idcs).status == 200 {
        deadline.pause("the access token expires");
    }
    let calls = idcs.token_calls();
    let until = Instant::now() + Duration::from_secs(3);
    while Instant::now() < until {
        let answer = ask(&gateway, &idcs);
        assert_eq!(
            (answer.status, reason(&answer).as_str()),
            (503, "identity_provider_unavailable")
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(idcs.token_calls(), calls, "no call is made");
    let log = gateway.traefik.log();
    assert!(log.contains("there is no room for the next one"), "{log}");

    std::fs::remove_file(&filler).unwrap();
    let deadline = Deadline::after(Duration::from_secs(20));
    while ask(&gateway, &idcs).status != 200 {
        deadline.pause("there is room again");
    }
    assert!(idcs.token_calls() > calls);
    assert_eq!(idcs.revoked_refresh_tokens(), 0);
    assert!(
        !gateway.traefik.log().contains("code=grant."),
        "{}",
        gateway.traefik.log()
    );
}
