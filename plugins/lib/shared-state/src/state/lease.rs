//! The exclusive right to fetch: one holder at a time among all instances, routers and processes that share the state
//! directory.
//!
//! A lease is an entry with its owner's nonce. Creating it is atomic. The owner gives a sign of life at least every
//! second by replacing a second entry. An instance that wants the lease, and sees no change of either entry for
//! [`PATIENCE`] by the monotonic clock, takes it for abandoned: its holder was killed, or trapped.
//!
//! A holder that was merely slow may lose its lease in this way. It can check ([`Lease::is_mine`]) before it does
//! something that must not happen twice. For everything else the worst case is one more fetch.

use std::time::Duration;

use egress::platform::nonce;
use egress::platform::{DirectoryError, Platform};

/// How long instances respect a lease without a sign of life.
pub(crate) const PATIENCE: Duration = Duration::from_millis(2500);

/// A lease that this instance holds. Released on drop.
pub(crate) struct Lease<'p> {
    platform: &'p dyn Platform,
    name: String,
    nonce: String,
    beats: u64,
}

/// What one instance has seen of a lease that another one holds.
#[derive(Debug, Default)]
pub(crate) struct Observer {
    seen: Option<(String, Option<String>)>,
    since: Duration,
}

impl<'p> Lease<'p> {
    /// Takes the lease on the resource `name`, unless another instance holds it. Never waits.
    ///
    /// # Errors
    /// Why the state directory failed.
    pub(crate) fn try_take(
        platform: &'p dyn Platform,
        name: &str,
        observer: &mut Observer,
    ) -> Result<Option<Self>, DirectoryError> {
        let entry = lock_name(name);
        let own = nonce(platform);
        match platform.directory().create(&entry, &own) {
            Ok(()) => {
                platform.own(&entry, &own);
                observer.seen = None;
                let mut lease = Self {
                    platform,
                    name: name.to_owned(),
                    nonce: own,
                    beats: 0,
                };
                lease.pulse();
                Ok(Some(lease))
            }
            Err(error) => {
                if error != DirectoryError::Exists {
                    return Err(error);
                }
                if observer.finds_abandoned(platform, name)? {
                    break_lease(platform, name, observer)?;
                }
                Ok(None)
            }
        }
    }

    /// Gives a sign of life.
    pub(crate) fn pulse(&mut self) {
        self.beats += 1;
        let directory = self.platform.directory();
        let fresh = format!("{}.beat.{}", self.name, self.nonce);
        // The next beat makes up for one that fails. If the directory fails, other operations report it.
        let _ = directory
            .create(&fresh, &format!("{}:{}", self.nonce, self.beats))
            .and_then(|()| directory.rename(&fresh, &beat_name(&self.name)));
    }

    /// True while no other instance has taken the lease for abandoned.
    pub(crate) fn is_mine(&self) -> bool {
        matches!(self.platform.directory().read(&lock_name(&self.name)), Ok(Some(owner)) if owner == self.nonce)
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let entry = lock_name(&self.name);
        if self.is_mine() {
            let directory = self.platform.directory();
            let _ = directory.remove(&beat_name(&self.name));
            let _ = directory.remove(&entry);
        }
        self.platform.forget(&entry);
    }
}

impl Observer {
    /// True if the lease has not changed for [`PATIENCE`].
    fn finds_abandoned(&mut self, platform: &dyn Platform, name: &str) -> Result<bool, DirectoryError> {
        let state = look(platform, name)?;
        let now = platform.monotonic();
        if self.seen.as_ref() != Some(&state) {
            self.seen = Some(state);
            self.since = now;
        }
        Ok(now.saturating_sub(self.since) >= PATIENCE)
    }
}

/// Removes an abandoned lease. Several instances may decide to do so at the same time. A third entry makes sure that
/// the second of them looks again, and does not remove a new holder's lease.
fn break_lease(platform: &dyn Platform, name: &str, observer: &mut Observer) -> Result<(), DirectoryError> {
    let directory = platform.directory();
    let guard = format!("{name}.break");
    match directory.create(&guard, "x") {
        Ok(()) => {
            if Some(look(platform, name)?) == observer.seen {
                clear(platform, &lock_name(name))?;
                clear(platform, &beat_name(name))?;
            }
            observer.seen = None;
            directory.remove(&guard)
        }
        // Another instance is breaking the lease, or was killed while it did. In that case the guard must be removed,
        // but not at once, because the other instance may just be slow.
        Err(DirectoryError::Exists) => {
            if platform.monotonic().saturating_sub(observer.since) >= PATIENCE.saturating_mul(2) {
                clear(platform, &guard)?;
            }
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// The owner and the last sign of life of a lease. An entry that is not a lease has no owner and shows no sign of life.
fn look(platform: &dyn Platform, name: &str) -> Result<(String, Option<String>), DirectoryError> {
    let directory = platform.directory();
    let owner = directory.read(&lock_name(name))?.unwrap_or_default();
    Ok((owner, directory.read(&beat_name(name))?))
}

/// Removes the entry `name`. If it is something that cannot be removed, such as a directory, this renames it.
fn clear(platform: &dyn Platform, name: &str) -> Result<(), DirectoryError> {
    let directory = platform.directory();
    directory
        .remove(name)
        .or_else(|_| directory.rename(name, &format!("{name}.foreign.{}", nonce(platform))))
}

fn lock_name(name: &str) -> String {
    format!("{name}.lock")
}

fn beat_name(name: &str) -> String {
    format!("{name}.beat")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::test_machine::TestMachine;
    use egress::platform::Native;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn only_one_holds_it_and_dropping_gives_it_back() {
        let directory = tempfile::tempdir().unwrap();
        let machine = TestMachine::in_directory(directory.path());
        let mut observer = Observer::default();
        let lease = Lease::try_take(&machine, "jwks", &mut observer).unwrap().unwrap();
        assert!(lease.is_mine());
        assert!(
            Lease::try_take(&machine, "jwks", &mut observer)
                .unwrap()
                .is_none()
        );
        assert!(
            Lease::try_take(&machine, "other", &mut Observer::default())
                .unwrap()
                .is_some()
        );
        drop(lease);
        assert!(
            Lease::try_take(&machine, "jwks", &mut observer)
                .unwrap()
                .is_some()
        );
        assert_eq!(
            std::fs::read_dir(directory.path()).unwrap().count(),
            0,
            "nothing is left behind"
        );
    }

    #[test]
    fn a_living_holder_keeps_it_however_long_it_takes() {
        let directory = tempfile::tempdir().unwrap();
        let machine = TestMachine::in_directory(directory.path());
        let mut observer = Observer::default();
        let mut lease = Lease::try_take(&machine, "jwks", &mut observer).unwrap().unwrap();
        for _ in 0..20 {
            machine.wait(SECOND);
            lease.pulse();
            assert!(
                Lease::try_take(&machine, "jwks", &mut observer)
                    .unwrap()
                    .is_none()
            );
        }
        assert!(lease.is_mine());
    }

    #[test]
    fn a_dead_holder_loses_it_after_the_patience_and_not_before() {
        let directory = tempfile::tempdir().unwrap();
        let machine = TestMachine::in_directory(directory.path());
        let mut observer = Observer::default();
        std::mem::forget(Lease::try_take(&machine, "jwks", &mut observer).unwrap().unwrap());
        assert!(
            Lease::try_take(&machine, "jwks", &mut observer)
                .unwrap()
                .is_none()
        );
        machine.wait(PATIENCE - Duration::from_millis(1));
        assert!(
            Lease::try_take(&machine, "jwks", &mut observer)
                .unwrap()
                .is_none()
        );
        machine.wait(Duration::from_millis(1));
        assert!(
            Lease::try_take(&machine, "jwks", &mut observer)
                .unwrap()
                .is_none(),
            "this look breaks it"
        );
        assert!(
            Lease::try_take(&machine, "jwks", &mut observer)
                .unwrap()
                .is_some()
        );
    }

    #[test]
    fn a_slow_holder_finds_out_and_does_not_take_the_new_holders_lease_away() {
        let directory = tempfile::tempdir().unwrap();
        let machine = TestMachine::in_directory(directory.path());
        let mut observer = Observer::default();
        let slow = Lease::try_take(&machine, "jwks", &mut observer).unwrap().unwrap();
        Lease::try_take(&machine, "jwks", &mut observer).unwrap();
        machine.wait(PATIENCE);
        Lease::try_take(&machine, "jwks", &mut observer).unwrap();
        let new = Lease::try_take(&machine, "jwks", &mut observer).unwrap().unwrap();
        assert!(!slow.is_mine());
        drop(slow);
        assert!(new.is_mine());
    }

    #[test]
    fn what_is_no_lease_is_put_out_of_the_way() {
        type Plant = fn(&std::path::Path) -> std::io::Result<()>;
        let plants: [Plant; 3] = [
            |path| std::fs::write(path, "a file"),
            |path| std::fs::create_dir(path),
            |path| std::fs::create_dir_all(path.join("full")),
        ];
        for plant in plants {
            let directory = tempfile::tempdir().unwrap();
            for name in ["jwks.lock", "jwks.beat", "jwks.break"] {
                plant(&directory.path().join(name)).unwrap();
            }
            let machine = TestMachine::in_directory(directory.path());
            let mut observer = Observer::default();
            let mut looks = 0;
            while Lease::try_take(&machine, "jwks", &mut observer)
                .unwrap()
                .is_none()
            {
                machine.wait(PATIENCE);
                looks += 1;
                assert!(looks < 6);
            }
            assert!(looks > 1, "it was respected for a while");
        }
    }

    #[test]
    fn somebody_killed_while_breaking_does_not_block_it_for_ever() {
        let directory = tempfile::tempdir().unwrap();
        let machine = TestMachine::in_directory(directory.path());
        let mut observer = Observer::default();
        std::mem::forget(Lease::try_take(&machine, "jwks", &mut observer).unwrap().unwrap());
        machine.directory().create("jwks.break", "x").unwrap();
        let mut tries = 0;
        while Lease::try_take(&machine, "jwks", &mut observer)
            .unwrap()
            .is_none()
        {
            machine.wait(SECOND);
            tries += 1;
            assert!(tries < 10);
        }
    }

    #[test]
    fn threads_never_hold_it_together() {
        let directory = tempfile::tempdir().unwrap();
        let (inside, turns) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let native = Native::new(directory.path(), |_| {});
                    let mut observer = Observer::default();
                    while turns.load(Ordering::SeqCst) < 200 {
                        if let Some(_lease) = Lease::try_take(&native, "jwks", &mut observer).unwrap() {
                            assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                            turns.fetch_add(1, Ordering::SeqCst);
                            std::thread::yield_now();
                            inside.fetch_sub(1, Ordering::SeqCst);
                        }
                    }
                });
            }
        });
    }
}
