//! `oic-gateway`, the tool for operators: [`check`] for their files, [`status`] of a state directory, [`login`] of a
//! user on whose behalf the gateway calls, and the JSON [`schema`] of the options.
//!
//! The tool uses the plugins' own code, compiled natively, so it accepts exactly what a plugin accepts. It does not run
//! Traefik or a plugin. Terminal input and output are in [`commands`].

#![expect(
    clippy::disallowed_methods,
    reason = "the plugins take the time from their host; a program asks the system"
)]

pub mod check;
pub mod commands;
pub mod login;
pub mod schema;
pub mod status;
