//! A value in the memory of one instance.

use std::time::Duration;

use middleware::UnixTime;

use super::envelope::{Envelope, Generation};
use super::resource::Lifetime;
use crate::clock::CLOCK_DIFFERENCE;

/// Describes a value that this instance has in memory.
pub(super) struct Cached {
    pub(super) generation: Generation,
    pub(super) lifetime: Lifetime,
    pub(super) fetched_at: UnixTime,
    /// How long the fetch took.
    pub(super) took: Duration,
}

impl Cached {
    /// The description of the value in `envelope`.
    pub(super) const fn new(envelope: &Envelope) -> Self {
        Self {
            generation: envelope.generation,
            lifetime: envelope.lifetime,
            fetched_at: envelope.fetched_at,
            took: envelope.took,
        }
    }

    /// Whether an instance should fetch a newer value. That is so at the refresh time. It is also so if the value seems
    /// to come from the future: the clock was set back since, and how much of the lifetime is left is unknown.
    pub(super) fn is_due(&self, now: UnixTime) -> bool {
        self.lifetime.refresh_at <= now || now.plus(CLOCK_DIFFERENCE) < self.fetched_at
    }
}
