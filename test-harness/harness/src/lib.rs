//! The plugins' surroundings: a real Traefik, both of its neighbours, and callers.
//!
//! In scope: running the real Traefik ([`traefik`]), a mock IDCS ([`idcs`]), a mock Entra ID ([`entra`]) and a mock OIC
//! ([`oic`]) over TLS with their own authority ([`certificates`]), a mock Kubernetes API server (feature `kubernetes`),
//! a real Redis ([`redis`]), and a caller ([`client`], [`load`]). [`gateway`] puts them together.
//!
//! Out of scope: what the plugins do. This crate depends on no crate below `plugins/`: the plugins are built as files
//! (`harness-build`) and meet the tests only over HTTP, so that a test cannot share a mistake with what it tests.

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
