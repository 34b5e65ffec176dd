//! A guest that makes the host calls of the plugin `jwt` for a warm request and nothing else.

#[cfg(target_family = "wasm")]
fn main() {
    use host_probes::floor::Floor;

    Floor::register_with_sockets(Floor::jwt, Floor::look_at_nothing);
}

#[cfg(not(target_family = "wasm"))]
fn main() {}
