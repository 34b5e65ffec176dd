//! What can be changed in the store, and the commands that do it.

use std::time::Duration;

use super::conversation::{Command, command};
use super::error::StoreError;
use super::key::{Kept, StoreKey};
use egress::platform::Platform;

/// Deletes the key if it has the value.
pub(super) const DELETE_IF: &[u8] =
    b"if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) end return 0";

/// Sets the key to the second value if it has the first. Also succeeds if it has the second value already: then an
/// earlier answer was lost.
const SET_IF: &[u8] =
    b"local v=redis.call('get',KEYS[1]) if v==ARGV[2] then return 1 end if v==ARGV[1] then \
    redis.call('set',KEYS[1],ARGV[2],'PX',ARGV[3]) return 1 end return 0";

/// One change; see [`Session::apply`](super::Session::apply). Durations are how long the store keeps the value.
#[derive(Clone, Copy)]
pub enum Change<'c> {
    /// Sets the value.
    Put(&'c StoreKey, &'c [u8], Duration),
    /// Sets the value if the key still has the value that was found, or still has none if none was found. Only one of
    /// all machines succeeds.
    Replace(&'c StoreKey, Option<&'c Kept>, &'c [u8], Duration),
    /// Removes the value.
    Remove(&'c StoreKey),
    /// Removes the value if it is still the one that was found.
    RemoveFound(&'c StoreKey, &'c Kept),
    /// Returns the lease if this machine still holds it.
    GiveBack(&'c RemoteLease),
}

impl<'c> Change<'c> {
    pub(super) fn key(&self) -> Option<&'c StoreKey> {
        match self {
            Self::Put(key, ..) | Self::Replace(key, ..) | Self::Remove(key) | Self::RemoveFound(key, _) => {
                Some(key)
            }
            Self::GiveBack(_) => None,
        }
    }

    /// The command that makes the change.
    pub(super) fn command(&self, platform: &dyn Platform) -> Result<Command, StoreError> {
        let sealed =
            |key: &StoreKey, plain: &[u8]| key.seal().close(plain, platform).map_err(|_| StoreError::Seal);
        Ok(match self {
            Change::Put(key, plain, ttl) => {
                let (sealed, ttl) = (sealed(key, plain)?, milliseconds(*ttl));
                command(
                    "SET",
                    &[key.as_str().as_bytes(), sealed.as_bytes(), b"PX", ttl.as_bytes()],
                )
            }
            Change::Replace(key, found, plain, ttl) => {
                let (sealed, ttl) = (sealed(key, plain)?, milliseconds(*ttl));
                let (key, sealed, ttl) = (key.as_str().as_bytes(), sealed.as_bytes(), ttl.as_bytes());
                match found {
                    Some(found) => command(
                        "EVAL",
                        &[SET_IF, b"1", key, found.sealed().as_bytes(), sealed, ttl],
                    ),
                    None => command("SET", &[key, sealed, b"NX", b"PX", ttl]),
                }
            }
            Change::Remove(key) => command("DEL", &[key.as_str().as_bytes()]),
            Change::RemoveFound(key, found) => delete_if(key.as_str(), found.sealed()),
            Change::GiveBack(lease) => delete_if(&lease.key, &lease.owner),
        })
    }
}

/// The exclusive right, among all machines, to change a key.
pub struct RemoteLease {
    pub(super) key: String,
    pub(super) owner: String,
    ttl: Duration,
}

impl RemoteLease {
    pub(super) fn new(key: &StoreKey, owner: String, ttl: Duration) -> Self {
        Self {
            key: format!("{}.lock", key.as_str()),
            owner,
            ttl,
        }
    }

    /// How long the lease lasts from the moment it is taken.
    pub const fn ttl(&self) -> Duration {
        self.ttl
    }
}

/// A time to live, for a command.
pub(super) fn milliseconds(ttl: Duration) -> String {
    ttl.as_millis().max(1).to_string()
}

fn delete_if(key: &str, value: &str) -> Command {
    command("EVAL", &[DELETE_IF, b"1", key.as_bytes(), value.as_bytes()])
}
