//! Measures the plugins: what they cost, how they hold up over time, and whether hostile input breaks them.
//!
//! In scope: [`bench`] compares the plugins with their alternatives, [`soak`] runs mixed traffic while everything
//! around the gateway fails in turn, [`reloads`] changes Traefik's configuration under load, [`signature_speed`]
//! times signature checks inside Traefik. [`cli`] runs them from the command line, together with the fuzz targets.
//!
//! Out of scope: the mocks and the real Traefik, which live in `harness`. This crate does not depend on any plugin.

pub mod bench;
pub mod chart;
pub mod cli;
pub mod reloads;
pub mod signature_speed;
pub mod soak;
