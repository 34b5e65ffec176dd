//! Entries that somebody else has put into the directory, both under names that the plugins use and under other names.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::faults::Fault;
use harness::gateway::Gateway;
use harness::idcs::{Endpoint, Idcs};
use harness::load::{Load, get_with_bearer};
use serde_json::json;

use super::{assert_only_good_tokens, assert_serves, empty, entries, reload, remove, serves_within};
use crate::support::Deadline;

/// What may be in the place of one of our entries.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Garbage {
    Link(&'static str),
    LongLink,
    LinkToItself,
    EmptyFile,
    LargeFile,
    EmptyDirectory,
    FullDirectory,
}

impl Garbage {
    const ALL: [Self; 13] = [
        Self::Link("nowhere"),
        Self::Link("/etc/passwd"),
        Self::Link("1:"),
        Self::Link("1:s.AAAAAAAAAAAAAAAA.AAAA"),
        Self::Link("1:p.AAAA.AAAA"),
        Self::Link("1:{\"until\":99999999999999,\"refused\":true,\"count\":4294967295}"),
        Self::Link("n:../../../etc:300:x:300"),
        Self::LongLink,
        Self::LinkToItself,
        Self::EmptyFile,
        Self::LargeFile,
        Self::EmptyDirectory,
        Self::FullDirectory,
    ];

    fn plant(self, path: &Path) {
        remove(path);
        match self {
            Self::Link(target) => symlink(target, path).unwrap(),
            Self::LongLink => symlink("1:".to_owned() + &"x".repeat(4000), path).unwrap(),
            Self::LinkToItself => symlink(path.file_name().unwrap(), path).unwrap(),
            Self::EmptyFile => std::fs::write(path, "").unwrap(),
            Self::LargeFile => std::fs::write(path, vec![b'x'; 1_000_000]).unwrap(),
            Self::EmptyDirectory => std::fs::create_dir(path).unwrap(),
            Self::FullDirectory => {
                std::fs::create_dir(path).unwrap();
                std::fs::write(path.join("file"), "full").unwrap();
            }
        }
    }
}

#[test]
fn garbage_under_every_name_in_use_is_replaced_or_worked_around() {
    let (idcs, state) = (Idcs::start(), tempfile::tempdir().unwrap());
    let (mut gateway, names) = names_in_use(idcs, state.path());
    for (number, garbage) in Garbage::ALL.into_iter().enumerate() {
        let case = format!("{garbage:?}");
        // Start Traefik, or only its middlewares, with the garbage in place. Locks take longer and have their own test
        // below.
        let whole_traefik = number % 4 == 0;
        if whole_traefik {
            gateway.traefik.kill();
        }
        empty(state.path());
        let plant = || {
            for name in names.iter().filter(|name| !is_lock(name)) {
                garbage.plant(&state.path().join(name));
            }
        };
        plant();
        match whole_traefik {
            true => gateway.traefik.restart().unwrap(),
            false => reload(&mut gateway),
        }
        assert_serves(&gateway, &case);
        // Plant garbage again while the gateway runs.
        plant();
        burst(&gateway, &case);
        reload(&mut gateway);
        burst(&gateway, &case);
        assert_only_good_tokens(&gateway, &case);
    }
}

#[test]
fn garbage_in_the_place_of_a_lock_holds_it_for_a_few_seconds_and_no_longer() {
    let kinds = [
        Garbage::Link("/etc/passwd"),
        Garbage::LongLink,
        Garbage::EmptyFile,
        Garbage::EmptyDirectory,
        Garbage::FullDirectory,
    ];
    std::thread::scope(|scope| {
        for garbage in kinds {
            scope.spawn(move || {
                let (idcs, state) = (Idcs::start(), tempfile::tempdir().unwrap());
                let (mut gateway, names) = names_in_use(idcs, state.path());
                gateway.traefik.kill();
                empty(state.path());
                for name in names.iter().filter(|name| is_lock(name)) {
                    garbage.plant(&state.path().join(name));
                }
                gateway.traefik.restart().unwrap();
                serves_within(&gateway, HEALED_WITHIN, &format!("{garbage:?}"));
                assert_only_good_tokens(&gateway, &format!("{garbage:?}"));
            });
        }
    });
}

/// Sends enough concurrent requests to create instances that have an empty cache.
fn burst(gateway: &Gateway, case: &str) {
    let token = gateway.idcs.client_token().mint();
    let report = Load::to(&gateway.traefik.url())
        .burst(8)
        .run(move |_| get_with_bearer("/echo/slow?ms=50", &token));
    // If a failure record was planted, other requests do not wait for the one that retries.
    let known = report.with_status(200) + report.with_status(503);
    assert_eq!((known, report.errors), (8, 0), "{case}: {report}");
    serves_within(gateway, HEALED_WITHIN, case);
}

fn is_lock(name: &str) -> bool {
    name.ends_with(".lock") || name.ends_with(".break")
}

#[test]
fn what_another_tenant_left_is_neither_trusted_nor_sent() {
    let (state, foreign_state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let foreign = Gateway::in_front_of(Idcs::builder().tenant(1).start())
        .state(foreign_state.path())
        .start();
    assert_serves(&foreign, "the other tenant");
    let forged = foreign.idcs.client_token().mint();
    drop(foreign.traefik);

    let mut gateway = Gateway::builder().state(state.path()).start();
    assert_serves(&gateway, "the first run");
    gateway.traefik.kill();
    let stems = |folder: &Path| -> BTreeSet<String> {
        let names = entries(folder).into_iter().map(|(name, _)| name);
        names.filter(|name| !name.contains('.')).collect()
    };
    let (ours, theirs) = (stems(state.path()), stems(foreign_state.path()));
    assert!(ours.is_disjoint(&theirs), "{ours:?} {theirs:?}");
    empty(state.path());
    for our in &ours {
        let kind = our.split('-').next().unwrap();
        let their = theirs.iter().find(|name| name.starts_with(kind)).unwrap();
        for (name, target) in entries(foreign_state.path()) {
            if let (Some(rest), Some(target)) = (name.strip_prefix(their.as_str()), target) {
                symlink(target, state.path().join(format!("{our}{rest}"))).unwrap();
            }
        }
    }
    gateway.oic.forget_records();
    gateway.traefik.restart().unwrap();
    assert_eq!(gateway.get("/echo").bearer(&forged).send().unwrap().status, 401);
    assert_serves(&gateway, "with the other tenant's entries");
    assert_only_good_tokens(&gateway, "with the other tenant's entries");
}

#[test]
fn an_old_state_put_back_brings_no_expired_token_back() {
    let idcs = Idcs::builder().set(|switches| switches.default_ttl = 1).start();
    let state = tempfile::tempdir().unwrap();
    let mut gateway = Gateway::in_front_of(idcs).state(state.path()).start();
    let old: Vec<_> = entries(state.path());
    let token = gateway.idcs.tokens_issued().len();
    assert!(token > 0);
    gateway.traefik.kill();
    let expires = gateway.idcs.clock().now() + 2;
    let deadline = Deadline::after(Duration::from_secs(30));
    while gateway.idcs.clock().now() < expires {
        deadline.pause("the token expires");
    }
    empty(state.path());
    for (name, target) in old {
        symlink(target.unwrap(), state.path().join(name)).unwrap();
    }
    gateway.idcs.set(|switches| switches.default_ttl = 3600);
    gateway.traefik.restart().unwrap();
    assert_serves(&gateway, "an old state");
    assert_only_good_tokens(&gateway, "an old state");
}

#[test]
fn foreign_files_are_left_alone() {
    let state = tempfile::tempdir().unwrap();
    let names = [
        "README.txt",
        ".hidden",
        "jwks-of-mine",
        "token-",
        "io-0000000.lock",
        "Wörter",
        "probe.x",
    ];
    for (name, garbage) in names.iter().zip(Garbage::ALL.into_iter().rev().cycle()) {
        garbage.plant(&state.path().join(name));
    }
    let mut gateway = Gateway::builder().state(state.path()).start();
    assert_serves(&gateway, "foreign files");
    reload(&mut gateway);
    assert_serves(&gateway, "foreign files, reloaded");
    assert_only_good_tokens(&gateway, "foreign files");
    let left: BTreeSet<String> = entries(state.path()).into_iter().map(|(name, _)| name).collect();
    for name in names {
        assert!(left.contains(name), "{name}: {left:?}");
    }
}

/// Starts a gateway and returns it with all names that it used in its directory: at a cold start with a slow and
/// failing provider, and at a refresh.
fn names_in_use(idcs: Idcs, state: &Path) -> (Gateway, BTreeSet<String>) {
    for endpoint in [Endpoint::Jwks, Endpoint::Token] {
        idcs.down_for(endpoint, 1, Fault::Status(503));
        idcs.set(|switches| switches.at(endpoint).latency = Duration::from_millis(300));
    }
    let (done, state) = (AtomicBool::new(false), state.to_owned());
    std::thread::scope(|scope| {
        let (done, state) = (&done, &state);
        let watching = scope.spawn(move || {
            let mut names = BTreeSet::new();
            while !done.load(Ordering::Relaxed) {
                names.extend(entries(state).into_iter().map(|(name, _)| name));
                std::thread::sleep(Duration::from_millis(1));
            }
            names
        });
        let hasty = json!({ "clientConfig": { "maxRetries": 0 } });
        let gateway = Gateway::in_front_of(idcs)
            .jwt(hasty.clone())
            .oauth(hasty)
            .state(state)
            .start();
        serves_within(&gateway, Duration::from_secs(20), "the first run");
        done.store(true, Ordering::Relaxed);
        for endpoint in [Endpoint::Jwks, Endpoint::Token] {
            gateway
                .idcs
                .set(|switches| switches.at(endpoint).latency = Duration::ZERO);
        }
        let mut names = watching.join().unwrap();
        let seen = |end: &str| names.iter().any(|name| name.ends_with(end));
        assert!(seen(".lock") && seen(".beat") && seen(".fail"), "{names:?}");
        // These entries appear only when a lease is taken over from a killed holder.
        let locks: Vec<String> = names.iter().filter(|name| is_lock(name)).cloned().collect();
        names.extend(locks.iter().map(|name| name.replace(".lock", ".break")));
        (gateway, names)
    })
}

/// A lease without a sign of life is respected for 2.5 seconds, once for the keys and once for the token.
const HEALED_WITHIN: Duration = Duration::from_secs(15);
