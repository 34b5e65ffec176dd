//! The start of `cargo demo`: compiles the demo and shows progress all the time.
//!
//! In scope: running the builds side by side ([`jobs`]), reading how far each is ([`output`]), and showing it at least
//! every few seconds, on a terminal or in a log ([`progress`]). Out of scope: what to build, which cargo knows, and the
//! demo itself.
//!
//! This crate has no dependencies, so that it compiles in a second and can show the progress of everything that takes
//! longer.

pub mod jobs;
pub mod output;
pub mod progress;

/// The folders of the plugins that the demo shows.
pub const PLUGINS: [&str; 3] = ["jwt", "oauth-client-credentials", "path-rewrite"];
