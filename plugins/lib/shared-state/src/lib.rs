//! The state that plugin instances share.
//!
//! In scope: fetching something from an identity provider once for all plugin instances, routers and Traefik
//! processes that share a state directory ([`Shared`]), sealing the result ([`Seal`]), sharing it between machines
//! through Redis ([`Store`]), keeping secrets that can be used only once ([`SingleUse`]), and limiting how often a
//! provider is called ([`Budget`]).
//!
//! Out of scope: the network and the machine (crate `egress`), what is fetched and what it means (crates `jose`,
//! `oauth` and the plugins).
//!
//! Instances come and go at any time, and a guest cannot sleep. So
//!
//! * everything shared is a symbolic link in the state directory: one host call makes, replaces or reads it, which is
//!   atomic and uses neither descriptors nor shared buffers (`state`),
//! * one instance fetches under a lease while the others use what is still valid, or wait, bounded (`shared`).
#![forbid(unsafe_code)]

mod breaker;
mod budget;
mod clock;
mod shared;
mod single_use;
mod state;
mod store;
#[cfg(test)]
mod test_machine;

pub use budget::{Budget, Charge, Limits};
pub use shared::{
    CallerKey, Cause, Exchange, Failure, FetchError, Fetched, Former, Lifetime, RefetchInterval, Resource,
    Shared, SharedMany, send_fresh,
};
pub use single_use::{PlaceError, Replaced, SingleUse, Use, UseError};
pub use state::{Seal, StateName};
pub use store::{
    Change, Content, Endpoint, Kept, RedisConfig, RemoteLease, SentinelConfig, Session, Store, StoreConfig,
    StoreError, StoreKey, Talk,
};
