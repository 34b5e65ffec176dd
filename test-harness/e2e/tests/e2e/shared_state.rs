//! All instances share one fetch: in bursts, with short lifetimes, and after the holder was killed.

use std::time::{Duration, Instant};

use harness::gateway::Gateway;
use harness::idcs::{Endpoint, Idcs};
use harness::load::{Load, get_with_bearer};
use harness::oic::Oic;

use crate::support::kill_during_a_refresh;

#[test]
fn a_cold_burst_of_64_clients_costs_one_key_fetch_and_one_token() {
    let gateway = Gateway::builder().start_cold();
    gateway.idcs.answer_after(Duration::from_millis(300));
    let report = gateway.burst(&["/echo/burst"], 64);
    assert!(report.all_have_status(200), "{report}\n{}", gateway.traefik.log());
    assert_eq!(
        (gateway.idcs.jwks_calls(), gateway.idcs.token_calls()),
        (1, 1),
        "{report}"
    );
    assert_eq!(
        gateway.oic.foreign_tokens_seen() + gateway.oic.expired_tokens_seen(),
        0
    );
    println!("{report}");
}

#[test]
fn twenty_thousand_requests_with_two_second_tokens_never_show_an_expired_one() {
    let idcs = Idcs::builder().set(|switches| switches.default_ttl = 2).start();
    let gateway = Gateway::in_front_of(idcs)
        .oic(|idcs| Oic::builder(idcs).plain_http().start())
        .start();
    let token = gateway.idcs.client_token().expires_in(3600).mint();
    let begun = Instant::now();
    let report = Load::to(&gateway.traefik.url())
        .requests(20_000)
        .concurrency(64)
        .run(move |_| get_with_bearer("/echo/steady", &token));
    let seconds = begun.elapsed().as_secs_f64();
    assert!(report.all_have_status(200), "{report}\n{}", gateway.traefik.log());
    assert_eq!(gateway.oic.expired_tokens_seen(), 0, "{report}");
    assert_eq!(gateway.oic.foreign_tokens_seen(), 0, "{report}");
    assert_eq!(gateway.idcs.jwks_calls(), 1);
    // The earliest time for a refresh is after 1.5 s.
    let most = 2.0 + seconds / 1.4;
    assert!(
        (gateway.idcs.token_calls() as f64) <= most,
        "{} in {seconds} s",
        gateway.idcs.token_calls()
    );
    println!("{report}");
}

#[test]
fn a_traefik_killed_while_it_holds_lease_and_lock_serves_within_five_seconds_of_its_restart() {
    let idcs = Idcs::builder().set(|switches| switches.default_ttl = 2).start();
    let mut gateway = Gateway::in_front_of(idcs).start();
    assert_eq!(gateway.get_as_client("/echo").send().unwrap().status, 200);
    let token = gateway.idcs.client_token().mint();
    let idcs = gateway.idcs.handle();
    kill_during_a_refresh(&mut gateway, &idcs, &token);
    let locks = || {
        std::fs::read_dir(gateway.state())
            .unwrap()
            .filter(|entry| {
                entry
                    .as_ref()
                    .unwrap()
                    .file_name()
                    .to_string_lossy()
                    .ends_with(".lock")
            })
            .count()
    };
    assert!(locks() >= 1, "the lease still exists");
    gateway
        .idcs
        .set(|switches| switches.at(Endpoint::Token).latency = Duration::ZERO);
    let begun = Instant::now();
    gateway.traefik.restart().unwrap();
    let client = harness::client::Client::plain();
    loop {
        let answer = client.get(&gateway.url("/echo")).bearer(&token).send();
        if answer.is_ok_and(|answer| answer.status == 200) {
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{}",
            gateway.traefik.log()
        );
    }
    println!("serving {:?} after the restart began", begun.elapsed());
}
