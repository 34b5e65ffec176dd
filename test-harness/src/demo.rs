//! The walk along a request's way, for people.

use std::error::Error;

/// Shows the gateway at work; with `serve` it keeps running until it is interrupted.
pub fn run(_serve: bool) -> Result<(), Box<dyn Error>> {
    Err(
        "the demo is not there yet: build the plugins with `cargo run -p test-harness -- build --out DIR`"
            .into(),
    )
}
