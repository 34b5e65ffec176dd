//! Measures the plugins: what they cost, how they hold up over time, and whether hostile input breaks them.
//!
//! In scope: [`bench`] compares the plugins with their peers, [`soak`] runs mixed traffic while everything around the gateway
//! fails in turn, [`reloads`] changes Traefik's configuration under load, [`rsa_speed`] times RSA checks inside Traefik.
//! [`cli`] puts them on the command line, together with the runner of the fuzz targets.
//!
//! Out of scope: the mocks and the real Traefik, which are in `harness`. This crate depends on no plugin.

pub mod bench;
pub mod chart;
pub mod cli;
pub mod reloads;
pub mod rsa_speed;
pub mod soak;
