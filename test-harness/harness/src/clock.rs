//! The clock of the mocks: the system clock plus an offset that a test can change.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A clock in Unix time. A test changes its offset instead of sleeping. Clones share the offset.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    offset: Arc<AtomicI64>,
}

impl Clock {
    /// Returns the whole seconds since the Unix epoch, including the offset.
    pub fn now(&self) -> i64 {
        self.now_millis().div_euclid(1000)
    }

    /// Returns the milliseconds since the Unix epoch, including the offset.
    pub fn now_millis(&self) -> i64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
        millis.saturating_add(self.offset.load(Ordering::Relaxed).saturating_mul(1000))
    }

    /// Sets the offset from the system clock in seconds. A negative offset moves the clock into the past.
    pub fn set_offset(&self, seconds: i64) {
        self.offset.store(seconds, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_offset() {
        let clock = Clock::default();
        let real = clock.now();
        clock.clone().set_offset(-3600);
        let shifted = real - clock.now();
        assert!((3595..=3600).contains(&shifted), "{shifted}");
    }
}
