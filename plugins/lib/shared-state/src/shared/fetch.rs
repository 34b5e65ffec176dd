//! Fetches a value, and records for all instances how that ended.

use std::cell::RefCell;
use std::time::Duration;

use egress::{Url, WireError};
use middleware::{Event, UnixTime};

use super::any_resource::{AnyFetched, AnyValue};
use super::envelope::{Envelope, Generation};
use super::failure::{Cause, Failure};
use super::failure_record::FailureRecord;
use super::fetch_error::FetchError;
use super::instance::Instance;
use super::replicas::Asked;
use crate::state::Lease;

/// Why something is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Occasion {
    /// No usable value is cached, and a request waits.
    Need,
    /// The cached value is due, and still usable.
    Due,
    /// The cached value is fresh but not sufficient. The fetch may take this long, and sends each request once.
    Doubt(Duration),
}

impl Instance {
    /// Fetches the value. With a lease the result is shared; without one it stays in this instance. If another machine
    /// is fetching, this waits for its result, or else returns the cached value.
    pub(super) fn fetch(&mut self, lease: Option<Lease<'_>>, occasion: Occasion) -> Result<(), Failure> {
        trap::point("holding-lease");
        let last_failure = self.last_failure();
        let timeout = self.time_limit(occasion, last_failure.as_ref());
        let lease = RefCell::new(lease);
        let pulse = || {
            if let Some(lease) = lease.borrow_mut().as_mut() {
                lease.pulse();
            }
        };
        let asked = match self.ask_others(timeout, occasion == Occasion::Need, &pulse) {
            Asked::Found(envelope, value) => {
                self.fetched_elsewhere(&envelope, value, last_failure.as_ref());
                return Ok(());
            }
            Asked::Failed(failure) => return Err(self.failed_elsewhere(&failure)),
            Asked::UnderWay => {
                return match self.is_usable() {
                    true => Ok(()),
                    false => Err(Failure::overloaded()),
                };
            }
            asked @ (Asked::Ours(_) | Asked::Nobody | Asked::NoStore) => asked,
        };
        let (started, begun) = (self.platform.now(), self.platform.monotonic());
        let outcome = self.ask_provider(timeout, occasion, started, begun, &pulse);
        let took = self.platform.monotonic().saturating_sub(begun);
        match outcome {
            Ok(fetched) => {
                let envelope = self.succeeded(fetched, started, took, last_failure.as_ref());
                self.tell_others(&asked, Some(Ok(&envelope)), &pulse);
                Ok(())
            }
            // The provider was not asked, so nothing has failed.
            Err(FetchError::Limited { retry_after }) => {
                self.tell_others(&asked, None, &pulse);
                Err(Failure::new(Cause::Limited, retry_after))
            }
            Err(error) => {
                let now = self.platform.now();
                let failure = self.failed(&error, now, took, last_failure.as_ref());
                self.tell_others(&asked, Some(Err(&failure)), &pulse);
                Err(failure.failure(now))
            }
        }
    }

    /// How long the fetch may take.
    fn time_limit(&self, occasion: Occasion, last_failure: Option<&FailureRecord>) -> Duration {
        let timeout = self.client.timeout();
        match (occasion, last_failure) {
            (Occasion::Doubt(time), _) => time.min(timeout),
            (_, Some(failure)) => failure.trial_time(self.cached.as_ref().map(|cached| cached.took), timeout),
            (_, None) => timeout,
        }
    }

    fn ask_provider(
        &self,
        timeout: Duration,
        occasion: Occasion,
        started: UnixTime,
        begun: Duration,
        pulse: &dyn Fn(),
    ) -> Result<AnyFetched, FetchError> {
        let (client, platform) = (&*self.client, &*self.platform);
        self.resource.fetch(
            &mut |request| {
                let url = Url::from_uri(request.uri().clone())
                    .map_err(|error| WireError::Request(format!("its URL {error}")))?;
                let left = timeout.saturating_sub(platform.monotonic().saturating_sub(begun));
                match occasion {
                    Occasion::Doubt(_) => client.send_unrepeated(&url, request, left, pulse),
                    Occasion::Need | Occasion::Due => client.send(&url, request, left, pulse),
                }
            },
            started,
        )
    }

    /// The provider gave a value.
    fn succeeded(
        &mut self,
        fetched: AnyFetched,
        started: UnixTime,
        took: Duration,
        last_failure: Option<&FailureRecord>,
    ) -> Envelope {
        let AnyFetched {
            value,
            payload,
            lifetime,
        } = fetched;
        self.platform.log(
            &self
                .fetch_event(Event::info("fetch.done"), took)
                .field("refresh_at", lifetime.refresh_at)
                .field("usable_until", lifetime.usable_until),
        );
        self.log_recovery(last_failure);
        let mut generation = Generation::default();
        self.platform.fill_random(&mut generation);
        let envelope = Envelope {
            generation,
            fetched_at: started,
            took,
            lifetime,
            payload,
        };
        self.hold(&envelope, value);
        envelope
    }

    /// The fetch failed at `now`.
    fn failed(
        &mut self,
        error: &FetchError,
        now: UnixTime,
        took: Duration,
        last_failure: Option<&FailureRecord>,
    ) -> FailureRecord {
        let owner = self.resource.name().owner();
        let failure = FailureRecord::new(error, now, last_failure, owner).with_proof(self.resource.proof());
        let is_known = |last: &FailureRecord| last.is_grant_lost() && failure.is_grant_lost();
        if last_failure.is_some_and(is_known) {
            // A grant stays lost until the user logs in again, and the first failure was logged.
        } else if failure.is_outage() {
            self.platform.log(
                &self
                    .fetch_event(Event::warn("fetch.failed"), took)
                    .field("error", error)
                    .field("again_in_ms", failure.until().since(now).as_millis()),
            );
            if last_failure.is_none() {
                self.platform
                    .log(&self.fetch_event(Event::warn("breaker.opened"), took));
            }
        } else {
            self.platform.log(
                &self
                    .fetch_event(Event::info("fetch.denied"), took)
                    .field("error", error),
            );
        }
        self.record_failure(&failure);
        if failure.is_denial() {
            // `tell_others` removes the value from the store.
            self.drop_for_all();
        }
        self.publish_status(Some((&failure, error)));
        failure
    }

    /// Another machine fetched a value.
    fn fetched_elsewhere(
        &mut self,
        envelope: &Envelope,
        value: AnyValue,
        last_failure: Option<&FailureRecord>,
    ) {
        self.platform.log(
            &self
                .event(Event::info("store.adopted"))
                .field("usable_until", envelope.lifetime.usable_until),
        );
        self.log_recovery(last_failure);
        self.hold(envelope, value);
    }

    /// Another machine's fetch failed a moment ago.
    fn failed_elsewhere(&mut self, failure: &FailureRecord) -> Failure {
        if failure.is_outage() {
            self.platform.log(&self.event(Event::warn("fetch.failed")).field(
                "error",
                "another Traefik with the same store has just failed to fetch it",
            ));
        }
        self.record_failure(failure);
        self.drop_denied();
        failure.failure(self.platform.now())
    }

    /// Caches a value that was fetched, here or by another machine, and shares it in the state directory.
    fn hold(&mut self, envelope: &Envelope, value: AnyValue) {
        self.cache(envelope, value);
        self.own.failure = None;
        self.publish(envelope);
        self.publish_status(None);
    }

    /// Logs that an outage is over, if there was one.
    fn log_recovery(&self, last_failure: Option<&FailureRecord>) {
        if let Some(failure) = last_failure.filter(|failure| failure.is_outage()) {
            let event = self.event(Event::info("breaker.closed"));
            self.platform.log(&event.field("failures", failure.count()));
        }
    }

    fn fetch_event(&self, event: Event, took: Duration) -> Event {
        self.event(event).field("ms", took.as_millis())
    }

    fn event(&self, event: Event) -> Event {
        event
            .field("kind", self.resource.kind())
            .field("url", self.resource.url())
    }
}
