//! What the crate `rsa-verify` is for: it must be several times as fast as ring where the plugins run.

use test_harness::rsa_speed;

#[test]
fn an_rs256_check_inside_traefik_takes_a_fraction_of_what_ring_needs() {
    let speed = rsa_speed::measure(2048, 101).unwrap_or_else(|error| panic!("{error}"));
    println!("{speed:?}");
    // The libraries take turns, so that load meets all of them, but ours lives by the processor doing many things at
    // once, and loses more when a neighbour shares it: 6 to 8 and 21 to 44 times were seen.
    assert!(speed.ring >= 4.0 * speed.ours, "{speed:?}");
    assert!(speed.jwt_simple >= 14.0 * speed.ours, "{speed:?}");
    assert!(
        speed.key <= 4.0 * speed.ours,
        "making a key became costly: {speed:?}"
    );
}
