//! Traps at named points, on request, for the tests of what a trap leaves behind.
//!
//! In scope: with the feature `traps`, a request that carries the header `Trap: PLUGIN POINT KIND` makes the instance
//! of that plugin that handles it trap where [`point`] is called with that name, once. KIND is `panic`, which runs the
//! panic hook, or `unreachable`, which runs nothing at all, as a stack overflow or an access out of bounds does.
//!
//! Out of scope: plugins that are handed out. They are built without the feature, and all of this compiles to nothing;
//! a test of the harness looks for the panics' text in them.
#![forbid(unsafe_code)]

#[cfg(all(feature = "traps", target_family = "wasm"))]
mod armed;
#[cfg(all(feature = "traps", target_family = "wasm"))]
pub use armed::{arm, point};

/// Looks whether the request that begins asks for a trap in `plugin`; `header` reads its header `Trap`.
#[cfg(not(all(feature = "traps", target_family = "wasm")))]
pub fn arm<H: AsRef<[u8]>>(_plugin: &str, _header: impl FnOnce() -> Option<H>) {}

/// Traps, if the request asks for a trap here.
#[cfg(not(all(feature = "traps", target_family = "wasm")))]
pub const fn point(_name: &str) {}
