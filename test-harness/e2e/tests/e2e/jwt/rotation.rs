//! The identity provider changes its signing key, and the old key disappears at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant};

use harness::faults::Fault;
use harness::gateway::Gateway;
use harness::idcs::{Endpoint, Idcs};

use super::{Refusal, published_by, routes, with, within};

/// Starts a gateway that may fetch keys once per second when it cannot verify a token.
fn gateway() -> Gateway {
    let idcs = Idcs::start();
    let options = with(published_by(&idcs), "refetchIntervalSeconds", 1);
    routes(idcs, &[("/api", options)]).start()
}

const INTERVAL: Duration = Duration::from_secs(1);
/// Slack for a busy machine.
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
        // Many instances hold the old key, and each of them has verified the old token.
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
fn the_keys_at_hand_judge_every_token_while_newer_ones_cannot_be_fetched() {
    let gateway = gateway();
    let old = gateway.idcs.client_token().mint();
    assert_eq!(gateway.get("/api").bearer(&old).send().unwrap().status, 200);
    gateway.idcs.down_at(Endpoint::Jwks, Fault::Status(500));
    gateway.idcs.rotate_now();
    let new = gateway.idcs.client_token().mint();

    // The caller sees an ordinary invalid token. The log gives the cause.
    within(INTERVAL + SLACK, "the trouble is noticed", || {
        let answer = gateway.get("/api").bearer(&new).send().unwrap();
        Refusal::INVALID_TOKEN.assert("first", &answer);
        let log = gateway.traefik.log();
        log.lines()
            .any(|line| line.contains("code=fetch.failed") && line.contains("status 500"))
            .then_some(())
    });
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(2) {
        let answer = gateway.get("/api").bearer(&new).send().unwrap();
        Refusal::INVALID_TOKEN.assert("later", &answer);
        let at_hand = gateway.get("/api").bearer(&old).send().unwrap();
        assert_eq!(at_hand.status, 200, "the cached keys still work");
        let garbage = gateway.get("/api").bearer("a.b.c").send().unwrap();
        Refusal::INVALID_TOKEN.assert("garbage", &garbage);
    }

    gateway.idcs.up();
    within(INTERVAL + SLACK, "the new key is fetched", || {
        let answer = gateway.get("/api").bearer(&new).send().unwrap();
        (answer.status == 200).then_some(())
    });
}

/// The default of `refetchIntervalSeconds`: the pause between two fetches that tokens cause.
const PAUSE: Duration = Duration::from_secs(3);
/// With this default, a valid token of a new key may be refused for this long.
const PROMISE: Duration = Duration::from_secs(5);
const CLIENTS: usize = 32;

/// The tokens that the clients send. They are signed with the current key.
struct Current {
    generation: usize,
    since: Instant,
    tokens: Vec<String>,
}

impl Current {
    fn new(generation: usize, since: Instant, idcs: &Idcs) -> Self {
        let token = |number: usize| idcs.client_token().claim("number", number).mint();
        Self {
            generation,
            since,
            tokens: (0..8).map(token).collect(),
        }
    }
}

/// Stops the clients on drop, so that a failed assertion ends the test.
struct EndOf<'a>(&'a AtomicBool);

impl Drop for EndOf<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The results for the tokens of one generation.
#[derive(Default)]
struct Fate {
    /// The time from the rotation to the last refusal.
    refused_for: Duration,
    /// The number of served requests for each client.
    served: [usize; CLIENTS],
}

#[test]
fn a_rotation_right_after_a_fetch_is_noticed_within_seconds_under_load_and_under_attack() {
    for is_attacked in [false, true] {
        let idcs = Idcs::start();
        let options = published_by(&idcs);
        let gateway = routes(idcs, &[("/api", options)]).start();
        assert_rotations_are_noticed(&gateway, is_attacked);
    }
}

fn assert_rotations_are_noticed(gateway: &Gateway, is_attacked: bool) {
    let idcs = &gateway.idcs;
    let begun = Instant::now();
    let calls_before = idcs.jwks_calls();
    let current = RwLock::new(Current::new(0, begun, idcs));
    let fates = Mutex::new(vec![Fate::default()]);
    let over = AtomicBool::new(false);
    let client = |number: usize| {
        while !over.load(Ordering::Relaxed) {
            let (generation, token) = {
                let current = current.read().unwrap();
                let token = &current.tokens[number % current.tokens.len()];
                (current.generation, token.clone())
            };
            let answer = gateway.get("/api").bearer(&token).send().unwrap();
            let now = current.read().unwrap();
            // A token that was sent before the rotation need not be valid after it.
            if now.generation == generation {
                let fate = &mut fates.lock().unwrap()[generation];
                match answer.status {
                    200 => fate.served[number] += 1,
                    _ => {
                        Refusal::INVALID_TOKEN.assert("a good token", &answer);
                        fate.refused_for = now.since.elapsed();
                    }
                }
            }
            drop(now);
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    let attack = || {
        let forged = idcs.client_token().signed_by_another_key();
        let forged = [
            forged.mint(),
            idcs.client_token()
                .signed_by_another_key()
                .header("kid", "x")
                .mint(),
        ];
        for token in forged.iter().cycle() {
            if over.load(Ordering::Relaxed) {
                break;
            }
            let answer = gateway.get("/api").bearer(token).send().unwrap();
            Refusal::INVALID_TOKEN.assert("forged", &answer);
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    std::thread::scope(|scope| {
        let end = EndOf(&over);
        for number in 0..CLIENTS {
            let client = &client;
            scope.spawn(move || client(number));
        }
        if is_attacked {
            scope.spawn(attack);
        }
        let all_served = |generation: usize| {
            within(PROMISE * 2, "all clients are served", || {
                let fates = fates.lock().unwrap();
                fates[generation]
                    .served
                    .iter()
                    .all(|served| *served > 0)
                    .then_some(())
            });
        };
        all_served(0);
        let kid = idcs.signing_key().kid().to_owned();
        // The keys have just been fetched, either at the start or because of the previous rotation.
        for (index, (kid, age)) in [(kid.as_str(), 1), ("NEXT", 1), (&kid, 0)]
            .into_iter()
            .enumerate()
        {
            std::thread::sleep(Duration::from_secs(age));
            {
                let mut current = current.write().unwrap();
                let since = Instant::now();
                idcs.rotate_now_new_kid(kid);
                fates.lock().unwrap().push(Fate::default());
                *current = Current::new(index + 1, since, idcs);
            }
            all_served(index + 1);
        }
        std::thread::sleep(Duration::from_millis(500));
        drop(end);
    });
    let calls = idcs.jwks_calls() - calls_before;
    let most = begun.elapsed().as_secs_f64() / PAUSE.as_secs_f64() + 1.0;
    let refused_for: Vec<Duration> = fates
        .lock()
        .unwrap()
        .iter()
        .map(|fate| fate.refused_for)
        .collect();
    println!("attacked: {is_attacked}: refused for {refused_for:?}, {calls} calls of at most {most:.1}");
    assert!(refused_for.iter().all(|span| *span < PROMISE), "{refused_for:?}");
    assert!(
        calls >= 3 && calls as f64 <= most,
        "{calls} calls, at most {most}"
    );
}

/// Returns the distinct statuses of many requests with this token. Some run concurrently, so that many instances
/// answer.
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
