//! Everything a test of the plugins needs: the plugins themselves, a real Traefik, and both of its neighbours.
//!
//! In scope: the programs for people ([`cli`]): [`bench`], [`soak`], [`dist`]. What they and
//! the tests share is in crates of its own and is found here too: building the plugins ([`guests`]) and getting the
//! programs a fresh machine lacks ([`tools`]) in `harness-build`, the mocks and the real Traefik in `harness`.
//!
//! Out of scope: what the plugins do, and what the operators' tool does: it is a program for the tests, like the
//! plugins.

pub mod bench;
pub mod chart;
pub mod cli;
pub mod dist;
pub mod interop;
pub mod reloads;
pub mod rsa_speed;
pub mod soak;

pub use demo;
pub use harness::{
    certificates, client, clock, entra, faults, gateway, idcs, keys, kubernetes, load, oic, redis, traefik,
};
use harness::{process, server, verification};
pub use harness_build::{guests, operator_tool, tools};
