//! Requests that wait for another instance: bounded in time and number.
//!
//! A guest cannot sleep, so a waiting request keeps looking and yields in between. That costs little for some hundred
//! requests, and would cost the whole machine for many thousand. The instances of a process share no memory to count
//! in, so the permits are entries of the state directory: a waiter tries some at random. When most of them are taken,
//! some requests are refused a little early.

use std::time::Duration;

use egress::platform::{DirectoryError, Platform};

/// How many permits one waiter tries.
const TRIES: usize = 16;
/// How often a waiter yields between two looks at the state directory.
const YIELDS_BETWEEN_LOOKS: u32 = 256;
/// The content of every permit.
const TAKEN: &str = "x";

/// A request that waits.
pub(super) struct Waiting<'p> {
    platform: &'p dyn Platform,
    give_up: Duration,
    most: u64,
    permit: Option<Permit<'p>>,
}

/// Why a request does not wait any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoWait {
    /// It has waited for as long as it may.
    TimeIsUp,
    /// Too many others wait.
    TooMany,
    /// The state directory failed, so waiters cannot be counted.
    Directory(DirectoryError),
}

impl<'p> Waiting<'p> {
    /// A request that may wait for as long as `limit`, if no more than `most` requests of the process do.
    pub(super) fn new(platform: &'p dyn Platform, limit: Duration, most: u64) -> Self {
        Self {
            platform,
            give_up: platform.monotonic().saturating_add(limit),
            most,
            permit: None,
        }
    }

    /// Pauses until the next look. The first call takes a permit, which is returned on drop.
    ///
    /// # Errors
    /// [`NoWait`]; there was no pause then.
    pub(super) fn pause(&mut self) -> Result<(), NoWait> {
        if self.platform.monotonic() >= self.give_up {
            return Err(NoWait::TimeIsUp);
        }
        if self.permit.is_none() {
            let permit = Permit::take(self.platform, self.most).map_err(NoWait::Directory)?;
            self.permit = Some(permit.ok_or(NoWait::TooMany)?);
            trap::point("waiting");
        }
        self.pause_uncounted();
        Ok(())
    }

    /// Pauses until the next look, without a permit.
    pub(super) fn pause_uncounted(&self) {
        self.platform.yield_repeatedly(YIELDS_BETWEEN_LOOKS);
    }
}

/// A permit to wait. Returned on drop.
struct Permit<'p> {
    platform: &'p dyn Platform,
    name: String,
}

impl<'p> Permit<'p> {
    /// Takes one of `permits` permits. Returns `None` if there seems to be none left.
    ///
    /// # Errors
    /// Why the state directory failed.
    fn take(platform: &'p dyn Platform, permits: u64) -> Result<Option<Self>, DirectoryError> {
        let process = process(platform);
        let mut random = [0; TRIES * 4];
        platform.fill_random(&mut random);
        let (numbers, _) = random.as_chunks::<4>();
        for number in numbers {
            let Some(permit) = u64::from(u32::from_le_bytes(*number)).checked_rem(permits) else {
                break;
            };
            let name = format!("wait-{process:x}-{permit}");
            match platform.directory().create(&name, TAKEN) {
                Ok(()) => {
                    platform.own(&name, TAKEN);
                    return Ok(Some(Self { platform, name }));
                }
                Err(DirectoryError::Exists) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        let _ = self.platform.directory().remove(&self.name);
        self.platform.forget(&self.name);
    }
}

/// Distinguishes this process from an earlier one that was killed while its requests had permits: the time at which it
/// started, in steps of ten seconds. At a border between two steps, or if the clock is set, a process has twice as many
/// permits.
fn process(platform: &dyn Platform) -> u64 {
    let step = Duration::from_secs(10).as_millis();
    let started = u128::from(platform.now().as_millis()).saturating_sub(platform.monotonic().as_millis());
    u64::try_from(started / step).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use egress::platform::Native;

    use super::*;

    #[test]
    fn the_number_of_permits_is_bounded() {
        let directory = tempfile::tempdir().unwrap();
        let native = Native::new(directory.path(), |_| {});
        let mut taken: Vec<Permit<'_>> = (0..400)
            .filter_map(|_| Permit::take(&native, 20).unwrap())
            .collect();
        assert!((15..=40).contains(&taken.len()), "{}", taken.len());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), taken.len());
        taken.clear();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        assert!(Permit::take(&native, 20).unwrap().is_some());
        assert!(Permit::take(&native, 0).unwrap().is_none());
    }

    #[test]
    fn a_request_waits_with_a_permit_until_its_time_is_up() {
        let directory = tempfile::tempdir().unwrap();
        let native = Native::new(directory.path(), |_| {});
        let entries = || std::fs::read_dir(directory.path()).unwrap().count();
        let mut waiting = Waiting::new(&native, Duration::from_secs(60), 5);
        assert_eq!((waiting.pause(), waiting.pause(), entries()), (Ok(()), Ok(()), 1));
        drop(waiting);
        assert_eq!(entries(), 0);
        let late = Waiting::new(&native, Duration::ZERO, 5).pause();
        let crowded = Waiting::new(&native, Duration::from_secs(60), 0).pause();
        assert_eq!((late, crowded), (Err(NoWait::TimeIsUp), Err(NoWait::TooMany)));
        drop(directory);
        let lost = Waiting::new(&native, Duration::from_secs(60), 5).pause();
        assert!(matches!(lost, Err(NoWait::Directory(_))), "{lost:?}");
    }
}
