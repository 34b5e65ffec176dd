//! Limits how often the gateway asks the provider about unknown callers.
//!
//! Each guess at a secret or token costs one call. Without a limit, somebody who guesses uses up the calls that the
//! provider allows, for everybody. Calls are counted in the state directory, for all instances, routers and processes
//! together, by the minute of the wall clock. A counter is changed only under a lease. The minute belongs to the
//! counter and not to the request, because a request may wait for the lease past the end of the minute in which it
//! began.
//!
//! If calls cannot be counted, none is allowed: a limit that an attacker can switch off is not a limit.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use egress::platform::{DirectoryError, Platform};
use middleware::UnixTime;
use ring::digest;

use crate::shared::FetchError;
use crate::state::{Lease, Observer, StateName, Values};

/// The calls that one configuration allows.
pub struct Budget {
    platform: Rc<dyn Platform>,
    name: StateName,
    limits: Limits,
    observer: RefCell<Observer>,
}

/// How many calls to allow in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// All calls together.
    pub calls: u64,
    /// Failed calls for one caller. `None` if callers have no names.
    pub failures: Option<u64>,
}

/// A call that was counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The caller's own counter, and the minute in which it counted the call.
    counter: Option<(String, u64)>,
}

/// The value of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tally {
    minute: u64,
    count: u64,
}

/// The number of names that the callers' counters share. Two callers with the same name share a counter. They reach its
/// limit sooner, and neither gets more calls than its own limit.
const SLOTS: u32 = 1024;
const MINUTE: u64 = 60;
/// How many minutes a counter may be ahead of the clock: the clocks of two machines differ a little, and a clock may be
/// set back a little. A counter that is farther ahead is from before the clock was set back, and starts again.
const MOST_AHEAD: u64 = 2;
/// How long to wait for the lease. Shorter than a lease without a sign of life is respected.
const PATIENCE: Duration = Duration::from_secs(2);

impl Budget {
    /// The budget of the configuration that `identity` describes. Configurations with the same identity share one.
    pub fn new(platform: Rc<dyn Platform>, identity: &[&str], limits: Limits) -> Self {
        Self {
            platform,
            name: StateName::new("budget", identity),
            limits,
            observer: RefCell::default(),
        }
    }

    /// Takes one call on behalf of `caller`. It counts as failed until [`Budget::forgive`] is called.
    ///
    /// # Errors
    /// [`FetchError::Limited`] if there were too many calls, [`FetchError::Unavailable`] if they cannot be counted.
    pub fn take(&self, caller: &str) -> Result<Charge, FetchError> {
        let own = self.limits.failures.map(|limit| (self.counter_of(caller), limit));
        let mut counters = vec![(self.name.as_str(), self.limits.calls)];
        counters.extend(own.iter().map(|(counter, limit)| (counter.as_str(), *limit)));
        // This check needs no lease. During a flood, most calls end here.
        self.check(&counters)?;
        let charged = self.with_lease(|| {
            let tallies = self.check(&counters)?;
            for ((counter, _), tally) in counters.iter().zip(&tallies) {
                self.write(counter, tally.minute, tally.count.saturating_add(1))?;
            }
            Ok(tallies.last().map(|tally| tally.minute))
        })?;
        Ok(Charge {
            counter: own.map(|(counter, _)| counter).zip(charged),
        })
    }

    /// Takes a call back from the caller's own counter, because it succeeded, or failed for another reason than the
    /// caller.
    pub fn forgive(&self, charge: &Charge) {
        let Some((counter, minute)) = &charge.counter else {
            return;
        };
        // If this fails, the caller has one attempt less in this minute.
        let _ = self.with_lease(|| match self.tally(counter)? {
            Some(tally) if tally.minute == *minute && tally.count > 0 => {
                Ok(self.write(counter, tally.minute, tally.count - 1)?)
            }
            // A new minute has begun, and the call does not count in it.
            _ => Ok(()),
        });
    }

    /// The values of these counters, if all are below their limits.
    fn check(&self, counters: &[(&str, u64)]) -> Result<Vec<Tally>, FetchError> {
        // The time is read here and not before, because the caller may have waited for the lease.
        let now = self.platform.now();
        let mut tallies = Vec::new();
        for (counter, limit) in counters {
            let tally = self.read(counter, now)?;
            if tally.count >= *limit {
                let end = UnixTime::from_secs(tally.minute.saturating_add(1).saturating_mul(MINUTE));
                return Err(FetchError::Limited {
                    retry_after: end.since(now),
                });
            }
            tallies.push(tally);
        }
        Ok(tallies)
    }

    fn counter_of(&self, caller: &str) -> String {
        let digest = digest::digest(&digest::SHA256, caller.as_bytes());
        let (head, _) = digest.as_ref().as_chunks::<4>();
        let number = head.first().copied().map_or(0, u32::from_be_bytes) % SLOTS;
        format!("{}-{number:03x}", self.name.as_str())
    }

    /// The count of the current minute. That is the clock's minute, or the counter's minute if another instance has
    /// counted in a later one already. So a count never moves back into an older minute, which would lose the newer
    /// count.
    fn read(&self, counter: &str, now: UnixTime) -> Result<Tally, DirectoryError> {
        let minute = now.as_secs() / MINUTE;
        let current = minute..=minute.saturating_add(MOST_AHEAD);
        let tally = self
            .tally(counter)?
            .filter(|tally| current.contains(&tally.minute));
        Ok(tally.unwrap_or(Tally { minute, count: 0 }))
    }

    fn tally(&self, counter: &str) -> Result<Option<Tally>, DirectoryError> {
        let text = Values::new(&*self.platform).read(counter)?;
        Ok(text.and_then(|text| {
            let (minute, count) = text.split_once(' ')?;
            Some(Tally {
                minute: minute.parse().ok()?,
                count: count.parse().ok()?,
            })
        }))
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
            self.platform.yield_repeatedly(YIELDS_BETWEEN_TRIES);
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
    use crate::test_machine::TestMachine;

    fn budget(platform: Rc<dyn Platform>, calls: u64, failures: Option<u64>) -> Budget {
        Budget::new(platform, &["https://idcs"], Limits { calls, failures })
    }

    fn is_limited(outcome: &Result<Charge, FetchError>) -> bool {
        matches!(outcome, Err(FetchError::Limited { .. }))
    }

    /// Fifteen seconds after the beginning of a minute.
    const NOW: UnixTime = UnixTime::from_secs(6_000_015);

    /// A machine on this directory whose clock is stopped at `now`.
    fn machine(directory: &tempfile::TempDir, now: UnixTime) -> Rc<TestMachine> {
        let machine = TestMachine::in_directory(directory.path());
        machine.stop_wall_clock(now);
        Rc::new(machine)
    }

    #[test]
    fn no_more_calls_a_minute_than_there_are_for_all_instances_together() {
        let directory = tempfile::tempdir().unwrap();
        let allowed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|thread| {
                    let directory = &directory;
                    scope.spawn(move || {
                        let budget = budget(machine(directory, NOW), 40, None);
                        (0..20)
                            .filter(|turn| budget.take(&format!("{thread} {turn}")).is_ok())
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
        let machine = machine(&directory, NOW);
        let budget = budget(Rc::clone(&machine) as _, 1, None);
        assert!(budget.take("a").is_ok());
        let wait = Duration::from_secs(45);
        assert_eq!(budget.take("b"), Err(FetchError::Limited { retry_after: wait }));
        machine.stop_wall_clock(NOW.plus(wait));
        assert!(budget.take("b").is_ok());
    }

    #[test]
    fn requests_of_two_minutes_that_take_turns_do_not_forget_each_others_calls() {
        let directory = tempfile::tempdir().unwrap();
        let (before, after) = (UnixTime::from_millis(6_059_900), UnixTime::from_millis(6_060_100));
        let late = budget(machine(&directory, before), 2, Some(2));
        let early = budget(machine(&directory, after), 2, Some(2));
        // The two calls of the old minute, then those of the new one, which is current from then on.
        let allowed: Vec<bool> = (0..20)
            .flat_map(|_| [&late, &early])
            .map(|budget| budget.take("mallory").is_ok())
            .collect();
        assert_eq!(
            allowed.iter().filter(|allowed| **allowed).count(),
            3,
            "{allowed:?}"
        );
        // Each machine says by its own clock when to come back.
        assert_eq!(
            [&late, &early].map(|budget| budget.take("joe")),
            [60_100, 59_900].map(|wait| Err(FetchError::Limited {
                retry_after: Duration::from_millis(wait)
            }))
        );
    }

    #[test]
    fn many_at_once_around_the_end_of_a_minute_get_no_more_than_both_minutes_have() {
        let directory = tempfile::tempdir().unwrap();
        let allowed: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8_u64)
                .map(|thread| {
                    let directory = &directory;
                    scope.spawn(move || {
                        // Half of the machines stay in the old minute.
                        let now = UnixTime::from_secs(if thread % 2 == 0 { 6_059 } else { 6_060 });
                        let budget = budget(machine(directory, now), 20, None);
                        (0..20).filter(|_| budget.take("x").is_ok()).count()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert!((20..=40).contains(&allowed), "{allowed}");
    }

    #[test]
    fn a_failure_is_forgiven_in_the_minute_in_which_it_was_counted_and_in_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let machine = machine(&directory, NOW);
        let budget = budget(Rc::clone(&machine) as _, 100, Some(1));
        let old = budget.take("jane").unwrap();
        machine.stop_wall_clock(NOW.plus(Duration::from_secs(60)));
        let new = budget.take("jane").unwrap();
        budget.forgive(&old);
        assert!(is_limited(&budget.take("jane")), "the new minute's count stays");
        budget.forgive(&new);
        assert!(budget.take("jane").is_ok());
    }

    #[test]
    fn a_clock_set_back_a_little_keeps_the_count_and_one_set_back_far_starts_anew() {
        for (back, allowed) in [(45, false), (120, false), (180, true), (3600, true)] {
            let directory = tempfile::tempdir().unwrap();
            let machine = machine(&directory, NOW);
            let budget = budget(Rc::clone(&machine) as _, 1, None);
            assert!(budget.take("a").is_ok());
            machine.stop_wall_clock(NOW.minus(Duration::from_secs(back)));
            assert_eq!(budget.take("a").is_ok(), allowed, "{back}");
            assert!(is_limited(&budget.take("a")), "{back}");
        }
    }

    #[test]
    fn one_callers_failures_are_his_own_and_what_was_none_is_taken_back() {
        let directory = tempfile::tempdir().unwrap();
        let machine = machine(&directory, NOW);
        let budget = budget(Rc::clone(&machine) as _, 100, Some(2));
        for _ in 0..10 {
            let charge = budget.take("jane").unwrap();
            budget.forgive(&charge);
        }
        assert!(budget.take("mallory").is_ok());
        assert!(budget.take("mallory").is_ok());
        assert!(is_limited(&budget.take("mallory")));
        assert!(budget.take("jane").is_ok());
        machine.stop_wall_clock(NOW.plus(Duration::from_secs(60)));
        assert!(budget.take("mallory").is_ok());
    }

    #[test]
    fn callers_fill_no_more_than_a_bounded_number_of_names() {
        let directory = tempfile::tempdir().unwrap();
        let budget = budget(machine(&directory, NOW), 5000, Some(5000));
        for caller in 0..2000 {
            budget.take(&caller.to_string()).unwrap();
        }
        let entries = std::fs::read_dir(directory.path()).unwrap().count();
        assert!((700..=1025).contains(&entries), "{entries}");
    }

    #[test]
    fn where_nothing_can_be_counted_nothing_is_allowed() {
        let directory = tempfile::tempdir().unwrap();
        let budget = budget(machine(&directory, NOW), 5, None);
        std::fs::remove_dir_all(directory.path()).unwrap();
        let outcome = budget.take("a");
        assert!(
            matches!(outcome, Err(FetchError::Unavailable { .. })),
            "{outcome:?}"
        );
    }

    #[test]
    fn somebody_killed_while_counting_does_not_stop_everybody_for_ever() {
        let directory = tempfile::tempdir().unwrap();
        let machine = machine(&directory, NOW);
        let budget = budget(Rc::clone(&machine) as _, 5, None);
        let lease = Lease::try_take(&*machine, budget.name.as_str(), &mut Observer::default());
        std::mem::forget(lease.unwrap().unwrap());
        assert!(is_limited(&budget.take("a")));
        machine.wait(Duration::from_secs(3));
        assert!(budget.take("a").is_ok());
    }
}
