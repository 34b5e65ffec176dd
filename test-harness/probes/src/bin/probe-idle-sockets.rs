//! A guest that imports a socket function and does nothing: what Traefik itself spends on a plugin with a network.
//! Configured with the option `closeStreams`, the first instance of a system closes stdin, stdout and stderr.

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
    // Never asked for; without a call the linker would drop the import.
    if has(b"resolve") {
        resolve("127.0.0.1");
    }
    host_probes::pass_on();
}

#[cfg(not(target_family = "wasm"))]
fn main() {}
