//! Places for requests that wait for somebody else's fetch.
//!
//! A guest cannot sleep, so a waiting request keeps asking and yields in between. That costs little for some hundred
//! requests and would cost the machine for many thousand. The instances of a process share no memory to count in, so
//! the places are entries of the state directory: a waiter tries a handful at random. When most are taken some are
//! refused a little early, which errs on the right side.

use std::time::Duration;

use crate::platform::Platform;

/// How many places one waiter tries.
const TRIES: usize = 16;

/// A place; given back on drop.
pub(super) struct Place<'p> {
    platform: &'p dyn Platform,
    name: String,
}

impl<'p> Place<'p> {
    /// A place out of `places`; `None` when there seems to be none.
    pub(super) fn take(platform: &'p dyn Platform, places: u64) -> Option<Self> {
        let process = process(platform);
        let mut random = [0; TRIES * 4];
        platform.fill_random(&mut random);
        let (numbers, _) = random.as_chunks::<4>();
        numbers.iter().find_map(|number| {
            let place = u64::from(u32::from_le_bytes(*number)).checked_rem(places)?;
            let name = format!("wait-{process:x}-{place}");
            platform.directory().create(&name, "x").ok()?;
            platform.own(&name);
            Some(Self { platform, name })
        })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let _ = self.platform.directory().remove(&self.name);
        self.platform.forget(&self.name);
    }
}

/// Tells this process from an earlier one that was killed with its places taken: when it was started, in steps of
/// ten seconds. At a border between two steps, or when the clock is set, a process has twice as many places.
fn process(platform: &dyn Platform) -> u64 {
    let step = Duration::from_secs(10).as_millis();
    let started = u128::from(platform.now().as_millis()).saturating_sub(platform.monotonic().as_millis());
    u64::try_from(started / step).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::Native;

    #[test]
    fn there_are_no_more_places_than_there_are() {
        let directory = tempfile::tempdir().unwrap();
        let native = Native::new(directory.path(), |_| {});
        let mut taken: Vec<Place<'_>> = (0..400).filter_map(|_| Place::take(&native, 20)).collect();
        assert!((15..=40).contains(&taken.len()), "{}", taken.len());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), taken.len());
        taken.clear();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        assert!(Place::take(&native, 20).is_some());
        assert!(Place::take(&native, 0).is_none());
    }
}
