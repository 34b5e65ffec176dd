//! The other machines: before a fetch the store is asked whether one of them has done it, or is at it; after a fetch they
//! are told.
//!
//! 1. A value in the store that is newer than what is held is taken over.
//! 2. Otherwise the lease in the store decides who fetches. The others wait for the value, or its failure, as long as the
//!    lease may last; then they fetch all the same.
//! 3. Whatever goes wrong with the store, the fetch is made without it.

use std::rc::Rc;
use std::time::Duration;

use middleware::UnixTime;

use super::envelope::{Envelope, Generation};
use super::failure::Failure;
use super::{CLOCK_DIFFERENCE, Resource, Shared};
use crate::shared::Lifetime;
use crate::store::StoreError;
use crate::store::{BUDGET, Change, Content, RemoteLease, Slot, Store};

/// How often those who wait look into the store.
const LOOK: Duration = Duration::from_millis(50);

/// Where a resource is in the store.
pub(super) struct Remote {
    store: Rc<Store>,
    value: Slot,
    failure: Slot,
}

/// What asking the others came to.
pub(super) enum Asked<V> {
    /// There is no store, or it fails.
    NoStore,
    /// Nobody fetches any more, as it seems.
    Nobody,
    /// Nobody else fetches as long as we hold this.
    Ours(RemoteLease),
    /// Another fetched it.
    Found(Envelope, V),
    /// Another tried in vain a moment ago.
    Failed(Failure),
    /// Another is at it.
    UnderWay,
}

impl Remote {
    pub(super) fn of(resource: &impl Resource, store: Rc<Store>) -> Result<Self, StoreError> {
        let slot = |role| store.slot(resource.name(), resource.seal(), role);
        let (value, failure) = (slot("")?, slot(".fail")?);
        Ok(Self {
            store,
            value,
            failure,
        })
    }
}

/// How long the lease must last for a fetch that takes `timeout`, and for telling.
fn lease_time(timeout: Duration) -> Duration {
    timeout.saturating_add(BUDGET.saturating_mul(2))
}

impl<R: Resource> Shared<R> {
    /// How much longer than without a store a fetch may take.
    pub(super) fn wait_for_others(&self) -> Duration {
        match self.remote {
            Some(_) => lease_time(self.client.timeout()).saturating_add(BUDGET),
            None => Duration::ZERO,
        }
    }

    /// Asks, with the lease of the state directory in hand.
    pub(super) fn ask_others(&self, timeout: Duration, may_wait: bool, pulse: &dyn Fn()) -> Asked<R::Value> {
        let Some(remote) = &self.remote else {
            return Asked::NoStore;
        };
        let slots = [&remote.value, &remote.failure];
        let lease = remote.store.lease(&remote.value, lease_time(timeout));
        let give_up = self
            .platform
            .monotonic()
            .saturating_add(lease.ttl())
            .saturating_add(BUDGET / 2);
        let mut foreign = None;
        let mut is_ours = false;
        let mut rounds = 0_u32;
        let asked = remote.store.session(timeout, pulse, |session| {
            let mut found = session.get(&slots)?;
            loop {
                foreign = foreign.or(found.iter().position(|content| *content == Content::Foreign));
                let known = self.known(&found);
                if known.is_some() && is_ours {
                    // Whoever had the lease told us just before giving it back.
                    session.apply(&[Change::GiveBack(&lease)])?;
                    is_ours = false;
                }
                if let Some(known) = known {
                    return Ok(known);
                }
                if is_ours || self.platform.monotonic() >= give_up {
                    return Ok(Asked::Nobody);
                }
                (is_ours, found) = session.take(&lease, &slots)?;
                if !is_ours && self.known(&found).is_none() {
                    if !may_wait {
                        return Ok(Asked::UnderWay);
                    }
                    rounds += 1;
                    if rounds.is_multiple_of(10) {
                        pulse();
                    }
                    self.platform
                        .wait_until(self.platform.monotonic().saturating_add(LOOK));
                    session.more_time();
                }
            }
        });
        if let Some(slot) = foreign.and_then(|index| slots.get(index)) {
            remote.store.complain_of_foreign(self.resource.kind(), slot);
        }
        match asked {
            Ok(Asked::Nobody) if is_ours => Asked::Ours(lease),
            Ok(asked) => asked,
            // The store says so itself.
            Err(_) => Asked::NoStore,
        }
    }

    /// Tells what came of the fetch that followed, if anything, and gives the lease back.
    pub(super) fn tell_others(
        &self,
        asked: &Asked<R::Value>,
        news: Option<Result<&Envelope, &Failure>>,
        pulse: &dyn Fn(),
    ) {
        let (Some(remote), Asked::Nobody | Asked::Ours(_)) = (&self.remote, asked) else {
            return;
        };
        let now = self.platform.now();
        let plain;
        let mut changes = match news {
            Some(Ok(envelope)) => {
                plain = envelope.encode();
                let left = envelope.lifetime.usable_until.since(now);
                vec![
                    Change::Put(&remote.value, &plain, left),
                    Change::Remove(&remote.failure),
                ]
            }
            Some(Err(failure)) => {
                plain = failure.since(now).encode().into_bytes();
                let mut changes = vec![Change::Put(&remote.failure, &plain, failure.until().since(now))];
                if failure.is_denial() {
                    changes.push(Change::Remove(&remote.value));
                }
                changes
            }
            None => Vec::new(),
        };
        if let Asked::Ours(lease) = asked {
            changes.push(Change::GiveBack(lease));
        }
        if changes.is_empty() {
            return;
        }
        let _ = remote
            .store
            .session(BUDGET, pulse, |session| session.apply(&changes));
    }

    /// Takes a discarded value out of the store, unless another has taken its place.
    pub(super) fn withdraw(&self, generation: Generation) {
        let Some(remote) = &self.remote else {
            return;
        };
        let _ = remote.store.session(BUDGET, &|| {}, |session| {
            match session.get(&[&remote.value])?.first() {
                Some(Content::Ours(kept))
                    if Envelope::decode(kept.plain()).is_some_and(|it| it.generation == generation) =>
                {
                    session
                        .apply(&[Change::RemoveFound(&remote.value, kept)])
                        .map(drop)
                }
                _ => Ok(()),
            }
        });
    }

    /// Takes whatever is there out of the store.
    pub(super) fn clear(&self) {
        let Some(remote) = &self.remote else {
            return;
        };
        let changes = [Change::Remove(&remote.value), Change::Remove(&remote.failure)];
        let _ = remote
            .store
            .session(BUDGET, &|| {}, |session| session.apply(&changes));
    }

    /// What value and failure in the store tell, if that is something new.
    fn known(&self, found: &[Content]) -> Option<Asked<R::Value>> {
        let [value, failure] = found else {
            return None;
        };
        let now = self.platform.now();
        if let Content::Ours(kept) = value
            && let Some(envelope) = Envelope::decode(kept.plain())
            && self.is_wanted(&envelope, now)
            && let Some(value) = self.resource.decode(&envelope.payload)
        {
            return Some(Asked::Found(envelope, value));
        }
        if let Content::Ours(kept) = failure
            && let Some(failure) = std::str::from_utf8(kept.plain())
                .ok()
                .and_then(Failure::decode)
                .map(|failure| failure.beginning(now))
            && failure.holds_at(now)
            && failure.concerns(self.resource.proof())
        {
            return Some(Asked::Failed(failure));
        }
        None
    }

    /// Whether another machine's value is better than what is held. One that was discarded here never is.
    fn is_wanted(&self, envelope: &Envelope, now: UnixTime) -> bool {
        let Envelope {
            generation,
            fetched_at,
            lifetime: Lifetime {
                refresh_at,
                usable_until,
            },
            ..
        } = *envelope;
        let discarded = [self.last_discard(), self.own.discard];
        if usable_until <= now
            || discarded
                .iter()
                .flatten()
                .any(|(_, discarded)| *discarded == generation)
        {
            return false;
        }
        match &self.held {
            Some(held) if held.generation == generation => false,
            Some(held) if now < held.lifetime.usable_until => {
                now < refresh_at && held.fetched_at <= fetched_at && fetched_at <= now.plus(CLOCK_DIFFERENCE)
            }
            _ => true,
        }
    }
}
