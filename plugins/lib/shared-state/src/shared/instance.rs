//! One instance's view of a shared resource, without the type of the value.

use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use egress::platform::{DirectoryError, Platform};
use egress::{HttpClient, Url};
use middleware::{Event, UnixTime};

use super::any_resource::{AnyResource, AnyValue};
use super::attempt::Attempt;
use super::cached::Cached;
use super::envelope::{Envelope, Generation};
use super::failure::{Cause, Failure};
use super::failure_record::FailureRecord;
use super::remote::Remote;
use crate::clock::CLOCK_DIFFERENCE;
use crate::state::{Observer, Values};
use crate::store::{Store, StoreError};

/// One instance's view of a shared resource.
pub(super) struct Instance<R: ?Sized = dyn AnyResource> {
    /// When the cached value can be used and nothing else is to be done. Each [`Instance::get`] finds it out anew.
    pub(super) fresh: Range<UnixTime>,
    pub(super) platform: Rc<dyn Platform>,
    pub(super) client: Rc<HttpClient>,
    pub(super) remote: Option<Remote>,
    /// Describes the value that the resource holds.
    pub(super) cached: Option<Cached>,
    /// The state directory's entry when it was last read whole. If it is unchanged, it need not be read again.
    pub(super) last_entry: Option<String>,
    pub(super) observer: Observer,
    /// The last look at the state directory while a value was cached.
    pub(super) last_look: Option<UnixTime>,
    refusals: RefusalLog,
    /// The last failure of the state directory that was logged. Each is logged once.
    pub(super) trouble: Option<DirectoryError>,
    pub(super) own: Own,
    pub(super) resource: R,
}

/// A time that never comes.
pub(super) const NEVER: Range<UnixTime> = UnixTime::MAX..UnixTime::EPOCH;

/// Records that only this instance has, because the state directory did not take them.
#[derive(Default)]
pub(super) struct Own {
    pub(super) failure: Option<FailureRecord>,
    pub(super) discard: Option<(UnixTime, Generation)>,
    /// This instance's last attempt, even if the state directory took the record.
    pub(super) attempt: Option<Attempt>,
}

/// How often one instance looks for a newer value while its own is fresh. A look is one host call.
pub(super) const LOOK_WHILE_FRESH: Duration = Duration::from_millis(50);

impl<R> Instance<R> {
    /// A view without a value.
    pub(super) fn new(resource: R, platform: Rc<dyn Platform>, client: Rc<HttpClient>) -> Self {
        Self {
            fresh: NEVER,
            platform,
            client,
            remote: None,
            cached: None,
            last_entry: None,
            observer: Observer::default(),
            last_look: None,
            refusals: RefusalLog::default(),
            trouble: None,
            own: Own::default(),
            resource,
        }
    }
}

impl Instance {
    /// Also shares the resource with other machines, through `store`.
    pub(super) fn share_in(&mut self, store: Rc<Store>) -> Result<(), StoreError> {
        self.remote = Some(Remote::new(&self.resource, store)?);
        Ok(())
    }

    /// Makes the resource hold the value to use at `now`.
    pub(super) fn get(&mut self, now: UnixTime) -> Result<(), Failure> {
        let outcome = self.provide(now);
        self.fresh = self.freshness();
        outcome.inspect_err(|failure| {
            self.refusals.log(
                *failure,
                &*self.platform,
                self.resource.kind(),
                self.resource.url(),
            );
        })
    }

    fn provide(&mut self, now: UnixTime) -> Result<(), Failure> {
        let is_usable = match &self.cached {
            Some(cached) if !cached.is_due(now) => {
                self.look_for_a_newer_value(now);
                self.is_usable_at(now)
            }
            Some(cached) if now < cached.lifetime.usable_until => {
                self.refresh(now);
                // The refresh may have taken a while, so this checks the present time.
                self.is_usable()
            }
            _ => false,
        };
        match is_usable {
            true => Ok(()),
            false => self.obtain(),
        }
    }

    /// When [`Instance::provide`] would only find that the cached value is usable.
    fn freshness(&self) -> Range<UnixTime> {
        let Some(cached) = &self.cached else {
            return NEVER;
        };
        let from = cached.fetched_at.minus(CLOCK_DIFFERENCE);
        let until = cached.lifetime.refresh_at.min(cached.lifetime.usable_until);
        match (&self.trouble, self.last_look) {
            (Some(_), _) => from..until,
            (None, Some(look)) => from.max(look)..until.min(look.plus(LOOK_WHILE_FRESH)),
            (None, None) => NEVER,
        }
    }

    /// Fetches the value ahead of need, unless that has failed a moment ago.
    pub(super) fn prefetch(&mut self) {
        self.adopt();
        let now = self.platform.now();
        if !self.is_usable() && !self.last_failure().is_some_and(|failure| failure.is_recent(now)) {
            // The fetch itself logs and records a failure.
            let _ = self.obtain();
        }
    }

    /// Whether the cached value is usable now.
    pub(super) fn is_usable(&self) -> bool {
        self.is_usable_at(self.platform.now())
    }

    fn is_usable_at(&self, now: UnixTime) -> bool {
        self.cached
            .as_ref()
            .is_some_and(|cached| now < cached.lifetime.usable_until)
    }

    /// Caches the decoded `value` of `envelope`.
    pub(super) fn cache(&mut self, envelope: &Envelope, value: AnyValue) {
        let is_held = self.resource.hold(Some(value));
        self.cached = is_held.then(|| Cached::new(envelope));
    }

    /// Drops the cached value. Returns its description.
    pub(super) fn drop_cached(&mut self) -> Option<Cached> {
        self.resource.hold(None);
        self.cached.take()
    }

    /// Rule 1: the cached value is fresh. After trouble with the directory it may be newer than the directory's value.
    fn look_for_a_newer_value(&mut self, now: UnixTime) {
        if self.trouble.is_none() && self.may_look(now, LOOK_WHILE_FRESH) {
            self.adopt();
            if self.resource.name().owner().is_some() {
                self.drop_denied();
            }
        }
    }

    /// Whether the last look at the state directory was at least `pause` ago. Counts as a look.
    pub(super) fn may_look(&mut self, now: UnixTime, pause: Duration) -> bool {
        // If the last look is in the future, the clock was set back.
        let may = self
            .last_look
            .is_none_or(|last| now < last || now.since(last) >= pause);
        if may {
            self.last_look = Some(now);
        }
        may
    }

    pub(super) fn values(&self) -> Values<'_> {
        Values::new(&*self.platform)
    }

    /// Logs a failure of the state directory, unless it was logged already.
    pub(super) fn complain(&mut self, error: DirectoryError) {
        if self.trouble != Some(error) {
            self.trouble = Some(error);
            self.platform.log(
                &Event::warn("state.failed")
                    .field("kind", self.resource.kind())
                    .field("error", error)
                    .field("cure", DirectoryError::CURE),
            );
        }
    }
}

/// Logs refused requests: at most one in ten seconds for each instance.
#[derive(Default)]
struct RefusalLog {
    /// The monotonic time of the last one that was logged.
    last: Option<Duration>,
    /// How many were not logged since.
    unlogged: u64,
}

impl RefusalLog {
    /// Logs that a request was refused because of `failure`. Does not log failures that callers cause: they could fill
    /// the log.
    fn log(&mut self, failure: Failure, platform: &dyn Platform, kind: &str, url: &Url) {
        const EVERY: Duration = Duration::from_secs(10);
        if matches!(failure.cause(), Cause::Denied | Cause::Limited) {
            return;
        }
        let now = platform.monotonic();
        if self.last.is_some_and(|last| now.saturating_sub(last) < EVERY) {
            self.unlogged = self.unlogged.saturating_add(1);
            return;
        }
        platform.log(
            &Event::error("request.refused")
                .field("reason", failure.reason().code())
                .field("kind", kind)
                .field("url", url)
                .field("unlogged_before", self.unlogged),
        );
        *self = Self {
            last: Some(now),
            unlogged: 0,
        };
    }
}
