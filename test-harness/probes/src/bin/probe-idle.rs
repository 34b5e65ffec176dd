//! A guest without sockets that does nothing, to show what Traefik itself spends on a plugin.

#[cfg(target_family = "wasm")]
fn main() {
    host_probes::pass_on();
}

#[cfg(not(target_family = "wasm"))]
fn main() {}
