//! Pins the facts about Traefik's Wasm host that the design depends on. docs/traefik-wasm-notes.md describes them. If a
//! test fails with a new Traefik, the host has become better or worse, and the notes say what to do.
//!
//! Two faults of the host appear only on some machines. The tests check what is true on every machine, and print
//! whether the fault appears on this one.

mod response_headers;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use harness::client::Client;

use crate::probes::{COPIES, Form, Probes};
use crate::silence::longest_silence;

/// Prints whether a fault of the host appears on this machine, even if the test's output is captured.
fn report(fault: &str, shows: bool) {
    let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = information
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("an unknown processor", |value| {
        value.trim_start_matches([' ', '\t', ':'])
    });
    let verb = if shows { "shows" } else { "does not show" };
    let _ = writeln!(std::io::stderr(), "host fact: {fault} {verb} here ({model})");
}

/// Sends concurrent requests, which create many instances, and returns the distinct first words of the answers.
fn entropy_of_instances(probes: &Probes, path: &'static str) -> BTreeSet<String> {
    let seen = std::sync::Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let client = Client::plain();
                for _ in 0..8 {
                    let text = client
                        .get(&format!("{}{path}", probes.traefik.url()))
                        .send()
                        .unwrap()
                        .text();
                    seen.lock()
                        .unwrap()
                        .insert(text.split(' ').next().unwrap().to_owned());
                }
            });
        }
    });
    seen.into_inner().unwrap()
}

#[test]
fn without_sockets_entropy_is_the_same_in_every_instance_and_after_every_restart() {
    // Each middleware has its own instances, so at least two instances answer.
    let mut probes = Probes::start(&[
        ("plain", "probe-plain", Form::Lowered),
        ("other", "probe-plain", Form::Lowered),
    ]);
    let before = entropy_of_instances(&probes, "/plain");
    assert_eq!(before.len(), 1, "{before:?}");
    assert_eq!(before, entropy_of_instances(&probes, "/other"));
    probes.traefik.restart().unwrap();
    assert_eq!(before, entropy_of_instances(&probes, "/plain"));
    let (_, answer) = probes.ask("/plain");
    let elapsed: u64 = answer.split(' ').nth(1).unwrap().parse().unwrap();
    assert_eq!(
        elapsed, 1_000_000,
        "the monotonic clock advances by a millisecond per call"
    );
}

#[test]
fn with_sockets_entropy_and_clock_are_real() {
    let mut probes = Probes::start(&[
        ("sockets", "probe-sockets", Form::Lowered),
        ("other", "probe-sockets", Form::Lowered),
    ]);
    let before = entropy_of_instances(&probes, "/sockets");
    let other = entropy_of_instances(&probes, "/other");
    assert!(before.is_disjoint(&other), "{before:?} {other:?}");
    probes.traefik.restart().unwrap();
    let after = entropy_of_instances(&probes, "/sockets");
    assert!(before.is_disjoint(&after), "{before:?} {after:?}");
    let (_, answer) = probes.ask("/sockets");
    let elapsed: u64 = answer.split(' ').nth(1).unwrap().parse().unwrap();
    assert_ne!(elapsed, 1_000_000);
}

/// How often concurrent instances interfere depends on the processors and on chance, so the test does not require a
/// number of wrong answers. `shared_state.rs` tests how the plugins cope with this.
#[test]
fn alone_an_instance_gets_its_own_answers_from_the_host() {
    let probes = Probes::start(&[("sockets", "probe-sockets", Form::Lowered)]);
    let alone = probes.ask("/sockets/resolve/192.0.2.1/2000");
    assert_eq!(
        alone,
        (200, "0".to_owned()),
        "without concurrency, every answer is right"
    );

    const ROUNDS: usize = 20;
    let wrong = AtomicUsize::new(0);
    for _round in 0..ROUNDS {
        std::thread::scope(|scope| {
            for client in 1..=4 {
                let (probes, wrong) = (&probes, &wrong);
                scope.spawn(move || {
                    let (status, text) = probes.ask(&format!("/sockets/resolve/192.0.2.{client}/3000"));
                    // A crash of the guest is as good a sign as a wrong answer.
                    let count = if status == 200 { text.parse().unwrap() } else { 1 };
                    wrong.fetch_add(count, Ordering::SeqCst);
                });
            }
        });
        if wrong.load(Ordering::SeqCst) > 0 {
            break;
        }
    }
    report(
        "concurrent instances reading each other's answers without a lock",
        wrong.load(Ordering::SeqCst) > 0,
    );
}

/// Go's `memmove` has different implementations for different processors, and only some of them change the register
/// that the host relies on. So a guest that is not lowered works on some machines and fails on others. A lowered guest
/// works on all machines.
#[test]
fn lowered_guests_are_right_whether_or_not_this_processor_corrupts_others() {
    let lowered = Probes::start(&[("copies", COPIES, Form::Lowered)]);
    for _ in 0..20 {
        assert_eq!(lowered.ask("/copies"), (200, "00000".to_owned()));
    }
    // Without lowering, the result is a wrong number at best. Sometimes Traefik dies with a Go runtime error.
    let linked = Probes::start(&[("copies", COPIES, Form::AsLinked)]);
    let answer = linked
        .client
        .get(&format!("{}/copies", linked.traefik.url()))
        .send();
    let outcome = answer.map(|answer| (answer.status, answer.text()));
    println!("not lowered: {outcome:?}");
    let right = outcome.is_ok_and(|answer| answer == (200, "00000".to_owned()));
    report("a guest corrupted by memory.copy and memory.fill", !right);
}

/// The test does not limit the length of the silence, because it depends on the machine and on when Go collects
/// garbage. It checks that the gateway serves requests again afterwards.
#[test]
fn a_guest_that_computes_silences_every_router_and_one_that_calls_the_host_does_not() {
    const ROUNDS: u64 = 300_000_000;
    let probes = Probes::start(&[("computing", "probe-computing", Form::Lowered)]);
    let address = probes.traefik.address("web").unwrap();
    let silence = |pieces: u64| {
        let ask = || probes.ask(&format!("/computing/{ROUNDS}/{pieces}"));
        let (answer, silence) = longest_silence(address, ask);
        assert_eq!(answer.0, 200);
        (answer.1, silence)
    };
    let (undivided, divided) = (silence(1), silence(10_000));
    assert_eq!(undivided.0, divided.0, "both did the same work");
    println!(
        "longest silence: {:?} without a call of the host, {:?} with 10,000",
        undivided.1, divided.1
    );
    assert_eq!(probes.ask("/computing/1/1").0, 200);
}
