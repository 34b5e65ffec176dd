//! Wires the middleware to Traefik. Build it with `cargo run -p harness-build -- build --out DIR`.

#[cfg(target_family = "wasm")]
fn main() {
    guest::serve::<basic_credentials_plugin::BasicCredentials>(guest::Start {
        services: || std::rc::Rc::new(guest::FileHost),
        files: guest::FILES,
        recover: || {},
        // Each instance has its own plain WASI in Traefik, so an early start does not disturb other requests.
        eager: true,
    });
}

#[cfg(not(target_family = "wasm"))]
fn main() {
    println!(
        "This is a Traefik plugin; build it for Traefik with: cargo run -p harness-build -- build --out DIR"
    );
}
