//! Wires the middleware to Traefik. Build it with `cargo run -p harness-build -- build --out DIR`.

#[cfg(target_family = "wasm")]
fn main() {
    guest::serve::<basic_credentials_plugin::BasicCredentials>(guest::Start {
        services: || std::rc::Rc::new(guest::FileHost),
        files: guest::FILES,
        recover: || {},
        // Traefik's plain WASI is each instance's own, so a start disturbs nobody.
        eager: true,
    });
}

#[cfg(not(target_family = "wasm"))]
fn main() {
    println!(
        "This is a Traefik plugin; build it for Traefik with: cargo run -p harness-build -- build --out DIR"
    );
}
