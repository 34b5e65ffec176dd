//! Everything a test of the plugins needs: the plugins themselves, a real Traefik, and both of its neighbours.
//!
//! In scope: the programs for people ([`cli`]): [`bench`], [`soak`], [`check`], [`device_login`], [`dist`]. What they and
//! the tests share is in crates of its own and is found here too: building the plugins ([`guests`]) and getting the
//! programs a fresh machine lacks ([`tools`]) in `harness-build`, the mocks and the real Traefik in `harness`.
//!
//! Out of scope: what the plugins do. Nothing here but [`check`] and [`device_login`], which read options and write the
//! state directory as they do, depends on a crate below `plugins/`.

pub mod bench;
pub mod chart;
pub mod check;
pub mod cli;
pub mod device_login;
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
pub use harness_build::{guests, tools};
