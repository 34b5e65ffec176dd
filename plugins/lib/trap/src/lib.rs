//! Traps at named points, for tests of the state after a trap.
//!
//! In scope: with the feature `traps`, a request with the header `Trap: PLUGIN POINT KIND` makes the plugin instance
//! that handles it trap once, where [`point`] is called with that name. KIND is `panic`, which runs the panic hook, or
//! `unreachable`, which runs nothing, like a stack overflow or an access out of bounds.
//!
//! Out of scope: released plugins. They are built without the feature, and all of this compiles to nothing. A test of
//! the harness makes sure of that.
#![forbid(unsafe_code)]

#[cfg(all(feature = "traps", target_family = "wasm"))]
mod armed;
#[cfg(all(feature = "traps", target_family = "wasm"))]
pub use armed::{arm, point};

/// Finds out whether the new request asks for a trap in `plugin`. `header` reads its header `Trap`.
#[cfg(not(all(feature = "traps", target_family = "wasm")))]
pub fn arm<H: AsRef<[u8]>>(_plugin: &str, _header: impl FnOnce() -> Option<H>) {}

/// Traps, if the request asks for a trap here.
#[cfg(not(all(feature = "traps", target_family = "wasm")))]
pub const fn point(_name: &str) {}
