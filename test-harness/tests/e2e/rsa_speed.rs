//! The figures of `bench` on RSA checks, which a probe takes inside Traefik. How they compare is the bench's business.

use test_harness::rsa_speed;

#[test]
fn every_library_checks_the_same_signature_inside_traefik_and_has_its_time() {
    for bits in [2048, 3072, 4096] {
        let speed = rsa_speed::measure(bits, 5).unwrap_or_else(|error| panic!("{error}"));
        for (library, time) in [
            ("ours", speed.ours),
            ("ring", speed.ring),
            ("jwt-simple", speed.jwt_simple),
            ("making a key", speed.key),
        ] {
            assert!(time > 0.0, "{library}, {bits} bits: {speed:?}");
        }
    }
}
