//! Drops values before their time, for all instances.

use std::time::Duration;

use egress::platform::DirectoryError;
use middleware::{Event, UnixTime};

use super::cached::Cached;
use super::envelope::Generation;
use super::instance::Instance;

impl Instance {
    /// Drops the value at the address `seen` everywhere, unless a value was dropped less than `interval` ago. Returns
    /// whether it was dropped.
    pub(super) fn discard(&mut self, seen: *const (), interval: Duration) -> bool {
        self.adopt();
        if !self.resource.holds(seen) {
            return false;
        }
        let now = self.platform.now();
        let last = self.last_discard().max(self.own.discard).map(|(at, _)| at);
        // A time in the future is from before the clock was set back. It does not count.
        if last.is_some_and(|last| last <= now && now.since(last) < interval) {
            return false;
        }
        let Some(generation) = self.drop_for_all() else {
            return false;
        };
        self.withdraw(generation);
        let event = Event::warn("value.discarded");
        self.platform.log(
            &event
                .field("kind", self.resource.kind())
                .field("url", self.resource.url()),
        );
        true
    }

    /// Drops any value and any record of failures, for all instances.
    pub(super) fn forget(&mut self) -> Result<(), DirectoryError> {
        self.adopt();
        if let Some(cached) = self.drop_cached() {
            self.values().publish(
                &self.discard_name(),
                &discard_record(self.platform.now(), cached.generation),
            )?;
        }
        self.values().remove(self.resource.name().as_str());
        self.values().remove(&self.failure_name());
        self.clear();
        Ok(())
    }

    /// Drops the cached value here and in the state directory, and tells the other instances. Returns its generation.
    pub(super) fn drop_for_all(&mut self) -> Option<Generation> {
        let generation = self.drop_cached()?.generation;
        let now = self.platform.now();
        let published = self
            .values()
            .publish(&self.discard_name(), &discard_record(now, generation));
        // A directory that is full cannot take the record, but the value can be removed from it.
        self.values().remove(self.resource.name().as_str());
        if let Err(error) = published {
            self.own.discard = Some((now, generation));
            self.complain(error);
        }
        Some(generation)
    }

    /// Drops the cached value if the provider has denied the caller since it was fetched, when another instance or
    /// another machine asked. The record of a discarded value says the same, but callers that share a name overwrite
    /// each other's.
    pub(super) fn drop_denied(&mut self) {
        let is_denied = |cached: &Cached| {
            self.last_failure()
                .is_some_and(|failure| failure.is_denial_since(cached.fetched_at))
        };
        if self.cached.as_ref().is_some_and(is_denied) {
            self.drop_cached();
        }
    }

    /// When a value was last discarded, and which one.
    pub(super) fn last_discard(&self) -> Option<(UnixTime, Generation)> {
        let record = self.values().read(&self.discard_name()).ok()??;
        let (at, generation) = record.split_once(' ')?;
        let generation = u64::from_str_radix(generation, 16).ok()?.to_be_bytes();
        Some((UnixTime::from_millis(at.parse().ok()?), generation))
    }

    /// Whether the value of this `generation` has been discarded.
    pub(super) fn is_discarded(&self, generation: Generation) -> bool {
        [self.last_discard(), self.own.discard]
            .iter()
            .flatten()
            .any(|(_, discarded)| *discarded == generation)
    }

    /// The name of the record of the last discarded value.
    pub(super) fn discard_name(&self) -> String {
        format!("{}.discarded", self.resource.name().as_str())
    }
}

fn discard_record(at: UnixTime, generation: Generation) -> String {
    format!("{} {:016x}", at.as_millis(), u64::from_be_bytes(generation))
}
