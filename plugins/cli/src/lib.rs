//! `oic-gateway`, the tool for operators: [`check`] for their files, [`status`] of a state directory, [`login`] of a user
//! in whose name the gateway calls, and the options' JSON [`schema`].
//!
//! In scope: what the tool decides. It uses the plugins' own code, compiled natively: what a plugin accepts, the tool
//! accepts. Out of scope: running Traefik or a plugin. The terminal belongs to [`commands`].

#![expect(
    clippy::disallowed_methods,
    reason = "the plugins take the time from their host; a program asks the system"
)]

pub mod check;
pub mod commands;
pub mod login;
pub mod schema;
pub mod status;
