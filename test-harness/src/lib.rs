//! Everything a test of the plugins needs: the plugins themselves, a real Traefik, and both of its neighbours.
//!
//! In scope: building the plugins ([`guests`]), getting the programs a fresh machine lacks ([`tools`]), running the
//! real Traefik ([`traefik`]), a mock Kubernetes API server ([`kubernetes`]), a mock IDCS ([`idcs`]), a
//! mock Entra ID ([`entra`]) and a mock OIC ([`oic`]) over TLS with their own authority ([`certificates`]), and a caller ([`client`]).
//!
//! Out of scope: what the plugins do. Nothing here but [`check`] and [`device_login`], which read options and write the
//! state directory as they do, depends on a crate
//! below `plugins/`: they are built as files and meet the tests only over HTTP, so that a test cannot share a mistake
//! with what it tests.

pub mod bench;
pub mod certificates;
pub mod chart;
pub mod check;
pub mod cli;
pub mod client;
pub mod clock;
pub mod demo;
pub mod device_login;
pub mod dist;
pub mod entra;
pub mod faults;
pub mod gateway;
pub mod guests;
pub mod idcs;
pub mod interop;
pub mod keys;
pub mod kubernetes;
pub mod load;
pub mod oic;
mod process;
pub mod redis;
pub mod reloads;
pub mod rsa_speed;
mod server;
pub mod soak;
pub mod tools;
pub mod traefik;
mod verification;
