//! What `cargo demo` does before there is a demo to run: compile, and say so all the time.
//!
//! In scope: running the builds side by side ([`jobs`]), reading how far each is ([`output`]), and showing it at least
//! every few seconds, on a terminal as in a log ([`progress`]). Out of scope: what is built, which cargo knows, and the
//! demo itself.
//!
//! This crate has no dependencies: it compiles in a second, and everything that takes longer is already under its eyes.

pub mod jobs;
pub mod output;
pub mod progress;

/// The folders of the plugins that the demo shows.
pub const PLUGINS: [&str; 3] = ["jwt", "oauth-client-credentials", "path-rewrite"];
