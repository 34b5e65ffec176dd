//! Coordinates with other machines through the store. Before a fetch, this asks the store whether another machine has
//! fetched the value, or is fetching it. After a fetch, it tells the others.
//!
//! 1. A value in the store that is newer than the cached one is taken over.
//! 2. Otherwise the lease in the store decides which machine fetches. The others wait for the value, or for the
//!    failure, for as long as the lease may last. Then they fetch nevertheless.
//! 3. If anything goes wrong with the store, the fetch is made without it.

use std::time::Duration;

use middleware::UnixTime;

use super::any_resource::AnyValue;
use super::envelope::{Envelope, Generation};
use super::failure_record::FailureRecord;
use super::instance::Instance;
use super::resource::Lifetime;
use crate::clock::CLOCK_DIFFERENCE;
use crate::store::{Change, Content, RemoteLease, TIME_LIMIT};

/// The pause between two looks into the store.
const LOOK: Duration = Duration::from_millis(50);

/// What the store says about other machines.
pub(super) enum Asked {
    /// There is no store, or it failed.
    NoStore,
    /// No machine seems to be fetching any more.
    Nobody,
    /// This machine holds the lease.
    Ours(RemoteLease),
    /// Another machine fetched the value.
    Found(Envelope, AnyValue),
    /// Another machine's fetch failed a moment ago.
    Failed(FailureRecord),
    /// Another machine is fetching.
    UnderWay,
}

/// How long the lease must last: for a fetch that takes `timeout`, and for telling the others.
fn lease_time(timeout: Duration) -> Duration {
    timeout.saturating_add(TIME_LIMIT.saturating_mul(2))
}

impl Instance {
    /// How much longer a fetch may take with a store than without.
    pub(super) fn wait_for_others(&self) -> Duration {
        match self.remote {
            Some(_) => lease_time(self.client.timeout()).saturating_add(TIME_LIMIT),
            None => Duration::ZERO,
        }
    }

    /// Asks the store. The caller holds the lease of the state directory.
    pub(super) fn ask_others(&self, timeout: Duration, may_wait: bool, pulse: &dyn Fn()) -> Asked {
        let Some(remote) = &self.remote else {
            return Asked::NoStore;
        };
        let keys = [&remote.value, &remote.failure];
        let lease = remote.store.lease(&remote.value, lease_time(timeout));
        let give_up = self
            .platform
            .monotonic()
            .saturating_add(lease.ttl())
            .saturating_add(TIME_LIMIT / 2);
        let mut foreign = None;
        let mut is_ours = false;
        let mut rounds = 0_u32;
        let mut asked = Asked::NoStore;
        let visited = remote.store.session(timeout, pulse, &mut |session| {
            let mut found = session.get(&keys)?;
            asked = loop {
                foreign = foreign.or(found.iter().position(|content| *content == Content::Foreign));
                let known = self.known(&found);
                if known.is_some() && is_ours {
                    // The previous holder told the others just before it gave the lease back.
                    session.apply(&[Change::GiveBack(&lease)])?;
                    is_ours = false;
                }
                if let Some(known) = known {
                    break known;
                }
                if is_ours || self.platform.monotonic() >= give_up {
                    break Asked::Nobody;
                }
                (is_ours, found) = session.take(&lease, &keys)?;
                if !is_ours && self.known(&found).is_none() {
                    if !may_wait {
                        break Asked::UnderWay;
                    }
                    rounds += 1;
                    if rounds.is_multiple_of(10) {
                        pulse();
                    }
                    self.platform
                        .wait_until(self.platform.monotonic().saturating_add(LOOK));
                    session.more_time();
                }
            };
            Ok(())
        });
        if let Some(key) = foreign.and_then(|index| keys.get(index)) {
            remote.store.complain_of_foreign(self.resource.kind(), key);
        }
        match (visited, asked) {
            (Ok(()), Asked::Nobody) if is_ours => Asked::Ours(lease),
            (Ok(()), asked) => asked,
            // The store has logged the error.
            (Err(_), _) => Asked::NoStore,
        }
    }

    /// Tells the others how the fetch ended, if it was made, and gives the lease back.
    pub(super) fn tell_others(
        &self,
        asked: &Asked,
        news: Option<Result<&Envelope, &FailureRecord>>,
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
        let _ = remote.store.session(TIME_LIMIT, pulse, &mut |session| {
            session.apply(&changes).map(drop)
        });
    }

    /// Removes a discarded value from the store, unless another value has replaced it.
    pub(super) fn withdraw(&self, generation: Generation) {
        let Some(remote) = &self.remote else {
            return;
        };
        let _ = remote
            .store
            .session(
                TIME_LIMIT,
                &|| {},
                &mut |session| match session.get(&[&remote.value])?.first() {
                    Some(Content::Ours(kept))
                        if Envelope::decode(kept.plain()).is_some_and(|it| it.generation == generation) =>
                    {
                        session
                            .apply(&[Change::RemoveFound(&remote.value, kept)])
                            .map(drop)
                    }
                    _ => Ok(()),
                },
            );
    }

    /// Removes everything of this resource from the store.
    pub(super) fn clear(&self) {
        let Some(remote) = &self.remote else {
            return;
        };
        let changes = [Change::Remove(&remote.value), Change::Remove(&remote.failure)];
        let _ = remote.store.session(TIME_LIMIT, &|| {}, &mut |session| {
            session.apply(&changes).map(drop)
        });
    }

    /// Returns the value or the failure in the store, if it is new to this instance and still applies.
    fn known(&self, found: &[Content]) -> Option<Asked> {
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
                .and_then(FailureRecord::decode)
                .map(|failure| failure.beginning(now))
            && failure.holds_at(now)
            && failure.concerns(self.resource.proof())
        {
            return Some(Asked::Failed(failure));
        }
        None
    }

    /// Whether another machine's value is better than the cached one. A value that was discarded here never is.
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
        if usable_until <= now || self.is_discarded(generation) {
            return false;
        }
        match &self.cached {
            Some(cached) if cached.generation == generation => false,
            Some(cached) if now < cached.lifetime.usable_until => {
                now < refresh_at
                    && cached.fetched_at <= fetched_at
                    && fetched_at <= now.plus(CLOCK_DIFFERENCE)
            }
            _ => true,
        }
    }
}
