//! Wires the middleware to Traefik. Build it with `cargo run -p harness-build -- build --out DIR`.

#[cfg(target_family = "wasm")]
fn main() {
    use std::rc::Rc;

    use egress::platform::{FILES, Wasi, enter_system, recover};

    guest::serve::<jwt_plugin::JwtPlugin>(guest::Start {
        services: || Rc::new(Wasi::new(guest::log)),
        files: FILES,
        recover,
        eager: enter_system(),
    });
}

#[cfg(not(target_family = "wasm"))]
fn main() {
    println!(
        "This is a Traefik plugin; build it for Traefik with: cargo run -p harness-build -- build --out DIR"
    );
}
