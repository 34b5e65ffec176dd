//! A guest without sockets that shows which entropy and which monotonic clock it gets.

#[cfg(target_family = "wasm")]
fn main() {
    use host_probes::wasi::{monotonic, random};

    // Drawn when the instance starts, so it also identifies the instance.
    let first = random();
    host_probes::answer_with(move |_| {
        let before = monotonic();
        format!("{first} {}", monotonic() - before)
    });
}

#[cfg(not(target_family = "wasm"))]
fn main() {}
