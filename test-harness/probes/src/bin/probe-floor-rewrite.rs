//! A guest that makes the host calls of the plugin `pathRewrite` for a warm request and nothing else.

#[cfg(target_family = "wasm")]
fn main() {
    use host_probes::floor::Floor;

    Floor::register(Floor::path_rewrite, Floor::look_at_nothing);
}

#[cfg(not(target_family = "wasm"))]
fn main() {}
