//! The guest shell: runs a [`middleware::Middleware`] on Traefik's http-wasm ABI.
//!
//! In scope: reading the configuration, carrying out decisions, writing the log, and two guarantees:
//!
//! * A bad configuration never removes the router, since Traefik would then send its requests to a broader router. The
//!   plugin starts, logs what is wrong, and refuses every request.
//! * A trap never damages an instance. The middleware is taken out for each request and put back afterwards. If it
//!   traps, it is gone, and the next request builds a new one.
//!
//! Out of scope: everything that can be tested without Traefik. On native targets this crate has only [`main!`].
#![deny(unsafe_code)] // but in `lending`

#[cfg(target_family = "wasm")]
mod file_host;
#[cfg(target_family = "wasm")]
mod head;
#[cfg(target_family = "wasm")]
mod lending;
#[cfg(target_family = "wasm")]
mod plain_host;
#[cfg(target_family = "wasm")]
mod shell;

#[cfg(target_family = "wasm")]
pub use file_host::{FILES, FileHost};
#[cfg(target_family = "wasm")]
pub use plain_host::PlainHost;
#[cfg(target_family = "wasm")]
pub use shell::{Start, log, serve};

/// Defines a plugin's `main`. In Traefik it serves requests with `$start`, a `Start`; elsewhere it prints how to build the
/// plugin.
#[macro_export]
macro_rules! main {
    ($start:expr) => {
        #[cfg(target_family = "wasm")]
        fn main() {
            $crate::serve($start);
        }

        #[cfg(not(target_family = "wasm"))]
        fn main() {
            println!("This is a plugin for Traefik. Build it with: cargo plugins");
        }
    };
}
