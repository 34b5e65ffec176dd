//! A secret in the state directory, for all instances that share it.
//!
//! A claim is an entry, `<name>.use-<generation>`, that can be created only once for each stored secret. It needs no
//! lease. If the directory fails, no use begins. An instance that takes over an abandoned use gives the stored secret a
//! new generation. So if the first owner wakes up after all, it cannot mistake the new owner's entry for its own.

use std::rc::Rc;
use std::time::Duration;

use egress::platform::{DirectoryError, Platform, nonce};
use middleware::{Secret, UnixTime};

use super::error::{PlaceError, UseError};
use super::place::{Claim, Place, Replaced};
use super::room::Room;
use super::stored_secret::StoredSecret;
use crate::state::{Seal, StateName, Values};

/// How long to try to write a successor.
const WRITE_FOR: Duration = Duration::from_secs(2);
/// An upper bound on abandoned uses in a row. More are impossible, because each takes its time.
const MOST_ABANDONED: usize = 100;

/// One name in the state directory.
pub(super) struct InDirectory {
    name: StateName,
    seal: Seal,
    platform: Rc<dyn Platform>,
}

impl Place for InDirectory {
    fn check(&self) -> Result<(), PlaceError> {
        let room = Room::new(self.platform.directory(), &self.entry("check"));
        room.take(0)?;
        room.give_all();
        Ok(())
    }

    fn put(&self, secret: &Secret) -> Result<(), PlaceError> {
        Ok(self.exchange(secret)?)
    }

    fn begin(&self, span: Duration) -> Result<Claim, UseError> {
        let stored = self.stored()?.ok_or(UseError::Missing)?;
        if stored.lost {
            return Err(UseError::Lost);
        }
        let (directory, now) = (self.platform.directory(), self.platform.now());
        let mut last = stored.generation.clone();
        let mut abandoned = false;
        for _ in 0..MOST_ABANDONED {
            let Some(content) = directory.read(&self.entry(&last))? else {
                break;
            };
            // An entry that is not a claim keeps nobody away.
            let (owner, until) = parse(&content).unwrap_or_default();
            if let Some(left) = Claim::left(until, now) {
                return Err(UseError::Busy { left });
            }
            if owner.is_empty() {
                directory.remove(&self.entry(&last))?;
                break;
            }
            abandoned = true;
            last = owner;
        }
        let until = now.plus(span);
        let content = format!("{}:{}", nonce(&*self.platform), until.as_millis());
        let mut entry = self.entry(&last);
        self.make(&entry, &content)?;
        // Entries are removed only after their generation has been replaced. So a late instance creates an entry that
        // nobody else looks at, and finds another generation here.
        let current = self.stored()?;
        if current.is_none_or(|current| current.generation != stored.generation) {
            self.withdraw(&entry);
            return Err(UseError::Busy { left: Duration::ZERO });
        }
        if abandoned {
            match self.take_over(&stored, &entry, &content) {
                Ok(taken) => entry = taken,
                Err(error) => {
                    self.withdraw(&entry);
                    return Err(error.into());
                }
            }
        }
        if let Err(error) = self.room().take(stored.secret.expose().len()) {
            self.withdraw(&entry);
            return Err(UseError::NoRoom(error));
        }
        Ok(Claim {
            stored,
            until,
            mark: entry,
        })
    }

    fn replace(&self, claim: &Claim, successor: &Secret) -> Result<Replaced, PlaceError> {
        let platform = &self.platform;
        let give_up = platform.monotonic().saturating_add(WRITE_FOR);
        // The rest of the room is for a second try, in case another program fills this part first.
        self.room().give(successor.expose().len());
        loop {
            // If another secret was put in place meanwhile, it stays.
            let outcome = match self.stored() {
                Ok(Some(stored)) if stored.secret != claim.stored.secret => Ok(Replaced::Unwanted),
                _ => self.exchange(successor).map(|()| Replaced::Done),
            };
            match outcome {
                Ok(outcome) => {
                    self.room().give_all();
                    self.withdraw(&claim.mark);
                    return Ok(outcome);
                }
                Err(error) if give_up <= platform.monotonic() => return Err(error.into()),
                Err(_) => {
                    self.room().give_all();
                    // The spent secret is worthless, but on a full file system its room is needed.
                    self.values().remove(self.name.as_str());
                    platform.yield_now();
                }
            }
        }
    }

    fn give_back(&self, claim: &Claim) {
        // After that time the entry may be part of another instance's claim.
        match self.platform.now() < claim.until {
            true => {
                self.room().give_all();
                self.withdraw(&claim.mark);
            }
            false => self.platform.forget(&claim.mark),
        }
    }

    fn lose(&self, claim: &Claim) -> Result<bool, PlaceError> {
        self.room().give_all();
        let stored = self.stored()?;
        let Some(stored) = stored.filter(|stored| stored.secret == claim.stored.secret) else {
            self.withdraw(&claim.mark);
            return Ok(false);
        };
        self.publish(&StoredSecret { lost: true, ..stored })?;
        self.withdraw(&claim.mark);
        Ok(true)
    }
}

impl InDirectory {
    /// The secret `name`, protected by `seal`.
    pub(super) fn new(name: StateName, seal: Seal, platform: Rc<dyn Platform>) -> Self {
        Self { name, seal, platform }
    }

    /// The stored secret.
    pub(super) fn stored(&self) -> Result<Option<StoredSecret>, DirectoryError> {
        let text = self.values().read(self.name.as_str())?;
        let plain = text.and_then(|text| self.seal.open(&text));
        Ok(plain.and_then(|plain| StoredSecret::decode(std::str::from_utf8(&plain).ok()?)))
    }

    /// Stores a secret, and replaces any other.
    pub(super) fn publish(&self, secret: &StoredSecret) -> Result<(), DirectoryError> {
        let text = self.seal.close(secret.encode().as_bytes(), &*self.platform);
        let text = text.map_err(|_| DirectoryError::Other(0))?;
        self.values().publish(self.name.as_str(), &text)?;
        // All instances see the secret now. If this fails, it may not survive a power failure.
        let _ = self.platform.directory().sync();
        Ok(())
    }

    /// Removes the stored secret if it is this one.
    pub(super) fn remove(&self, secret: &StoredSecret) {
        if let Ok(Some(current)) = self.stored()
            && current.generation == secret.generation
        {
            self.values().remove(self.name.as_str());
            self.forget_uses(&secret.generation);
        }
    }

    /// Stores another secret, and removes the claims on the previous one.
    fn exchange(&self, secret: &Secret) -> Result<(), DirectoryError> {
        let old = self.stored().unwrap_or(None);
        let (generation, now) = (nonce(&*self.platform), self.platform.now());
        self.publish(&StoredSecret::new(secret, generation, now, old.as_ref()))?;
        if let Some(old) = old {
            self.forget_uses(&old.generation);
        }
        Ok(())
    }

    /// Removes the claims on a generation that has been replaced.
    fn forget_uses(&self, generation: &str) {
        let directory = self.platform.directory();
        let mut last = generation.to_owned();
        for _ in 0..MOST_ABANDONED {
            let entry = self.entry(&last);
            let Ok(Some(content)) = directory.read(&entry) else {
                return;
            };
            let _ = directory.remove(&entry);
            match parse(&content) {
                Some((owner, _)) => last = owner,
                None => return,
            }
        }
    }

    /// The entry for a claim on the generation `after`, or for one that follows the abandoned claim `after`.
    fn entry(&self, after: &str) -> String {
        format!("{}.use-{after}", self.name.as_str())
    }

    /// The room for a successor.
    fn room(&self) -> Room<'_> {
        Room::new(self.platform.directory(), self.name.as_str())
    }

    fn values(&self) -> Values<'_> {
        Values::new(&*self.platform)
    }

    /// Creates the entry of a claim. Only one instance can.
    fn make(&self, entry: &str, content: &str) -> Result<(), UseError> {
        match self.platform.directory().create(entry, content) {
            Ok(()) => {
                self.platform.own(entry, content);
                Ok(())
            }
            Err(DirectoryError::Exists) => Err(UseError::Busy { left: Duration::ZERO }),
            Err(error) => Err(error.into()),
        }
    }

    fn withdraw(&self, entry: &str) {
        let _ = self.platform.directory().remove(entry);
        self.platform.forget(entry);
    }

    /// Gives the stored secret a new generation, on which no other instance has a claim. Returns the entry of the claim
    /// on it.
    fn take_over(
        &self,
        stored: &StoredSecret,
        claimed: &str,
        content: &str,
    ) -> Result<String, DirectoryError> {
        let generation = nonce(&*self.platform);
        let entry = self.entry(&generation);
        self.platform.directory().create(&entry, content)?;
        self.platform.own(&entry, content);
        let renewed = StoredSecret {
            generation,
            ..stored.clone()
        };
        if let Err(error) = self.publish(&renewed) {
            self.withdraw(&entry);
            return Err(error);
        }
        self.platform.forget(claimed);
        self.forget_uses(&stored.generation);
        Ok(entry)
    }
}

/// Parses the content of an entry: the owner of the claim, and until when it lasts.
fn parse(content: &str) -> Option<(String, UnixTime)> {
    let (owner, until) = content.split_once(':')?;
    let sane = owner.len() == 12
        && owner
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    let until = UnixTime::from_millis(until.parse().ok()?);
    sane.then(|| (owner.to_owned(), until))
}

#[cfg(test)]
mod tests;
