//! The guest shell: runs a [`middleware::Middleware`] on Traefik's http-wasm ABI.
//!
//! In scope: configuration bytes in, decisions carried out, log lines out, and two promises that hold whatever a
//! plugin does:
//!
//! * A bad configuration never takes the router away, for Traefik would let its requests fall through to a
//!   broader router. The plugin starts, says what is wrong, and refuses every request.
//! * A trap never poisons an instance. The middleware is taken out for each request and put back after it, so
//!   that one that trapped half-way is gone, and the next request builds a new one.
//!
//! Out of scope: everything that can be tested without Traefik. This crate is empty on native targets.
#![forbid(unsafe_code)]

#[cfg(target_family = "wasm")]
mod file_host;
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
