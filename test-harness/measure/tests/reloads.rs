//! Reloads the dynamic configuration under load.
//!
//! `cargo run --release -p measure -- reloads 200` does more reloads and shows all costs.

use measure::reloads::{Chain, Cost};

/// Memory that Traefik leaks at each reload, for each plugin with sockets on each router: two copies of the description
/// of the host functions, and the code for calling them. See docs/traefik-wasm-notes.md.
const HOST_FUNCTIONS_KIB: f64 = 75.0;
/// Descriptors that Traefik leaks: stdin, stdout and stderr, and one per mount.
const STREAMS: f64 = 3.0;
const MOUNT: f64 = 1.0;
/// The descriptor that our plugins open for the lock. They close the standard streams.
const LOCK: f64 = 1.0;

#[test]
fn reloads_of_twenty_routers_under_load_cost_no_request_and_leave_only_behind_what_traefik_does() {
    const WITH_SOCKETS: f64 = 2.0; // of the three plugins
    let cost = Cost::of(Chain::ThreePlugins, 5).unwrap();
    println!("{}\n{cost}", Cost::HEAD);
    assert!(cost.requests.all_have_status(200), "{}", cost.requests);
    assert!(cost.requests.responses() >= 1000, "{}", cost.requests);
    let (heap, code) = cost.memory_kib();
    assert!(heap + code < WITH_SOCKETS * HOST_FUNCTIONS_KIB * 1.3, "{cost}");
    assert!(cost.descriptors() < WITH_SOCKETS * (MOUNT + LOCK) + 0.1, "{cost}");
}

#[test]
fn a_reload_leaves_descriptors_and_host_functions_of_a_plugin_with_sockets_behind() {
    let table = [
        (Chain::Idle, 0.0, 0.0),
        (Chain::IdleWithSockets, HOST_FUNCTIONS_KIB, STREAMS + MOUNT),
        (Chain::IdleWithoutStreams, HOST_FUNCTIONS_KIB, MOUNT),
    ];
    for (chain, kib, descriptors) in table {
        let cost = Cost::of(chain, 5).unwrap();
        assert!(cost.requests.all_have_status(200), "{}", cost.requests);
        let (heap, code) = cost.memory_kib();
        let message =
            format!("this Traefik may have mended its reloads, see docs/traefik-wasm-notes.md\n{cost}");
        assert!((heap + code - kib).abs() < 15.0, "{message}");
        assert!((cost.descriptors() - descriptors).abs() < 0.1, "{message}");
    }
}

#[test]
fn on_a_parent_router_the_plugin_is_built_once_for_all_children() {
    let cost = Cost::of(Chain::OnePluginOnAParent, 5).unwrap();
    println!("{}\n{cost}", Cost::HEAD);
    assert!(cost.requests.all_have_status(200), "{}", cost.requests);
    assert!(cost.descriptors() < (MOUNT + LOCK) / 20.0 + 0.1, "{cost}");
}
