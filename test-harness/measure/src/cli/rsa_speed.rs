//! `rsa-speed`: how long signature checks take inside Traefik.

use clap::Args;

use crate::rsa_speed::{CheckSpeed, RsaSpeedError, measure, measure_es256};

/// Time RSA and ES256 checks inside Traefik, by our code, ring and jwt-simple
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Checks per library; the time shown is their median
    #[arg(long, value_name = "N", default_value_t = 101, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

pub(super) fn run(options: &Options) -> Result<(), RsaSpeedError> {
    for bits in [2048, 3072, 4096] {
        show(&format!("{bits} bits"), measure(bits, options.rounds)?);
    }
    show("ES256", measure_es256(options.rounds)?);
    Ok(())
}

fn show(what: &str, speed: CheckSpeed) {
    println!(
        "{what}: ours {:.0} us, ring {:.0} us ({:.2} x), jwt-simple {:.0} us ({:.1} x), making a key {:.0} us",
        speed.ours,
        speed.ring,
        speed.ring / speed.ours,
        speed.jwt_simple,
        speed.jwt_simple / speed.ours,
        speed.key
    );
}
