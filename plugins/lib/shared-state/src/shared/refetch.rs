//! Fetches a value again because the cached one is not sufficient, such as keys that do not explain a signature.
//!
//! Anybody can trigger such a fetch with a forged token, so its rate is limited:
//!
//! 1. There is a pause ([`RefetchInterval`]) between an attempt and the last fetch, regardless of who triggered that
//!    and whether it succeeded. An attempt is recorded for all instances before it is made.
//! 2. The pause does not grow when attempts bring nothing new. Nothing tells a forger from a client with a new key, so
//!    a longer pause would let the forger hide a rotation.
//! 3. The pause grows while attempts fail. Asking a provider in trouble more often gains nothing.
//! 4. An attempt sends each request once, and has less time than a fetch that a request depends on.
//! 5. If an attempt is not allowed, or fails, the cached value stays in use.

use std::rc::Rc;
use std::time::Duration;

use middleware::UnixTime;

use super::attempt::Attempt;
use super::fetch::Occasion;
use super::instance::Instance;
use super::waiting::{NoWait, Waiting};
use crate::breaker::Backoff;
use crate::clock::CLOCK_DIFFERENCE;
use crate::state::Lease;

/// How long to wait before a value that is not sufficient is fetched again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefetchInterval(Backoff);

impl Default for RefetchInterval {
    /// Three seconds, and up to half a minute while attempts fail.
    fn default() -> Self {
        Self(Backoff {
            first: Duration::from_secs(3),
            longest: Duration::from_secs(30),
        })
    }
}

impl RefetchInterval {
    /// The same pause whether attempts succeed or fail.
    pub const fn every(interval: Duration) -> Self {
        Self(Backoff {
            first: interval,
            longest: interval,
        })
    }

    /// The pause after this many failed attempts in a row.
    fn pause(self, failures: u32) -> Duration {
        self.0.pause(failures)
    }

    /// The interval of an instance that cannot share its record. There may be many such instances.
    const fn alone(self) -> Self {
        Self::every(self.0.longest)
    }
}

/// The shortest time limit of an attempt, unless the configured timeout is shorter.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(2);
/// How long a request waits for another instance's attempt.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Whether an attempt may be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Yes. This many attempts have failed since the last successful fetch.
    Ours(u32),
    /// Another instance is making one.
    UnderWay,
    /// No.
    TooSoon,
}

impl Instance {
    /// Gets a newer value than the one at the address `seen`, if there is one or if `interval` allows a fetch. Returns
    /// whether the cached value is usable then.
    pub(super) fn renew(&mut self, seen: *const (), interval: RefetchInterval) -> bool {
        self.look_for_newer(seen, interval);
        self.is_usable()
    }

    fn look_for_newer(&mut self, seen: *const (), interval: RefetchInterval) {
        let platform = Rc::clone(&self.platform);
        // Most permits are left to requests that have no usable value: forged tokens must not take them.
        let mut waiting = Waiting::new(&*platform, LONGEST_WAIT, self.client.max_waiting() / 4);
        loop {
            if self.has_newer_than(seen) {
                return;
            }
            self.adopt();
            if self.has_newer_than(seen) {
                return;
            }
            if self.turn(interval) == Turn::TooSoon {
                return;
            }
            match Lease::try_take(&*platform, self.resource.name().as_str(), &mut self.observer) {
                Ok(Some(lease)) => {
                    // Another instance may have fetched between the look and the lease.
                    self.adopt();
                    if !self.has_newer_than(seen)
                        && let Turn::Ours(failures) = self.turn(interval)
                    {
                        self.attempt(Some(lease), failures);
                    }
                    return;
                }
                Ok(None) => {}
                Err(error) => {
                    self.complain(error);
                    if let Turn::Ours(failures) = self.turn(interval) {
                        self.attempt(None, failures);
                    }
                    return;
                }
            }
            match waiting.pause() {
                Ok(()) => {}
                // The cached value stays in use.
                Err(NoWait::TimeIsUp | NoWait::TooMany) => return,
                Err(NoWait::Directory(error)) => return self.complain(error),
            }
        }
    }

    fn has_newer_than(&self, seen: *const ()) -> bool {
        self.is_usable() && !self.resource.holds(seen)
    }

    fn turn(&self, interval: RefetchInterval) -> Turn {
        let now = self.platform.now();
        let interval = match self.trouble {
            Some(_) => interval.alone(),
            None => interval,
        };
        // A time in the future is from before the clock was set back, and means nothing.
        let is_sane = |at: &UnixTime| *at <= now.plus(CLOCK_DIFFERENCE);
        let fetched_at = self
            .cached
            .as_ref()
            .map(|cached| cached.fetched_at)
            .filter(is_sane);
        if fetched_at.is_some_and(|at| now.since(at) < interval.0.first) || self.current_failure().is_some() {
            return Turn::TooSoon;
        }
        let attempts = self.last_attempts().into_iter().flatten();
        let attempts = attempts.filter(|attempt| is_sane(&attempt.at()));
        let last = attempts.max_by_key(Attempt::at);
        match last.filter(|attempt| fetched_at.is_none_or(|at| at < attempt.at())) {
            None => Turn::Ours(0),
            Some(attempt) if attempt.is_under_way(now) => Turn::UnderWay,
            Some(attempt) if now.since(attempt.at()) < interval.pause(attempt.failures) => Turn::TooSoon,
            Some(attempt) => Turn::Ours(attempt.failures),
        }
    }

    /// Fetches the value, after this many failed attempts.
    fn attempt(&mut self, lease: Option<Lease<'_>>, failures: u32) {
        let failures = failures.saturating_add(1);
        let timeout = self.client.timeout();
        let took = self.cached.as_ref().map(|cached| cached.took).unwrap_or_default();
        // The provider may have become slower.
        let time = match failures.is_multiple_of(4) {
            true => timeout,
            false => took.saturating_mul(2).max(SHORTEST_ATTEMPT).min(timeout),
        };
        self.note(Attempt::new(self.platform.now(), time, failures));
        if self.fetch(lease, Occasion::Doubt(time)).is_err() {
            self.note(Attempt::new(self.platform.now(), Duration::ZERO, failures));
        }
    }

    /// Records an attempt for all instances.
    pub(super) fn note(&mut self, attempt: Attempt) {
        self.own.attempt = Some(attempt);
        if let Err(error) = self.values().publish(&self.attempt_name(), &attempt.encode()) {
            self.complain(error);
        }
    }

    /// The shared record, and this instance's own one. It may have been impossible to share that.
    fn last_attempts(&self) -> [Option<Attempt>; 2] {
        let shared = self.values().read(&self.attempt_name()).ok().flatten();
        [shared.as_deref().and_then(Attempt::decode), self.own.attempt]
    }

    fn attempt_name(&self) -> String {
        format!("{}.refetch", self.resource.name().as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_with_failures_alone_and_not_beyond_the_longest() {
        let seconds = |interval: RefetchInterval| {
            [0, 1, 2, 3, 4, 5, u32::MAX].map(|failures| interval.pause(failures).as_secs())
        };
        assert_eq!(seconds(RefetchInterval::default()), [3, 3, 6, 12, 24, 30, 30]);
        for given in [1, 60] {
            assert_eq!(
                seconds(RefetchInterval::every(Duration::from_secs(given))),
                [given; 7]
            );
        }
        assert_eq!(seconds(RefetchInterval::default().alone()), [30; 7]);
    }
}
