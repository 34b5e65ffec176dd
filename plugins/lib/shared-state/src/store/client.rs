//! The store as one instance sees it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use egress::platform::{Platform, nonce};
use middleware::{ConfigError, Event, Secret};

use super::change::RemoteLease;
use super::config::StoreConfig;
use super::error::StoreError;
use super::health::{Health, NextVisit};
use super::key::StoreKey;
use super::servers::{Servers, Visit};
use super::session::Talk;
use crate::state::{Seal, StateName};

/// The store, as one plugin instance sees it.
pub struct Store {
    pub(super) platform: Rc<dyn Platform>,
    servers: Servers,
    prefix: String,
    secret: Secret,
    pub(super) health: RefCell<Health>,
}

impl Store {
    /// The store that the `store` block describes. Does not connect yet.
    ///
    /// # Errors
    /// [`ConfigError`] names the option.
    pub fn new(config: &StoreConfig, platform: Rc<dyn Platform>) -> Result<Self, ConfigError> {
        let (secret, servers) = config.resolve(&*platform)?;
        let health = RefCell::new(Health::of(&servers, config.prefix()));
        Ok(Self {
            platform,
            servers,
            prefix: config.prefix().to_owned(),
            secret,
            health,
        })
    }

    /// The key of something that belongs to the resource `name`, which `seal` protects in the state directory. `role`
    /// distinguishes the things of one resource, and is empty for the first.
    ///
    /// # Errors
    /// [`StoreError::Seal`].
    pub fn key(&self, name: &StateName, seal: &Seal, role: &str) -> Result<StoreKey, StoreError> {
        let seal = seal
            .for_store(&self.secret, name, role)
            .map_err(|_| StoreError::Seal)?;
        Ok(StoreKey::new(&self.prefix, name, role, seal, &self.secret))
    }

    /// A lease for [`Session::take`]: the exclusive right, among all machines, to change `key`. It ends after `ttl`, or
    /// with [`Change::GiveBack`](super::Change::GiveBack). What is done under it must not take longer than `ttl`.
    pub fn lease(&self, key: &StoreKey, ttl: Duration) -> RemoteLease {
        RemoteLease::new(key, nonce(&*self.platform), ttl)
    }

    /// Connects and calls `talk` with the connection. Waits up to `patience` for the right to use sockets; after that,
    /// all of it takes at most one second and what `talk` adds to it. If a server turns out to be the wrong one, `talk`
    /// is called again from the start. `pulse` is called at least once a second.
    ///
    /// If the store fails, no instance asks it for a moment. The log says so once.
    ///
    /// # Errors
    /// [`StoreError`]. The caller goes on without the store.
    pub fn session(
        &self,
        patience: Duration,
        pulse: &dyn Fn(),
        talk: &mut Talk<'_>,
    ) -> Result<(), StoreError> {
        let visit = self.health.borrow().next_visit(&*self.platform);
        let NextVisit { first, is_untried } = visit.ok_or(StoreError::Resting)?;
        let tls = self.servers.tls(&*self.platform)?;
        let until = self.platform.monotonic().saturating_add(patience);
        let mut sockets = self.platform.sockets(until).map_err(StoreError::Busy)?;
        let (outcome, first) = Visit::new(&*self.platform, &mut *sockets, tls, pulse, is_untried).run(
            &self.servers,
            first,
            talk,
        );
        drop(sockets);
        let mut health = self.health.borrow_mut();
        health.note(&*self.platform, first, outcome.as_ref().err());
        outcome
    }

    /// Logs that the value of `key` was not written with this configuration.
    pub(crate) fn complain_of_foreign(&self, kind: &'static str, key: &StoreKey) {
        self.platform.log(
            &Event::warn("store.foreign")
                .field("kind", kind)
                .field("key", key.as_str())
                .field(
                    "cure",
                    "give all that share the store the same store.secret, or another store.keyPrefix; if they have it, somebody \
                     changed the value",
                ),
        );
    }
}
