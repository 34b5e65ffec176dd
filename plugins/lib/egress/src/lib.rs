//! Outbound HTTP(S), and the machine underneath.
//!
//! In scope: requests over HTTPS with deadlines ([`HttpClient`]), the connections that carry them
//! ([`connection`]), and what Traefik's WASI host offers: clocks, randomness, files, sockets and a directory that
//! instances share ([`Platform`]).
//!
//! Out of scope: what instances share in that directory (crate `shared-state`), and what is fetched (crates `jose`,
//! `oauth` and the plugins).
//!
//! All instances of a plugin on one router share one WASI system, whose descriptors and buffers are not safe for
//! concurrent use. So only the holder of an exclusive right ([`Platform::sockets`]) uses sockets and descriptors.
//!
//! All logic is generic over [`Platform`]. The native implementation (`platform::Native`) serves tests and command-line
//! tools. The WASI implementation runs in Traefik and holds the workspace's only unsafe code.
#![deny(unsafe_code)]

mod client_config;
pub mod connection;
mod http_client;
pub mod platform;
pub mod tls;
pub mod wire;

pub use client_config::ClientConfig;
pub use http_client::{HttpClient, MAX_BODY, Repeated, SendOnce, Url};
pub use platform::{DirectoryError, Platform};
pub use tls::TlsOptions;
pub use wire::WireError;
