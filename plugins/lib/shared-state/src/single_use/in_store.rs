//! In the store: for all machines that share it.
//!
//! One value holds the secret and who claims it, and every change is made only where the value is still what it was when it
//! was read (compare and set). So one wins, whatever the order; whose answer was lost on the way finds its own mark there.
//!
//! A successor is written into the state directory first, for the store may fail at that very moment, and is removed from
//! there once the store has it. What is found there later than what the store has is such a successor, or the secret of the
//! time before there was a store; the next claim takes it along.

use std::rc::Rc;
use std::time::Duration;

use middleware::{Secret, UnixTime};

use super::in_directory::InDirectory;
use super::record::Record;
use super::{Claim, Place, PlaceError, Replaced, UseError};
use crate::state::{Seal, StateName};
use crate::store::{Change, Content, Slot, Store, StoreError};
use egress::platform::Platform;
use egress::platform::nonce;

/// How long it is tried to have the store take a successor: longer than a server needs to start again, or a replica to take
/// over.
const WRITE_FOR: Duration = Duration::from_secs(10);
const TRY_EVERY: Duration = Duration::from_millis(100);
/// How long a secret that nobody uses stays there.
const KEEP: Duration = Duration::from_secs(400 * 24 * 3600);

/// One slot of the store.
pub(super) struct InStore {
    slot: Slot,
    store: Rc<Store>,
    /// What the store does not have yet.
    local: InDirectory,
    platform: Rc<dyn Platform>,
    patience: Duration,
}

/// What lies in the store.
#[derive(Clone)]
struct Entry {
    record: Record,
    /// Who claims it, and until when.
    claim: Option<(String, UnixTime)>,
}

impl Entry {
    fn encode(&self) -> String {
        let (owner, until) = self
            .claim
            .as_ref()
            .map_or(("", 0), |(owner, until)| (owner, until.as_millis()));
        format!("{owner}:{until}:{}", self.record.encode())
    }

    fn decode(plain: &[u8]) -> Option<Self> {
        let (owner, rest) = std::str::from_utf8(plain).ok()?.split_once(':')?;
        let (until, record) = rest.split_once(':')?;
        let until = UnixTime::from_millis(until.parse().ok()?);
        Some(Self {
            record: Record::decode(record)?,
            claim: (!owner.is_empty()).then(|| (owner.to_owned(), until)),
        })
    }

    const fn unclaimed(record: Record) -> Self {
        Self { record, claim: None }
    }
}

impl Place for InStore {
    fn check(&self) -> Result<(), PlaceError> {
        Ok(self.store.session(self.patience, &|| {}, |session| {
            session.get(&[&self.slot]).map(drop)
        })?)
    }

    fn put(&self, secret: &Secret) -> Result<(), PlaceError> {
        let local = self.local.record().unwrap_or(None);
        self.store.session(self.patience, &|| {}, |session| {
            let there = match session.get(&[&self.slot])?.pop() {
                Some(Content::Ours(kept)) => Entry::decode(kept.plain()).map(|entry| entry.record),
                // Somebody means to replace whatever is there.
                _ => None,
            };
            let previous = later(local.clone(), there);
            let entry = Entry::unclaimed(self.successor(secret, previous.as_ref()));
            session.apply(&[Change::Put(&self.slot, entry.encode().as_bytes(), KEEP)])
        })?;
        if let Some(local) = local {
            self.local.remove(&local);
        }
        Ok(())
    }

    fn begin(&self, span: Duration) -> Result<Claim, UseError> {
        let local = self.local.record()?;
        let (owner, now) = (nonce(&*self.platform), self.platform.now());
        let until = now.plus(span);
        let record = self.change(|there| {
            let known = there.map(|entry| entry.record.clone());
            let is_there = known.as_ref().map(|record| record.generation.clone());
            let record = match later(local.clone(), known) {
                None => return (None, Err(UseError::Missing)),
                Some(Record { lost: true, .. }) => return (None, Err(UseError::Lost)),
                Some(record) => record,
            };
            // Who claims what has a successor gets nothing by it.
            if is_there.as_ref() == Some(&record.generation)
                && let Some((other, until)) = there.and_then(|entry| entry.claim.as_ref())
                && *other != owner
                && let Some(left) = Claim::left(*until, now)
            {
                return (None, Err(UseError::Busy { left }));
            }
            let claim = Some((owner.clone(), until));
            let entry = Entry {
                record: record.clone(),
                claim,
            };
            (Some(entry), Ok(record))
        })??;
        if let Some(local) = local {
            self.local.remove(&local);
        }
        Ok(Claim {
            record,
            until,
            mark: owner,
        })
    }

    fn replace(&self, claim: &Claim, successor: &Secret) -> Result<Replaced, PlaceError> {
        let successor = self.successor(successor, Some(&claim.record));
        let is_safe = self.local.publish(&successor).is_ok();
        let give_up = self.platform.monotonic().saturating_add(WRITE_FOR);
        loop {
            let outcome = self.change(|there| match there {
                // Put there by us, though the answer did not arrive.
                Some(entry) if entry.record.generation == successor.generation => (None, Replaced::Done),
                Some(entry) if !claim.is_of_secret(entry) => (None, Replaced::Unwanted),
                _ => (Some(Entry::unclaimed(successor.clone())), Replaced::Done),
            });
            match outcome {
                Ok(outcome) => {
                    self.local.remove(&successor);
                    return Ok(outcome);
                }
                Err(PlaceError::Store(_)) if self.platform.monotonic() < give_up => {
                    self.platform
                        .wait_until(self.platform.monotonic().saturating_add(TRY_EVERY));
                }
                Err(PlaceError::Store(_)) if is_safe => return Ok(Replaced::ForNow),
                Err(error) => return Err(error),
            }
        }
    }

    fn give_back(&self, claim: &Claim) {
        // Where the store fails the claim ends by itself.
        let _ = self.change(|there| match there {
            Some(entry) if claim.is_of(entry) => (Some(Entry::unclaimed(entry.record.clone())), ()),
            _ => (None, ()),
        });
    }

    fn lose(&self, claim: &Claim) -> Result<bool, PlaceError> {
        self.change(|there| match there {
            Some(entry) if claim.is_of_secret(entry) => {
                let record = Record {
                    lost: true,
                    ..entry.record.clone()
                };
                (Some(Entry::unclaimed(record)), true)
            }
            _ => (None, false),
        })
    }
}

impl Claim {
    fn is_of(&self, entry: &Entry) -> bool {
        matches!(&entry.claim, Some((owner, _)) if *owner == self.mark)
    }

    fn is_of_secret(&self, entry: &Entry) -> bool {
        entry.record.secret == self.record.secret
    }
}

impl InStore {
    pub(super) fn new(
        name: StateName,
        seal: Seal,
        platform: Rc<dyn Platform>,
        store: Rc<Store>,
        patience: Duration,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            slot: store.slot(&name, &seal, "")?,
            store,
            local: InDirectory::new(name, seal, Rc::clone(&platform)),
            platform,
            patience,
        })
    }

    fn successor(&self, secret: &Secret, previous: Option<&Record>) -> Record {
        Record::new(secret, nonce(&*self.platform), self.platform.now(), previous)
    }

    /// Puts what `decide` makes of what is there in its place, and gives what comes of that. Decides anew when somebody else
    /// was faster.
    fn change<T>(
        &self,
        mut decide: impl FnMut(Option<&Entry>) -> (Option<Entry>, T),
    ) -> Result<T, PlaceError> {
        let outcome = self.store.session(self.patience, &|| {}, |session| {
            loop {
                let (found, entry) = match session.get(&[&self.slot])?.pop() {
                    Some(Content::Nothing) => (None, None),
                    Some(Content::Ours(kept)) => match Entry::decode(kept.plain()) {
                        Some(entry) => (Some(kept), Some(entry)),
                        None => return Ok(None),
                    },
                    Some(Content::Foreign) | None => return Ok(None),
                };
                let (change, outcome) = decide(entry.as_ref());
                let Some(change) = change else {
                    return Ok(Some(outcome));
                };
                let change = change.encode();
                let change = Change::Replace(&self.slot, found.as_ref(), change.as_bytes(), KEEP);
                if session.apply(&[change])? == [true] {
                    return Ok(Some(outcome));
                }
            }
        })?;
        outcome.ok_or_else(|| {
            self.store.complain_of_foreign("grant", &self.slot);
            PlaceError::Foreign
        })
    }
}

/// The one that came later; of two that came together the second, which may have been marked since.
fn later(first: Option<Record>, second: Option<Record>) -> Option<Record> {
    match (first, second) {
        (Some(first), Some(second)) if second.since < first.since => Some(first),
        (first, None) => first,
        (_, second) => second,
    }
}
