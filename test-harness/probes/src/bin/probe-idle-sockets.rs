//! A guest that imports a socket function and does nothing, to show what Traefik itself spends on a plugin with a
//! network. With the option `closeStreams`, the first instance in a Wasm system closes stdin, stdout and stderr.

#[cfg(target_family = "wasm")]
fn main() {
    use host_probes::wasi::{close, is_open, resolve};

    let config = http_wasm_guest::host::admin::config();
    let has = |option: &[u8]| config.windows(option.len()).any(|part| part == option);
    if has(b"closeStreams") && is_open(2) {
        for stream in 0..3 {
            close(stream);
        }
    }
    // No test sets this option. Without a call, the linker would drop the import.
    if has(b"resolve") {
        resolve("127.0.0.1");
    }
    host_probes::pass_on();
}

#[cfg(not(target_family = "wasm"))]
fn main() {}
