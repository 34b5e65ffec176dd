//! What several tests need.

pub(crate) mod example;
pub(crate) mod tool;

use std::time::{Duration, Instant};

/// The lines that our plugins wrote.
pub(crate) fn plugin_lines(log: &str) -> impl Iterator<Item = &str> {
    log.lines().filter(|line| line.contains(r#""message":"code="#))
}

/// A time by which something must have come true.
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    pub(crate) fn has_passed(&self) -> bool {
        self.0 <= Instant::now()
    }

    /// A moment's rest between two looks.
    pub(crate) fn pause(&self, waiting_for: &str) {
        assert!(Instant::now() < self.0, "too late: {waiting_for}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
