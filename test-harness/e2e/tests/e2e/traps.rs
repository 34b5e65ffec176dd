//! Traps in the plugins, at every point where one could cause damage. These plugins trap on request (crate `trap`),
//! either by a panic or without one. A stack overflow is an example of the latter: not even the panic hook runs.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use harness::client::{ClientError, Response};
use harness::gateway::{Gateway, GatewayBuilder};
use harness::idcs::Endpoint;
use harness::load::{Load, LoadReport, get_with_bearer};
use harness::oic::Oic;
use harness::traefik::TraefikBuilder;
use harness_build::guests;
use serde_json::{Value, json};

use crate::support::{Deadline, keep_instances, plugin_lines};

const KINDS: [&str; 2] = ["panic", "unreachable"];
const ROUTERS: [&str; 4] = ["/a", "/b", "/c", "/d"];
/// The time until everything works again after a trap that nobody has to wait for, on a busy machine.
const SOON: Duration = Duration::from_secs(2);
/// The time for which a lease without a sign of life is respected.
const PATIENCE: Duration = Duration::from_millis(2500);
/// The same for the lock that the instances of one router share.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
/// The default of `clientConfig.timeoutSeconds`. A request waits this long for the lock.
const TIMEOUT: Duration = Duration::from_secs(5);

fn tortured() -> GatewayBuilder {
    tortured_in(|traefik| traefik)
}

/// Like [`tortured`], but the trapped instance stays in Traefik's pool, so a burst reaches it.
fn tortured_and_kept() -> GatewayBuilder {
    tortured_in(keep_instances)
}

fn tortured_in(change: fn(TraefikBuilder) -> TraefikBuilder) -> GatewayBuilder {
    let plugins = &guests::trapping_artifacts().unwrap().root;
    Gateway::builder()
        .oic(|idcs| Oic::builder(idcs).plain_http().start())
        .routers(&ROUTERS)
        .traefik(move |traefik| {
            // `api.debug` lets the test trigger garbage collection.
            let quiet = json!({ "api": { "debug": true }, "log": { "level": "INFO" } });
            change(traefik).plugins_from(plugins).static_patch(quiet)
        })
}

/// Sends a request that traps in `plugin` at `point`.
fn trap(
    gateway: &Gateway,
    path: &str,
    plugin: &str,
    point: &str,
    kind: &str,
) -> Result<Response, ClientError> {
    gateway
        .get_as_client(path)
        .header("Trap", &format!("{plugin} {point} {kind}"))
        .timeout(Duration::from_secs(20))
        .send()
}

/// Sends a burst to all routers.
fn burst(gateway: &Gateway) -> LoadReport {
    let token = gateway.idcs.client_token().mint();
    Load::to(&gateway.traefik.url())
        .burst(32)
        .check(is_answer_to_its_request)
        .run(move |index| get_with_bearer(&path(index), &token))
}

fn path(index: usize) -> String {
    format!("{}/request-{index}", ROUTERS[index % ROUTERS.len()])
}

fn is_answer_to_its_request(
    index: usize,
    _: http::StatusCode,
    _: &http::HeaderMap,
    body: &[u8],
) -> Result<(), String> {
    let seen: Value = serde_json::from_slice(body).map_err(|_| String::from_utf8_lossy(body).into_owned())?;
    let expected = format!("request-{index}");
    let path = seen["path"].as_str().unwrap_or_default();
    if path.ends_with(&expected) {
        Ok(())
    } else {
        Err(format!("{expected} got the answer to {path}"))
    }
}

/// Returns the leases and places in the queue that are in the state directory.
fn held(gateway: &Gateway) -> BTreeSet<String> {
    let entries = std::fs::read_dir(gateway.state()).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".lock") || name.starts_with("wait-"))
        .collect()
}

fn served_on(gateway: &Gateway, path: &str, within: Duration, what: &str) {
    let begun = Instant::now();
    let answer = gateway.get_as_client(path).send().unwrap();
    assert_eq!(answer.status, 200, "{what}: {}", answer.text());
    assert!(begun.elapsed() < within, "{what}: {:?}", begun.elapsed());
}

/// A trapped instance cleans up when it handles its next request, but Traefik chooses the instance. So send requests
/// until everything is released.
fn nothing_is_held_soon(gateway: &Gateway, path: &str, what: &str) {
    let deadline = Deadline::after(Duration::from_secs(10));
    while !held(gateway).is_empty() {
        served_on(gateway, path, SOON, what);
        deadline.pause(&format!("{what}: {:?}", held(gateway)));
    }
}

fn few_descriptors_more_than(gateway: &Gateway, before: usize, what: &str) {
    const COMING_AND_GOING: usize = 5; // connections of the tests themselves
    let deadline = Deadline::after(Duration::from_secs(10));
    while gateway.traefik.open_fds().unwrap() > before + COMING_AND_GOING {
        let now = gateway.traefik.open_fds().unwrap();
        deadline.pause(&format!("{what}: {before} descriptors before, {now} after"));
    }
}

#[test]
fn a_trap_anywhere_in_a_request_costs_that_request_alone() {
    let table: [(GatewayBuilder, &[&str]); 2] = [
        (tortured(), &["jwt", "oAuthClientCredentials", "pathRewrite"]),
        (tortured().one_module(), &["gateway"]),
    ];
    for (builder, plugins) in table {
        let gateway = builder.start();
        let token = gateway.idcs.client_token().mint();
        let load = |requests| {
            let token = token.clone();
            Load::to(&gateway.traefik.url())
                .requests(requests)
                .concurrency(4)
                .check(is_answer_to_its_request)
                .run(move |index| get_with_bearer(&path(index), &token))
        };
        load(400);
        let before = gateway.traefik.open_fds().unwrap();
        let done = AtomicBool::new(false);
        let (others, panics) = std::thread::scope(|scope| {
            let others = scope.spawn(|| {
                let mut reports = vec![load(200)];
                while !done.load(Ordering::Relaxed) {
                    reports.push(load(200));
                }
                reports
            });
            let mut panics = 0;
            for plugin in plugins {
                for point in ["before-taking-out", "taken-out", "answer-taken-out"] {
                    for kind in KINDS {
                        let what = format!("{plugin} {point} {kind}");
                        match trap(&gateway, "/a/trap", plugin, point, kind) {
                            Ok(answer) if point == "answer-taken-out" => {
                                assert_eq!(answer.status, 200, "{what}")
                            }
                            Ok(answer) => assert_eq!(answer.status, 500, "{what}: {}", answer.text()),
                            // Traefik aborts a response that has already started.
                            Err(error) => assert_eq!(point, "answer-taken-out", "{what}: {error}"),
                        }
                        panics += usize::from(kind == "panic");
                        served_on(&gateway, "/a/next", SOON, &what);
                    }
                }
            }
            done.store(true, Ordering::Relaxed);
            (others.join().unwrap(), panics)
        });
        for report in others {
            assert!(report.all_have_status(200), "{report}\n{}", gateway.traefik.log());
        }
        assert_eq!(held(&gateway), BTreeSet::new());
        few_descriptors_more_than(&gateway, before, &format!("{plugins:?}"));
        let log = gateway.traefik.log();
        let told = plugin_lines(&log)
            .filter(|line| line.contains("code=plugin.panicked"))
            .count();
        assert_eq!(told, panics, "every panic is in the log\n{log}");
    }
}

#[test]
fn a_trap_during_a_fetch_delays_others_by_the_patience_at_most() {
    for plugin in ["jwt", "oAuthClientCredentials"] {
        for point in ["holding-lease", "during-io"] {
            for kind in KINDS {
                let what = format!("{plugin} {point} {kind}");
                let gateway = tortured_and_kept().start_cold();
                // The trapped instance may or may not be the next one that gets a request.
                let trapped = trap(&gateway, "/a", plugin, point, kind).unwrap();
                assert_eq!(trapped.status, 500, "{what}: {}", trapped.text());
                assert_eq!(
                    held(&gateway).is_empty(),
                    kind == "panic",
                    "{what}: {:?}",
                    held(&gateway)
                );
                let report = burst(&gateway);
                println!("{what}: {report}");
                assert!(
                    report.all_have_status(200),
                    "{what}: {report}\n{}",
                    gateway.traefik.log()
                );
                let bound = if kind == "panic" { SOON } else { PATIENCE + SOON };
                assert!(report.max() < bound, "{what}: {report}");
                nothing_is_held_soon(&gateway, "/a", &what);
            }
        }
    }
}

/// Traefik drops instances when it collects garbage. An instance that trapped without a panic can then never clean up.
#[test]
fn what_a_trapped_instance_holds_is_taken_from_it_even_if_it_is_never_used_again() {
    let gateway = tortured().routers(&["/a"]).start_cold();
    let trapped = trap(&gateway, "/a", "jwt", "during-io", "unreachable").unwrap();
    assert_eq!(trapped.status, 500, "{}", trapped.text());
    let begun = Instant::now();
    for _ in 0..5 {
        gateway
            .traefik
            .api_text("/debug/pprof/heap?gc=1&debug=1")
            .unwrap();
    }
    let open = gateway.traefik.open_fds().unwrap();
    // Each instance measures for itself how long the lock has been silent. Two instances may take turns, because each
    // processor has its own pool.
    let bound = PATIENCE + 2 * LOCK_PATIENCE + TIMEOUT + SOON;
    loop {
        let answer = gateway.get_as_client("/a").send().unwrap();
        if answer.status == 200 {
            break;
        }
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(answer.header("retry-after").is_some());
        assert!(begun.elapsed() < bound, "{}", gateway.traefik.log());
    }
    println!("served {:?} after the trap", begun.elapsed());
    assert!(begun.elapsed() > PATIENCE, "another instance served too early");
    assert_eq!(held(&gateway), BTreeSet::new());
    assert!(
        gateway.traefik.open_fds().unwrap() <= open,
        "the connection is still open"
    );
}

#[test]
fn traps_during_fetches_leave_no_connection_open() {
    const TRAPS: usize = 12;
    for kind in KINDS {
        let gateway = tortured().start_cold();
        let trap_during_io = || {
            let trapped = trap(&gateway, "/a", "jwt", "during-io", kind).unwrap();
            // If this is another instance than the trapped one, lease and lock are taken.
            let waited_in_vain = trapped.status == 503 && kind == "unreachable";
            assert!(
                trapped.status == 500 || waited_in_vain,
                "{kind}: {}",
                trapped.text()
            );
        };
        trap_during_io();
        let before = gateway.traefik.open_fds().unwrap();
        for _ in 0..TRAPS {
            trap_during_io();
        }
        let deadline = Deadline::after(PATIENCE + 2 * LOCK_PATIENCE + TIMEOUT + SOON);
        while gateway.get_as_client("/a").send().unwrap().status != 200 {
            deadline.pause(kind);
        }
        few_descriptors_more_than(&gateway, before, kind);
        nothing_is_held_soon(&gateway, "/a", kind);
    }
}

#[test]
fn a_trap_of_one_that_waits_frees_its_place_and_disturbs_no_fetch() {
    for kind in KINDS {
        let gateway = tortured_and_kept().start_cold();
        gateway
            .idcs
            .set(|switches| switches.at(Endpoint::Jwks).latency = Duration::from_secs(2));
        std::thread::scope(|scope| {
            let first = scope.spawn(|| gateway.get_as_client("/a/first").send().unwrap());
            let deadline = Deadline::after(Duration::from_secs(10));
            while gateway.idcs.jwks_calls() == 0 {
                deadline.pause("the fetch has begun");
            }
            let trapped = trap(&gateway, "/b", "jwt", "waiting", kind).unwrap();
            assert_eq!(trapped.status, 500, "{kind}: {}", trapped.text());
            assert_eq!(first.join().unwrap().status, 200, "{kind}");
        });
        served_on(&gateway, "/b", SOON, kind);
        nothing_is_held_soon(&gateway, "/b", kind);
        assert_eq!(gateway.idcs.jwks_calls(), 1, "{kind}");
    }
}
