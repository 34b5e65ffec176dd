//! Wires the middleware to Traefik. Build it with `cargo run -p harness-build -- build --out DIR`.

#[cfg(target_family = "wasm")]
fn main() {
    guest::serve::<path_rewrite_plugin::PathRewrite>(guest::Start {
        services: || std::rc::Rc::new(guest::PlainHost),
        files: middleware::FileWatch::NONE,
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
