//! `signature-speed`: how long signature checks take inside Traefik.

use clap::Args;

use crate::signature_speed::{Kind, SpeedError, measure};

/// Time signature checks inside Traefik, by our libraries, ring and jwt-simple
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Checks per library; the time shown is their median
    #[arg(long, value_name = "N", default_value_t = 101, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

pub(super) fn run(options: &Options) -> Result<(), SpeedError> {
    for kind in [
        Kind::Rs256(2048),
        Kind::Rs256(3072),
        Kind::Rs256(4096),
        Kind::Es256,
        Kind::Es384,
        Kind::EdDsa,
    ] {
        let speed = measure(kind, options.rounds)?;
        let (ring, jwt_simple) = (speed.ring, speed.jwt_simple);
        match (speed.ours, speed.key) {
            (Some(ours), Some(key)) => println!(
                "{kind}: ours {ours:.0} us, ring {ring:.0} us ({:.2} x), jwt-simple {jwt_simple:.0} us ({:.1} x), \
                 making a key {key:.0} us",
                ring / ours,
                jwt_simple / ours,
            ),
            _ => println!("{kind}: ring {ring:.0} us, jwt-simple {jwt_simple:.0} us"),
        }
    }
    Ok(())
}
