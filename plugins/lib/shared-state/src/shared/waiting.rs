//! Places for requests that wait for somebody else's fetch.
//!
//! A guest cannot sleep, so a waiting request keeps asking and yields in between. That costs little for some hundred
//! requests and would cost the machine for many thousand. The instances of a process share no memory to count in, so
//! the places are entries of the state directory: a waiter tries a handful at random. When most are taken some are
//! refused a little early, which errs on the right side.

use std::time::Duration;

use egress::platform::{DirectoryError, Platform};

/// How many places one waiter tries.
const TRIES: usize = 16;

/// The content of every place.
const TAKEN: &str = "x";

/// A place; given back on drop.
pub(super) struct Place<'p> {
    platform: &'p dyn Platform,
    name: String,
}

impl<'p> Place<'p> {
    /// A place out of `places`; `None` when there seems to be none.
    ///
    /// # Errors
    /// Why the state directory failed.
    pub(super) fn take(platform: &'p dyn Platform, places: u64) -> Result<Option<Self>, DirectoryError> {
        let process = process(platform);
        let mut random = [0; TRIES * 4];
        platform.fill_random(&mut random);
        let (numbers, _) = random.as_chunks::<4>();
        for number in numbers {
            let Some(place) = u64::from(u32::from_le_bytes(*number)).checked_rem(places) else {
                break;
            };
            let name = format!("wait-{process:x}-{place}");
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
    use egress::platform::Native;

    #[test]
    fn there_are_no_more_places_than_there_are() {
        let directory = tempfile::tempdir().unwrap();
        let native = Native::new(directory.path(), |_| {});
        let mut taken: Vec<Place<'_>> = (0..400)
            .filter_map(|_| Place::take(&native, 20).unwrap())
            .collect();
        assert!((15..=40).contains(&taken.len()), "{}", taken.len());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), taken.len());
        taken.clear();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        assert!(Place::take(&native, 20).unwrap().is_some());
        assert!(Place::take(&native, 0).unwrap().is_none());
    }
}
