//! A secret in the store, for all machines that share it.
//!
//! One value holds the secret and its claim. Each change is a compare-and-set: it succeeds only if the value is the
//! same as when it was read. So one machine wins. If its answer gets lost, it finds its own mark in the value.
//!
//! A successor is written to the state directory first, because the store may fail at that moment, and is removed from
//! there once the store has it. If the state directory has a later secret than the store, it is such a successor, or a
//! secret from before there was a store. The next claim moves it to the store.

use std::rc::Rc;
use std::time::Duration;

use egress::platform::{Platform, nonce};
use middleware::{Secret, UnixTime};

use super::error::{PlaceError, UseError};
use super::in_directory::InDirectory;
use super::place::{Claim, Place, Replaced};
use super::stored_secret::StoredSecret;
use crate::state::{Seal, StateName};
use crate::store::{Change, Content, Store, StoreError, StoreKey};

/// How long to try to store a successor. Longer than a server takes to restart, or a replica to take over.
const WRITE_FOR: Duration = Duration::from_secs(10);
const TRY_EVERY: Duration = Duration::from_millis(100);
/// How long the store keeps a secret that nobody uses.
const KEEP: Duration = Duration::from_secs(400 * 24 * 3600);

/// One key of the store.
pub(super) struct InStore {
    key: StoreKey,
    store: Rc<Store>,
    /// Successors that the store does not have yet.
    local: InDirectory,
    platform: Rc<dyn Platform>,
    patience: Duration,
}

/// The value in the store.
#[derive(Clone)]
struct Entry {
    stored: StoredSecret,
    /// The owner of the claim, and until when it lasts.
    claim: Option<(String, UnixTime)>,
}

impl Entry {
    fn encode(&self) -> String {
        let (owner, until) = self
            .claim
            .as_ref()
            .map_or(("", 0), |(owner, until)| (owner, until.as_millis()));
        format!("{owner}:{until}:{}", self.stored.encode())
    }

    fn decode(plain: &[u8]) -> Option<Self> {
        let (owner, rest) = std::str::from_utf8(plain).ok()?.split_once(':')?;
        let (until, stored) = rest.split_once(':')?;
        let until = UnixTime::from_millis(until.parse().ok()?);
        Some(Self {
            stored: StoredSecret::decode(stored)?,
            claim: (!owner.is_empty()).then(|| (owner.to_owned(), until)),
        })
    }

    /// Whether `claim` is the current claim.
    fn is_claimed_by(&self, claim: &Claim) -> bool {
        matches!(&self.claim, Some((owner, _)) if *owner == claim.mark)
    }

    /// Whether the secret is still the one that `claim` is for.
    fn has_secret_of(&self, claim: &Claim) -> bool {
        self.stored.secret == claim.stored.secret
    }

    const fn unclaimed(stored: StoredSecret) -> Self {
        Self { stored, claim: None }
    }
}

impl Place for InStore {
    fn check(&self) -> Result<(), PlaceError> {
        Ok(self.store.session(self.patience, &|| {}, &mut |session| {
            session.get(&[&self.key]).map(drop)
        })?)
    }

    fn put(&self, secret: &Secret) -> Result<(), PlaceError> {
        let local = self.local.stored().unwrap_or(None);
        self.store.session(self.patience, &|| {}, &mut |session| {
            let there = match session.get(&[&self.key])?.pop() {
                Some(Content::Ours(kept)) => Entry::decode(kept.plain()).map(|entry| entry.stored),
                // The new secret replaces anything else that is there.
                _ => None,
            };
            let previous = later(local.clone(), there);
            let entry = Entry::unclaimed(self.successor(secret, previous.as_ref()));
            session
                .apply(&[Change::Put(&self.key, entry.encode().as_bytes(), KEEP)])
                .map(drop)
        })?;
        if let Some(local) = local {
            self.local.remove(&local);
        }
        Ok(())
    }

    fn begin(&self, span: Duration) -> Result<Claim, UseError> {
        let local = self.local.stored()?;
        let (owner, now) = (nonce(&*self.platform), self.platform.now());
        let until = now.plus(span);
        let stored = self.change(|there| {
            let known = there.map(|entry| entry.stored.clone());
            let is_there = known.as_ref().map(|stored| stored.generation.clone());
            let stored = match later(local.clone(), known) {
                None => return (None, Err(UseError::Missing)),
                Some(StoredSecret { lost: true, .. }) => return (None, Err(UseError::Lost)),
                Some(stored) => stored,
            };
            // A claim on a secret that has a successor has no effect.
            if is_there.as_ref() == Some(&stored.generation)
                && let Some((other, until)) = there.and_then(|entry| entry.claim.as_ref())
                && *other != owner
                && let Some(left) = Claim::left(*until, now)
            {
                return (None, Err(UseError::Busy { left }));
            }
            let claim = Some((owner.clone(), until));
            let entry = Entry {
                stored: stored.clone(),
                claim,
            };
            (Some(entry), Ok(stored))
        })??;
        if let Some(local) = local {
            self.local.remove(&local);
        }
        Ok(Claim {
            stored,
            until,
            mark: owner,
        })
    }

    fn replace(&self, claim: &Claim, successor: &Secret) -> Result<Replaced, PlaceError> {
        let successor = self.successor(successor, Some(&claim.stored));
        let is_safe = self.local.publish(&successor).is_ok();
        let give_up = self.platform.monotonic().saturating_add(WRITE_FOR);
        loop {
            let outcome = self.change(|there| match there {
                // An earlier attempt stored it, and its answer got lost.
                Some(entry) if entry.stored.generation == successor.generation => (None, Replaced::Done),
                Some(entry) if !entry.has_secret_of(claim) => (None, Replaced::Unwanted),
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
        // If the store fails, the claim ends by itself.
        let _ = self.change(|there| match there {
            Some(entry) if entry.is_claimed_by(claim) => (Some(Entry::unclaimed(entry.stored.clone())), ()),
            _ => (None, ()),
        });
    }

    fn lose(&self, claim: &Claim) -> Result<bool, PlaceError> {
        self.change(|there| match there {
            Some(entry) if entry.has_secret_of(claim) => {
                let stored = StoredSecret {
                    lost: true,
                    ..entry.stored.clone()
                };
                (Some(Entry::unclaimed(stored)), true)
            }
            _ => (None, false),
        })
    }
}

impl InStore {
    /// The secret `name` in `store`, see [`SingleUse::in_store`](super::SingleUse::in_store).
    pub(super) fn new(
        name: StateName,
        seal: Seal,
        platform: Rc<dyn Platform>,
        store: Rc<Store>,
        patience: Duration,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            key: store.key(&name, &seal, "")?,
            store,
            local: InDirectory::new(name, seal, Rc::clone(&platform)),
            platform,
            patience,
        })
    }

    /// What to store of `secret`, which follows `previous`.
    fn successor(&self, secret: &Secret, previous: Option<&StoredSecret>) -> StoredSecret {
        StoredSecret::new(secret, nonce(&*self.platform), self.platform.now(), previous)
    }

    /// Replaces the value by what `decide` makes of it, and returns the outcome. If another machine was faster,
    /// `decide` is called again with the new value.
    fn change<T>(
        &self,
        mut decide: impl FnMut(Option<&Entry>) -> (Option<Entry>, T),
    ) -> Result<T, PlaceError> {
        let mut outcome = None;
        self.exchange(&mut |there| {
            let (change, decided) = decide(there);
            outcome = Some(decided);
            change
        })?;
        outcome.ok_or(PlaceError::Foreign)
    }

    /// Replaces the value by what `decide` makes of it, if that is another one.
    fn exchange(&self, decide: &mut dyn FnMut(Option<&Entry>) -> Option<Entry>) -> Result<(), PlaceError> {
        let mut is_foreign = false;
        self.store.session(self.patience, &|| {}, &mut |session| {
            loop {
                let (found, entry) = match session.get(&[&self.key])?.pop() {
                    Some(Content::Nothing) => (None, None),
                    Some(Content::Ours(kept)) => match Entry::decode(kept.plain()) {
                        Some(entry) => (Some(kept), Some(entry)),
                        None => {
                            is_foreign = true;
                            return Ok(());
                        }
                    },
                    Some(Content::Foreign) | None => {
                        is_foreign = true;
                        return Ok(());
                    }
                };
                is_foreign = false;
                let Some(change) = decide(entry.as_ref()) else {
                    return Ok(());
                };
                let change = change.encode();
                let change = Change::Replace(&self.key, found.as_ref(), change.as_bytes(), KEEP);
                if session.apply(&[change])? == [true] {
                    return Ok(());
                }
            }
        })?;
        if is_foreign {
            self.store.complain_of_foreign("grant", &self.key);
            return Err(PlaceError::Foreign);
        }
        Ok(())
    }
}

/// Returns the later of two secrets. Of two with the same time it is the second one, which may have been marked since.
fn later(first: Option<StoredSecret>, second: Option<StoredSecret>) -> Option<StoredSecret> {
    match (first, second) {
        (Some(first), Some(second)) if second.since < first.since => Some(first),
        (first, None) => first,
        (_, second) => second,
    }
}
