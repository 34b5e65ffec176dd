//! One instance's view of a shared resource.

use std::rc::Rc;
use std::time::Duration;

use egress::platform::{DirectoryError, Platform};
use egress::{HttpClient, Url};
use middleware::{Event, UnixTime};

use super::attempt::Attempt;
use super::cached::Cached;
use super::envelope::Generation;
use super::failure::{Cause, Failure};
use super::failure_record::FailureRecord;
use super::remote::Remote;
use super::resource::Resource;
use crate::state::{Observer, Values};
use crate::store::{Store, StoreError};

/// One instance's view of a shared resource.
pub struct Shared<R: Resource> {
    pub(super) resource: R,
    pub(super) platform: Rc<dyn Platform>,
    pub(super) client: Rc<HttpClient>,
    pub(super) remote: Option<Remote>,
    pub(super) cached: Option<Cached<R::Value>>,
    /// The state directory's entry when it was last read whole. If it is unchanged, it need not be read again.
    pub(super) last_entry: Option<String>,
    pub(super) observer: Observer,
    /// The last look at the state directory while a value was cached.
    pub(super) last_look: Option<UnixTime>,
    refusals: RefusalLog,
    /// The last failure of the state directory that was logged. Each is logged once.
    pub(super) trouble: Option<DirectoryError>,
    pub(super) own: Own,
}

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

impl<R: Resource> Shared<R> {
    /// A view without a value.
    pub fn new(resource: R, platform: Rc<dyn Platform>, client: Rc<HttpClient>) -> Self {
        Self {
            resource,
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
        }
    }

    /// Also shares the resource with other machines, through `store`.
    ///
    /// # Errors
    /// [`StoreError::Seal`].
    pub fn with_store(mut self, store: Rc<Store>) -> Result<Self, StoreError> {
        self.remote = Some(Remote::new(&self.resource, store)?);
        Ok(self)
    }

    /// The shared resource.
    pub const fn resource(&self) -> &R {
        &self.resource
    }

    /// The shared resource, to change what it fetches.
    pub const fn resource_mut(&mut self) -> &mut R {
        &mut self.resource
    }

    /// The cached value, if it can be used at `now` and nothing else is to be done: neither a fetch, nor a look at the
    /// state directory. Makes no host call and changes nothing. If it returns `None`, [`Shared::get`] does what is due.
    ///
    /// `now` must be the present time.
    #[inline]
    pub fn fresh(&self, now: UnixTime) -> Option<&Rc<R::Value>> {
        let cached = self.cached.as_ref()?;
        let is_fresh = !cached.is_due(now) && now < cached.lifetime.usable_until;
        (is_fresh && !self.must_look(now)).then_some(&cached.value)
    }

    /// The value to use at `now`, which must be the present time. It is a parameter because reading the clock is a host
    /// call.
    ///
    /// # Errors
    /// [`Failure`] if there is no usable value and none can be fetched.
    pub fn get(&mut self, now: UnixTime) -> Result<Rc<R::Value>, Failure> {
        if let Some(value) = self.fresh(now) {
            return Ok(Rc::clone(value));
        }
        self.value(now).inspect_err(|failure| {
            self.refusals.log(
                *failure,
                &*self.platform,
                self.resource.kind(),
                self.resource.url(),
            );
        })
    }

    fn value(&mut self, now: UnixTime) -> Result<Rc<R::Value>, Failure> {
        let usable = match &self.cached {
            Some(cached) if !cached.is_due(now) => {
                self.look_for_a_newer_value(now);
                self.usable_at(now)
            }
            Some(cached) if now < cached.lifetime.usable_until => {
                self.refresh(now);
                // The refresh may have taken a while, so this checks the present time.
                self.usable()
            }
            _ => self.usable_at(now),
        };
        usable.map_or_else(|| self.obtain(), Ok)
    }

    /// Fetches the value ahead of need, when a middleware is built. It does not even try shortly after a failure:
    /// Traefik builds one middleware after the other, and an outage must delay its start once, not once for each
    /// middleware.
    pub fn prefetch(&mut self) {
        self.adopt();
        let now = self.platform.now();
        if self.usable().is_none() && !self.last_failure().is_some_and(|failure| failure.is_recent(now)) {
            // The fetch itself logs and records a failure.
            let _ = self.obtain();
        }
    }

    /// When the cached value was fetched.
    pub fn fetched_at(&self) -> Option<UnixTime> {
        self.cached.as_ref().map(|cached| cached.fetched_at)
    }

    /// The cached value, if it is usable now.
    pub(super) fn usable(&self) -> Option<Rc<R::Value>> {
        self.usable_at(self.platform.now())
    }

    fn usable_at(&self, now: UnixTime) -> Option<Rc<R::Value>> {
        self.cached
            .as_ref()
            .filter(|cached| now < cached.lifetime.usable_until)
            .map(|cached| Rc::clone(&cached.value))
    }

    /// Rule 1: the cached value is fresh.
    fn look_for_a_newer_value(&mut self, now: UnixTime) {
        if self.must_look(now) {
            self.last_look = Some(now);
            self.adopt();
            if self.resource.name().owner().is_some() {
                self.drop_denied();
            }
        }
    }

    /// Whether a look at the state directory is due while the cached value is fresh. After trouble with the directory
    /// the cached value may be newer than the directory's.
    fn must_look(&self, now: UnixTime) -> bool {
        self.trouble.is_none() && self.has_not_looked_for(LOOK_WHILE_FRESH, now)
    }

    /// Whether the last look at the state directory was at least `pause` ago. Counts as a look.
    pub(super) fn may_look(&mut self, now: UnixTime, pause: Duration) -> bool {
        let may = self.has_not_looked_for(pause, now);
        if may {
            self.last_look = Some(now);
        }
        may
    }

    fn has_not_looked_for(&self, pause: Duration, now: UnixTime) -> bool {
        // If the last look is in the future, the clock was set back.
        self.last_look
            .is_none_or(|last| now < last || now.since(last) >= pause)
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
