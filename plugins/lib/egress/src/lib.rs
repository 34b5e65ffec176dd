//! Outbound HTTP(S), the state that instances share, and the lock that makes both safe inside Traefik.
//!
//! In scope: fetching something from an identity provider once for all plugin instances, routers and Traefik
//! processes that share a state directory ([`Shared`]), over HTTPS with deadlines ([`HttpClient`]), keeping
//! the result sealed in that directory ([`Seal`]) and, for several machines, in a Redis ([`Store`]), and the machine
//! underneath ([`Platform`]).
//!
//! Out of scope: what is fetched and what it means (crates `jose`, `oauth` and the plugins).
//!
//! Why it looks the way it does: all instances of a plugin on one router share one WASI system whose
//! descriptors and buffers are not safe for concurrent use, instances come and go at any time, and a guest
//! cannot sleep. So
//!
//! * sockets and descriptors are touched only by the holder of an exclusive right ([`Platform::sockets`]),
//! * everything shared is a symbolic link in the state directory: made, replaced and read by one host call
//!   each, atomic, and free of descriptors and shared buffers (`state`),
//! * one instance fetches under a lease while the others use what is still valid, or wait, bounded (`shared`).
//!
//! All logic is generic over [`Platform`]; the natively running one ([`platform::Native`]) serves tests and
//! command-line tools, the WASI one lives in Traefik and holds the workspace's only unsafe code.
#![deny(unsafe_code)]

mod budget;
mod client_config;
mod connection;
mod http_client;
pub mod platform;
mod shared;
mod single_use;
mod state;
mod store;

pub use budget::{Budget, Charge, Limits};
pub use client_config::{ClientConfig, TlsOptions};
pub use http_client::{HttpClient, HttpError, MAX_BODY, SendOnce, Url};
pub use platform::{DirectoryError, Platform};
pub use shared::{
    CallerKey, Cause, Exchange, FetchError, Fetched, Former, Lifetime, Pace, Resource, Shared, SharedMany,
    Unavailable, send_fresh,
};
pub use single_use::{PlaceError, Replaced, SingleUse, Use, UseError};
pub use state::{Seal, StateName};
pub use store::{
    Change, Content, Endpoint, Kept, RedisConfig, RemoteLease, SentinelConfig, Session, Slot, Store,
    StoreConfig, StoreError,
};
