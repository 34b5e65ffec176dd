//! A guest that imports a socket function. It shows which entropy and clock it gets, and how concurrent instances
//! affect each other. `/resolve/ADDRESS/TIMES` resolves a numeric address repeatedly and counts wrong answers.

#[cfg(target_family = "wasm")]
fn main() {
    use host_probes::wasi::{monotonic, random, resolve};

    let first = random();
    host_probes::answer_with(move |path| {
        if let Some((address, times)) = path
            .strip_prefix("/sockets/resolve/")
            .and_then(|rest| rest.split_once('/'))
        {
            let times: u32 = times.parse().unwrap_or(0);
            return (0..times)
                .filter(|_| resolve(address) != address)
                .count()
                .to_string();
        }
        let before = monotonic();
        format!("{first} {}", monotonic() - before)
    });
}

#[cfg(not(target_family = "wasm"))]
fn main() {}
