//! A store that several machines share: Redis, or a server that speaks its protocol.
//!
//! An instance asks the store only when it would otherwise ask the identity provider, and only while it holds the lease
//! of the state directory. The store may be slow, wrong or gone at any time. The instance then goes on without it.
//!
//! The store is not trusted. Values in it are sealed ([`StoreKey`]). Its owner can remove values, and put back old ones
//! until they expire, but can neither read nor make one.
//!
//! * `client`: the store as one instance sees it ([`Store`]). `config`: the option block.
//! * `endpoint`: the address of a server. `servers`: which server to talk to, by way of endpoints, sentinels and
//!   clusters.
//! * `session`: the conversation with one server. `change`: what can be changed there. `conversation`: commands and
//!   replies. `resp`: the protocol's bytes.
//! * `key`: names and seals. `health`: what to do if the store fails. `error`: how it fails.

mod change;
mod client;
mod config;
mod conversation;
mod endpoint;
mod error;
mod health;
mod key;
mod resp;
#[cfg(test)]
pub(crate) mod scripted;
mod servers;
mod session;
#[cfg(test)]
mod tests;
mod time_limit;

pub use self::change::{Change, RemoteLease};
pub use self::client::Store;
pub use self::config::{RedisConfig, SentinelConfig, StoreConfig};
pub use self::endpoint::Endpoint;
pub use self::error::StoreError;
pub use self::key::{Content, Kept, StoreKey};
pub use self::session::{Session, Talk};
pub(crate) use self::time_limit::TIME_LIMIT;
