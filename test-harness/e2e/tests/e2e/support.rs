//! Helpers for several tests.

pub(crate) mod example;
pub(crate) mod tool;

use std::time::{Duration, Instant};

use harness::traefik::TraefikBuilder;

/// Returns the lines that our plugins wrote.
pub(crate) fn plugin_lines(log: &str) -> impl Iterator<Item = &str> {
    log.lines().filter(|line| line.contains(r#""message":"code="#))
}

/// Disables Go's garbage collector. Nothing else ends an instance and discards what it has in memory.
pub(crate) fn keep_instances(traefik: TraefikBuilder) -> TraefikBuilder {
    traefik.env("GOGC", "off")
}

/// The time by which a condition must be true.
pub(crate) struct Deadline(Instant);

impl Deadline {
    pub(crate) fn after(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    pub(crate) fn has_passed(&self) -> bool {
        self.0 <= Instant::now()
    }

    /// Waits a moment before the next check. Panics after the deadline.
    pub(crate) fn pause(&self, waiting_for: &str) {
        assert!(Instant::now() < self.0, "timed out: {waiting_for}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
