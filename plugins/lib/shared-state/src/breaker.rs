//! The circuit breaker: after a failure nobody tries again until a pause is over.

use std::time::Duration;

use middleware::UnixTime;

/// Pauses that double with each failure in a row, up to a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backoff {
    /// The pause after the first failure.
    pub(crate) first: Duration,
    /// The longest pause.
    pub(crate) longest: Duration,
}

impl Backoff {
    /// The pause after this many failures in a row.
    pub(crate) fn pause(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }
}

/// The state of a circuit breaker. The default is closed: nothing has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Breaker {
    /// Milliseconds since the epoch until which the breaker is open.
    pub(crate) until: u64,
    /// How many attempts have failed in a row.
    pub(crate) failures: u32,
}

impl Breaker {
    /// The state after one more failure, at `now`. `pause` gets the number of failures in a row, and returns how long
    /// the breaker stays open.
    pub(crate) fn after_failure(self, now: UnixTime, pause: impl FnOnce(u32) -> Duration) -> Self {
        let failures = self.failures.saturating_add(1);
        Self {
            until: now.plus(pause(failures)).as_millis(),
            failures,
        }
    }

    /// When the breaker closes halfway: then one attempt is made.
    pub(crate) const fn until(self) -> UnixTime {
        UnixTime::from_millis(self.until)
    }

    /// Whether the breaker is open at `now`. If it seems to stay open for more than `longest`, the record is from
    /// before the clock was set back, and does not count.
    pub(crate) fn is_open_at(self, now: UnixTime, longest: Duration) -> bool {
        now < self.until() && self.until() <= now.plus(longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff {
        first: Duration::from_secs(1),
        longest: Duration::from_secs(4),
    };

    #[test]
    fn pauses_double_up_to_the_longest() {
        let now = UnixTime::from_secs(1000);
        let mut breaker = Breaker::default();
        let pauses: Vec<u64> = (0..5)
            .map(|_| {
                breaker = breaker.after_failure(now, |failures| BACKOFF.pause(failures));
                breaker.until().since(now).as_secs()
            })
            .collect();
        assert_eq!(pauses, [1, 2, 4, 4, 4]);
        assert_eq!(BACKOFF.pause(u32::MAX), BACKOFF.longest);
        assert_eq!(breaker.failures, 5);
    }

    #[test]
    fn a_breaker_from_a_future_that_cannot_be_is_closed() {
        let now = UnixTime::from_secs(10_000);
        let until = |span| Breaker::default().after_failure(now, |_| span);
        for (span, open) in [(0, false), (1, true), (4, true), (5, false), (3600, false)] {
            let breaker = until(Duration::from_secs(span));
            assert_eq!(breaker.is_open_at(now, BACKOFF.longest), open, "{span}");
        }
        assert!(!Breaker::default().is_open_at(now, BACKOFF.longest));
    }
}
