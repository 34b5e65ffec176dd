//! `cargo run -p test-harness --example rsa_speed [ROUNDS]`: times of RSA checks inside Traefik.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rounds = std::env::args().nth(1).map_or(Ok(101), |text| text.parse())?;
    for bits in [2048, 3072, 4096] {
        let speed = test_harness::rsa_speed::measure(bits, rounds)?;
        println!(
            "{bits} bits: ours {:.0} us, ring {:.0} us ({:.2} x), jwt-simple {:.0} us ({:.1} x), making a key {:.0} us",
            speed.ours,
            speed.ring,
            speed.ring / speed.ours,
            speed.jwt_simple,
            speed.jwt_simple / speed.ours,
            speed.key
        );
    }
    Ok(())
}
