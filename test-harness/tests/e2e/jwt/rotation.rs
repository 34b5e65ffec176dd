//! The identity provider changes its signing key, and the old one is gone at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use test_harness::faults::Fault;
use test_harness::gateway::Gateway;
use test_harness::idcs::{Endpoint, Idcs};

use super::{Refusal, published_by, routes, with, within};

/// A gateway that may fetch keys once a second because of tokens it cannot verify.
fn gateway() -> Gateway {
    let idcs = Idcs::start();
    let options = with(published_by(&idcs), "refetchIntervalSeconds", 1);
    routes(idcs, &[("/api", options)]).start()
}

const INTERVAL: Duration = Duration::from_secs(1);
/// For a machine that does other things too.
const SLACK: Duration = Duration::from_secs(5);

#[test]
fn tokens_of_a_new_key_are_accepted_within_the_interval_and_those_of_the_old_one_refused() {
    let gateway = gateway();
    type Rotation = (&'static str, fn(&Idcs));
    let rotations: [Rotation; 3] = [
        ("same kid", |idcs| idcs.rotate_now()),
        ("new kid", |idcs| idcs.rotate_now_new_kid("NEXT_KEY")),
        ("back to the old kid", |idcs| {
            idcs.rotate_now_new_kid("SIGNING_KEY")
        }),
    ];
    for (case, rotate) in rotations {
        let old = gateway.idcs.client_token().mint();
        // Many instances hold the old key, and each has verified the old token.
        assert_eq!(statuses(&gateway, &old), [200], "{case}");

        rotate(&gateway.idcs);
        let new = gateway.idcs.client_token().mint();
        within(INTERVAL + SLACK, "a token of the new key is accepted", || {
            let answer = gateway.get("/api").bearer(&new).send().unwrap();
            if answer.status != 200 {
                Refusal::INVALID_TOKEN.assert(case, &answer);
            }
            (answer.status == 200).then_some(())
        });
        within(INTERVAL + SLACK, "no instance has the old key", || {
            (statuses(&gateway, &old) == [401]).then_some(())
        });
        let answer = gateway.get("/api").bearer(&old).send().unwrap();
        Refusal::INVALID_TOKEN.assert(case, &answer);
        assert_eq!(statuses(&gateway, &new), [200], "{case}");
    }
}

#[test]
fn forged_tokens_cost_one_fetch_of_keys_an_interval_at_most() {
    let gateway = gateway();
    let good = gateway.idcs.client_token().mint();
    assert_eq!(gateway.get("/api").bearer(&good).send().unwrap().status, 200);
    gateway.idcs.forget_records();
    gateway.oic.forget_records();

    let (begun, sent) = (Instant::now(), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                while begun.elapsed() < INTERVAL.mul_f32(2.5) || sent.load(Ordering::Relaxed) < 200 {
                    let number = sent.fetch_add(1, Ordering::Relaxed);
                    let forged = gateway.idcs.client_token().signed_by_another_key();
                    let forged = match number % 2 {
                        0 => forged,
                        _ => forged.header("kid", format!("key-{number}")),
                    };
                    let answer = gateway.get("/api").bearer(&forged.mint()).send().unwrap();
                    Refusal::INVALID_TOKEN.assert("forged", &answer);
                }
            });
        }
    });
    let intervals = begun.elapsed().as_secs_f64() / INTERVAL.as_secs_f64();
    let calls = gateway.idcs.jwks_calls();
    let text = format!("{calls} calls in {intervals} intervals");
    assert!(calls >= 1 && calls as f64 <= intervals + 1.0, "{text}");
    assert_eq!(gateway.oic.requests_count(), 0);
    assert_eq!(gateway.get("/api").bearer(&good).send().unwrap().status, 200);
}

#[test]
fn a_new_key_that_cannot_be_fetched_is_the_providers_trouble_not_the_callers() {
    let gateway = gateway();
    let old = gateway.idcs.client_token().mint();
    assert_eq!(gateway.get("/api").bearer(&old).send().unwrap().status, 200);
    gateway.idcs.down_at(Endpoint::Jwks, Fault::Status(500));
    gateway.idcs.rotate_now();
    let new = gateway.idcs.client_token().mint();

    // Until the interval is over nobody asks; a token that does not verify is then just that.
    let first = within(INTERVAL + SLACK, "the trouble is noticed", || {
        let answer = gateway.get("/api").bearer(&new).send().unwrap();
        (answer.status != 401).then_some(answer)
    });
    Refusal::IDENTITY_PROVIDER_UNAVAILABLE.assert("first", &first);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(2) {
        let answer = gateway.get("/api").bearer(&new).send().unwrap();
        Refusal::IDENTITY_PROVIDER_UNAVAILABLE.assert("later", &answer);
        let at_hand = gateway.get("/api").bearer(&old).send().unwrap();
        assert_eq!(at_hand.status, 200, "the keys at hand still serve");
        let garbage = gateway.get("/api").bearer("a.b.c").send().unwrap();
        Refusal::INVALID_TOKEN.assert("garbage", &garbage);
    }

    gateway.idcs.up();
    within(Duration::from_secs(2) + SLACK, "the new key is fetched", || {
        let answer = gateway.get("/api").bearer(&new).send().unwrap();
        if answer.status != 200 {
            Refusal::IDENTITY_PROVIDER_UNAVAILABLE.assert("up again", &answer);
        }
        (answer.status == 200).then_some(())
    });
}

/// The distinct statuses of many requests with this token, some at the same time, so that many instances answer.
fn statuses(gateway: &Gateway, token: &str) -> Vec<u16> {
    let each = || {
        let send = |_| gateway.get("/api").bearer(token).send().unwrap().status;
        (0..4).map(send).collect::<Vec<_>>()
    };
    let mut statuses: Vec<u16> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..16).map(|_| scope.spawn(each)).collect();
        callers
            .into_iter()
            .flat_map(|caller| caller.join().unwrap())
            .collect()
    });
    statuses.sort_unstable();
    statuses.dedup();
    statuses
}
