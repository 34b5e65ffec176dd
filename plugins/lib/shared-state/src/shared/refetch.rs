//! Fetches a value again because the one at hand does not do, such as keys that do not explain a signature.
//!
//! Anybody can trigger such a fetch with a forged token, so it is limited:
//!
//! 1. There is a pause ([`Pace`]) between an attempt and the last fetch, regardless of who triggered that and whether it
//!    succeeded. An attempt is recorded for all instances before it is made.
//! 2. The pause does not grow when attempts bring nothing new. Nothing tells a forger from a client with a new key, so a
//!    longer pause would let the forger hide a rotation.
//! 3. The pause grows while attempts fail. Asking a provider in trouble more often gains nothing.
//! 4. An attempt sends each request once, and has less time than a fetch that a request depends on.
//! 5. If an attempt is not allowed, or fails, the value at hand stays in use.

use std::rc::Rc;
use std::time::Duration;

use middleware::UnixTime;
use serde::{Deserialize, Serialize};

use super::waiting::Place;
use super::{CLOCK_DIFFERENCE, Occasion, Resource, Shared, YIELDS_BETWEEN_LOOKS};
use crate::state::Lease;

/// How often a value may be fetched again because the one at hand does not do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    usual: Duration,
    longest: Duration,
}

impl Default for Pace {
    /// Three seconds, and up to half a minute while attempts fail.
    fn default() -> Self {
        Self {
            usual: Duration::from_secs(3),
            longest: Duration::from_secs(30),
        }
    }
}

impl Pace {
    /// The same pause whether attempts succeed or fail.
    pub const fn every(interval: Duration) -> Self {
        Self {
            usual: interval,
            longest: interval,
        }
    }

    /// The pause after this many failed attempts in a row.
    fn pause(self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        self.usual.saturating_mul(1 << doublings).min(self.longest)
    }

    /// The pace of an instance that cannot share its record. There may be many of them.
    const fn alone(self) -> Self {
        Self::every(self.longest)
    }
}

/// The shortest time limit of an attempt, unless the configured timeout is shorter.
const SHORTEST_ATTEMPT: Duration = Duration::from_secs(2);
/// How long a request waits for another instance's attempt.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// The record of the last attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attempt {
    /// When it began or, if it has failed, when it ended. Milliseconds since the epoch.
    at: u64,
    /// When it ends at the latest.
    until: u64,
    /// Failed attempts in a row. One that has not ended counts as failed, because its instance may have been killed.
    failures: u32,
}

impl Attempt {
    pub(super) fn new(now: UnixTime, time: Duration, failures: u32) -> Self {
        Self {
            at: now.as_millis(),
            until: now.plus(time).as_millis(),
            failures,
        }
    }

    const fn at(&self) -> UnixTime {
        UnixTime::from_millis(self.at)
    }

    fn is_under_way(&self, now: UnixTime) -> bool {
        now < UnixTime::from_millis(self.until)
    }

    fn encode(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

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

impl<R: Resource> Shared<R> {
    /// A newer value than `seen`, because `seen` does not do: from the state directory if another instance has fetched one,
    /// otherwise from the network, if `pace` allows it. Returns the value at hand if there is no newer one.
    pub fn renew(&mut self, seen: &Rc<R::Value>, pace: Pace) -> Rc<R::Value> {
        self.renewed(seen, pace);
        self.usable().unwrap_or_else(|| Rc::clone(seen))
    }

    fn renewed(&mut self, seen: &Rc<R::Value>, pace: Pace) {
        let platform = Rc::clone(&self.platform);
        let give_up = platform.monotonic().saturating_add(LONGEST_WAIT);
        let mut place = None;
        loop {
            if self.has_newer_than(seen) {
                return;
            }
            self.adopt();
            if self.has_newer_than(seen) {
                return;
            }
            if self.turn(pace) == Turn::TooSoon {
                return;
            }
            match Lease::try_take(&*platform, self.resource.name().as_str(), &mut self.observer) {
                Ok(Some(lease)) => {
                    // Somebody may have fetched between our look and our lease.
                    self.adopt();
                    if !self.has_newer_than(seen)
                        && let Turn::Ours(failures) = self.turn(pace)
                    {
                        self.attempt(Some(lease), failures);
                    }
                    return;
                }
                Ok(None) => {}
                Err(error) => {
                    self.complain(error);
                    if let Turn::Ours(failures) = self.turn(pace) {
                        self.attempt(None, failures);
                    }
                    return;
                }
            }
            if platform.monotonic() >= give_up {
                return;
            }
            if place.is_none() {
                // Most places are left to requests that have no usable value: forged tokens must not take them.
                match Place::take(&*platform, self.client.max_waiting() / 4) {
                    Ok(Some(taken)) => place = Some(taken),
                    // The value at hand serves.
                    Ok(None) => return,
                    Err(error) => {
                        self.complain(error);
                        return;
                    }
                }
            }
            for _ in 0..YIELDS_BETWEEN_LOOKS {
                platform.yield_now();
            }
        }
    }

    fn has_newer_than(&self, seen: &Rc<R::Value>) -> bool {
        self.usable().is_some_and(|value| !Rc::ptr_eq(&value, seen))
    }

    fn turn(&self, pace: Pace) -> Turn {
        let now = self.platform.now();
        let pace = match self.trouble {
            Some(_) => pace.alone(),
            None => pace,
        };
        // A time in the future is from before the clock was set back, and says nothing.
        let is_sane = |at: &UnixTime| *at <= now.plus(CLOCK_DIFFERENCE);
        let fetched_at = self.fetched_at().filter(is_sane);
        if fetched_at.is_some_and(|at| now.since(at) < pace.usual) || self.failure().is_some() {
            return Turn::TooSoon;
        }
        let attempts = self.last_attempts().into_iter().flatten();
        let attempts = attempts.filter(|attempt| is_sane(&attempt.at()));
        let last = attempts.max_by_key(|attempt| attempt.at);
        match last.filter(|attempt| fetched_at.is_none_or(|at| at < attempt.at())) {
            None => Turn::Ours(0),
            Some(attempt) if attempt.is_under_way(now) => Turn::UnderWay,
            Some(attempt) if now.since(attempt.at()) < pace.pause(attempt.failures) => Turn::TooSoon,
            Some(attempt) => Turn::Ours(attempt.failures),
        }
    }

    /// Fetches the value, after this many failed attempts.
    fn attempt(&mut self, lease: Option<Lease<'_>>, failures: u32) {
        let failures = failures.saturating_add(1);
        let timeout = self.client.timeout();
        let took = self.held.as_ref().map(|held| held.took).unwrap_or_default();
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

    pub(super) fn note(&mut self, attempt: Attempt) {
        self.own.attempt = Some(attempt);
        if let Err(error) = self.values().publish(&self.attempt_name(), &attempt.encode()) {
            self.complain(error);
        }
    }

    /// The shared record, and this instance's own, which could perhaps not be shared.
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
        let seconds =
            |pace: Pace| [0, 1, 2, 3, 4, 5, u32::MAX].map(|failures| pace.pause(failures).as_secs());
        assert_eq!(seconds(Pace::default()), [3, 3, 6, 12, 24, 30, 30]);
        for given in [1, 60] {
            assert_eq!(seconds(Pace::every(Duration::from_secs(given))), [given; 7]);
        }
        assert_eq!(seconds(Pace::default().alone()), [30; 7]);
    }

    #[test]
    fn the_record_survives_the_state_directory() {
        let attempt = Attempt::new(UnixTime::from_secs(9), Duration::from_secs(2), 3);
        assert_eq!(Attempt::decode(&attempt.encode()), Some(attempt));
        assert!(attempt.is_under_way(UnixTime::from_secs(10)));
        assert!(!attempt.is_under_way(UnixTime::from_secs(11)));
        assert_eq!(Attempt::decode("garbage"), None);
    }
}
