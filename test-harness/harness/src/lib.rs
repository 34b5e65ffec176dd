//! The environment of the plugins in tests: a real Traefik, the servers on both sides of it, and clients.
//!
//! In scope: running the real Traefik ([`traefik`]), a mock IDCS ([`idcs`]), a mock Entra ID ([`entra`]) and a mock OIC
//! ([`oic`]) over TLS with their own authority ([`certificates`]), a mock Kubernetes API server (feature `kubernetes`),
//! a real Redis ([`redis`]), and clients ([`client`], [`load`]). [`gateway`] puts them together.
//!
//! Out of scope: what the plugins do. This crate does not depend on any crate below `plugins/`. `harness-build` builds
//! the plugins as files, and the tests reach them only over HTTP, so a test cannot share a mistake with the code that
//! it tests.

pub mod certificates;
pub mod client;
pub mod clock;
pub mod entra;
pub mod faults;
pub mod gateway;
pub mod hex;
pub mod idcs;
pub mod interop;
pub mod keys;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
pub mod load;
pub mod merge;
pub mod oic;
pub mod process;
pub mod raw_server;
pub mod redis;
pub mod server;
pub mod traefik;
pub mod verification;
