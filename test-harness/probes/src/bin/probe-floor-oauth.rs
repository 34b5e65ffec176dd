//! A guest that makes the host calls of the plugin `oAuthClientCredentials` for a warm request and nothing else.

#[cfg(target_family = "wasm")]
fn main() {
    use host_probes::floor::Floor;

    Floor::register_with_sockets(Floor::oauth, Floor::look_for_challenge);
}

#[cfg(not(target_family = "wasm"))]
fn main() {}
