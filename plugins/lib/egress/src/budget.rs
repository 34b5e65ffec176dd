//! How often the provider is asked about callers whom nobody knows yet.
//!
//! Whoever guesses secrets or tokens makes a call for each guess; without a limit he would use up what the provider
//! allows, for everybody. Counted in the state directory, for all instances, routers and processes together, in minutes
//! of the wall clock. Exact: a counter is changed only by the holder of a lease.
//!
//! Where nothing can be counted nothing is allowed: a limit that an attacker can switch off is none.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use middleware::UnixTime;
use ring::digest;

use crate::platform::{DirectoryError, Platform};
use crate::state::{Lease, Observer, Values};
use crate::{FetchError, StateName};

/// The limits of one configuration.
pub struct Budget {
    platform: Rc<dyn Platform>,
    name: StateName,
    limits: Limits,
    observer: RefCell<Observer>,
}

/// How often in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// All calls together.
    pub calls: u64,
    /// Calls for one caller that ended badly; `None` where callers have no names.
    pub failures: Option<u64>,
}

/// What a call was charged to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    minute: u64,
    counter: Option<String>,
}

/// Callers' counters share so many names. Two whose names fall together share a counter: its limit then comes sooner, and
/// nobody gets more than his own.
const SLOTS: u32 = 1024;
const MINUTE: u64 = 60;
/// How long to wait for others to have counted. Shorter than a lease is respected without a sign of life.
const PATIENCE: Duration = Duration::from_secs(2);

impl Budget {
    /// The limits of the configuration that `identity` describes; those with the same identity share them.
    pub fn new(platform: Rc<dyn Platform>, identity: &[&str], limits: Limits) -> Self {
        Self {
            platform,
            name: StateName::new("budget", identity),
            limits,
            observer: RefCell::default(),
        }
    }

    /// Asks for one call on behalf of `caller`, at the present time `now`. It counts as failed until
    /// [`Budget::forgive`] says otherwise.
    ///
    /// # Errors
    /// [`FetchError::Limited`] when there were too many, [`FetchError::Unavailable`] when that cannot be found out.
    pub fn take(&self, caller: &str, now: UnixTime) -> Result<Charge, FetchError> {
        let charge = Charge {
            minute: now.as_secs() / MINUTE,
            counter: self.limits.failures.map(|_| self.counter_of(caller)),
        };
        // Without the lease: during a flood most stop here.
        self.check(&charge, now)?;
        self.with_lease(|| {
            self.check(&charge, now)?;
            for counter in self.counters(&charge) {
                let count = self.read(counter, charge.minute)?;
                self.write(counter, charge.minute, count.saturating_add(1))?;
            }
            Ok(charge)
        })
    }

    /// The call ended well, or not by the caller's fault: his own counter goes down again.
    pub fn forgive(&self, charge: &Charge) {
        let Some(counter) = &charge.counter else {
            return;
        };
        // Where this fails the caller has one attempt less this minute.
        let _ = self.with_lease(|| match self.read(counter, charge.minute)? {
            0 => Ok(()),
            count => Ok(self.write(counter, charge.minute, count - 1)?),
        });
    }

    fn check(&self, charge: &Charge, now: UnixTime) -> Result<(), FetchError> {
        let limits = [Some(self.limits.calls), self.limits.failures];
        for (counter, limit) in self.counters(charge).zip(limits.into_iter().flatten()) {
            if self.read(counter, charge.minute)? >= limit {
                let end = UnixTime::from_secs(charge.minute.saturating_add(1).saturating_mul(MINUTE));
                return Err(FetchError::Limited {
                    retry_after: end.since(now),
                });
            }
        }
        Ok(())
    }

    fn counters<'c>(&'c self, charge: &'c Charge) -> impl Iterator<Item = &'c str> {
        std::iter::once(self.name.as_str()).chain(charge.counter.as_deref())
    }

    fn counter_of(&self, caller: &str) -> String {
        let digest = digest::digest(&digest::SHA256, caller.as_bytes());
        let (head, _) = digest.as_ref().as_chunks::<4>();
        let number = head.first().copied().map_or(0, u32::from_be_bytes) % SLOTS;
        format!("{}-{number:03x}", self.name.as_str())
    }

    /// What was counted in this minute. A record of another minute is old, or the clock was set.
    fn read(&self, counter: &str, minute: u64) -> Result<u64, DirectoryError> {
        let record = Values::new(&*self.platform).read(counter)?;
        let count = record.and_then(|record| {
            let (of, count) = record.split_once(' ')?;
            (of.parse() == Ok(minute)).then(|| count.parse().ok())?
        });
        Ok(count.unwrap_or(0))
    }

    fn write(&self, counter: &str, minute: u64, count: u64) -> Result<(), DirectoryError> {
        Values::new(&*self.platform).publish(counter, &format!("{minute} {count}"))
    }

    fn with_lease<T>(&self, change: impl FnOnce() -> Result<T, FetchError>) -> Result<T, FetchError> {
        const YIELDS_BETWEEN_TRIES: u32 = 64;
        let give_up = self.platform.monotonic().saturating_add(PATIENCE);
        let mut observer = self.observer.borrow_mut();
        loop {
            if let Some(_lease) = Lease::try_take(&*self.platform, self.name.as_str(), &mut observer)? {
                return change();
            }
            if self.platform.monotonic() >= give_up {
                return Err(FetchError::Limited {
                    retry_after: Duration::from_secs(1),
                });
            }
            for _ in 0..YIELDS_BETWEEN_TRIES {
                self.platform.yield_now();
            }
        }
    }
}

impl From<DirectoryError> for FetchError {
    fn from(error: DirectoryError) -> Self {
        Self::Unavailable {
            detail: format!("calls cannot be counted, so none is made: {error}"),
            retry_after: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::{Native, TestMachine};

    fn budget(platform: Rc<dyn Platform>, calls: u64, failures: Option<u64>) -> Budget {
        Budget::new(platform, &["https://idcs"], Limits { calls, failures })
    }

    fn is_limited(outcome: &Result<Charge, FetchError>) -> bool {
        matches!(outcome, Err(FetchError::Limited { .. }))
    }

    const NOW: UnixTime = UnixTime::from_secs(6_000_015);

    #[test]
    fn no_more_calls_a_minute_than_there_are_for_all_instances_together() {
        let directory = tempfile::tempdir().unwrap();
        let allowed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|thread| {
                    let directory = directory.path();
                    scope.spawn(move || {
                        let budget = budget(Rc::new(Native::new(directory, |_| {})), 40, None);
                        (0..20)
                            .filter(|turn| budget.take(&format!("{thread} {turn}"), NOW).is_ok())
                            .count()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(allowed, 40);
    }

    #[test]
    fn a_new_minute_brings_new_calls_and_the_refusal_says_when() {
        let directory = tempfile::tempdir().unwrap();
        let budget = budget(Rc::new(TestMachine::in_directory(directory.path())), 1, None);
        assert!(budget.take("a", NOW).is_ok());
        let wait = Duration::from_secs(45);
        assert_eq!(
            budget.take("b", NOW),
            Err(FetchError::Limited { retry_after: wait })
        );
        assert!(budget.take("b", NOW.plus(wait)).is_ok());
        assert!(
            budget.take("b", NOW.minus(wait)).is_ok(),
            "the clock was set back"
        );
    }

    #[test]
    fn one_callers_failures_are_his_own_and_what_was_none_is_taken_back() {
        let directory = tempfile::tempdir().unwrap();
        let budget = budget(Rc::new(TestMachine::in_directory(directory.path())), 100, Some(2));
        for _ in 0..10 {
            let charge = budget.take("jane", NOW).unwrap();
            budget.forgive(&charge);
        }
        assert!(budget.take("mallory", NOW).is_ok());
        assert!(budget.take("mallory", NOW).is_ok());
        assert!(is_limited(&budget.take("mallory", NOW)));
        assert!(budget.take("jane", NOW).is_ok());
        assert!(budget.take("mallory", NOW.plus(Duration::from_secs(60))).is_ok());
    }

    #[test]
    fn callers_fill_no_more_than_a_bounded_number_of_names() {
        let directory = tempfile::tempdir().unwrap();
        let budget = budget(
            Rc::new(TestMachine::in_directory(directory.path())),
            5000,
            Some(5000),
        );
        for caller in 0..2000 {
            budget.take(&caller.to_string(), NOW).unwrap();
        }
        let entries = std::fs::read_dir(directory.path()).unwrap().count();
        assert!((700..=1025).contains(&entries), "{entries}");
    }

    #[test]
    fn where_nothing_can_be_counted_nothing_is_allowed() {
        let directory = tempfile::tempdir().unwrap();
        let budget = budget(Rc::new(TestMachine::in_directory(directory.path())), 5, None);
        std::fs::remove_dir_all(directory.path()).unwrap();
        let outcome = budget.take("a", NOW);
        assert!(
            matches!(outcome, Err(FetchError::Unavailable { .. })),
            "{outcome:?}"
        );
    }

    #[test]
    fn somebody_killed_while_counting_does_not_stop_everybody_for_ever() {
        let directory = tempfile::tempdir().unwrap();
        let machine = Rc::new(TestMachine::in_directory(directory.path()));
        let budget = budget(Rc::clone(&machine) as _, 5, None);
        let lease = Lease::try_take(&*machine, budget.name.as_str(), &mut Observer::default());
        std::mem::forget(lease.unwrap().unwrap());
        assert!(is_limited(&budget.take("a", NOW)));
        machine.wait(Duration::from_secs(3));
        assert!(budget.take("a", NOW).is_ok());
    }
}
