//! Something fetched once for everybody: instance memory, then the state directory, then the network.
//!
//! The rules, in the order they are tried for every request:
//!
//! 1. What this instance holds is used while it is fresh. No host call but the clock.
//! 2. When its refresh time has come, the state directory may have a newer value: somebody else refreshed.
//! 3. Otherwise one instance, the holder of the lease, fetches; the others go on with what is still usable.
//! 4. With nothing usable one instance fetches and the others wait for its result, at most as long as a fetch
//!    may take.
//! 5. A failed fetch is written down for all. Until its time has passed nobody tries again, and nobody waits;
//!    then one instance tries (half-open), and the others still do not wait.

mod envelope;
mod failure;

use std::rc::Rc;
use std::time::Duration;

use http::{Request, Response};
use middleware::{Event, UnixTime};

use self::envelope::{Envelope, Generation};
use self::failure::Failure;
pub use self::failure::{FetchError, Unavailable};
use crate::platform::{DirectoryError, Platform};
use crate::state::{Lease, Observer, Values};
use crate::{HttpClient, HttpError, Seal, StateName, Url};

/// Something that can be fetched, kept in the state directory and shared.
pub trait Resource {
    /// What it is once decoded.
    type Value;

    /// The stem of its file names.
    fn name(&self) -> &StateName;

    /// What it is called in the log, for example `jwks`.
    fn kind(&self) -> &'static str;

    /// Where it comes from.
    fn url(&self) -> &Url;

    /// How it is protected in the state directory.
    fn seal(&self) -> &Seal;

    /// The form kept in the state directory.
    fn encode(&self, value: &Self::Value) -> Vec<u8>;

    /// Reads what [`Resource::encode`] wrote; `None` when it is not that.
    fn decode(&self, bytes: &[u8]) -> Option<Self::Value>;

    /// Fetches it. `send` performs one HTTP exchange with [`Resource::url`]; `now` is the time before it.
    ///
    /// # Errors
    /// [`FetchError`] says whose fault it is.
    fn fetch(&self, send: &mut Exchange<'_>, now: UnixTime) -> Result<Fetched<Self::Value>, FetchError>;
}

/// Performs one HTTP exchange.
pub type Exchange<'s> = dyn FnMut(&Request<Vec<u8>>) -> Result<Response<Vec<u8>>, HttpError> + 's;

/// A fetched value and how long it is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched<V> {
    /// The value.
    pub value: V,
    /// How long it is good for.
    pub lifetime: Lifetime,
}

/// When a value should be renewed, and when it must no longer be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// From here on somebody should fetch a newer one.
    pub refresh_at: UnixTime,
    /// From here on it must not be used.
    pub usable_until: UnixTime,
}

/// One instance's view of a shared resource.
pub struct Shared<R: Resource> {
    resource: R,
    platform: Rc<dyn Platform>,
    client: Rc<HttpClient>,
    held: Option<Held<R::Value>>,
    observer: Observer,
    /// Monotonic time before which a due refresh is not looked into again.
    next_look: Duration,
    /// The last trouble with the state directory that was logged, so that it is logged once.
    trouble: Option<DirectoryError>,
}

struct Held<V> {
    generation: Generation,
    value: Rc<V>,
    lifetime: Lifetime,
    fetched_at: UnixTime,
}

/// How often one instance looks for somebody else's refresh while its own value is due but usable.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How often a waiter lets others run between two looks at the state directory.
const YIELDS_BETWEEN_LOOKS: u32 = 256;
/// How much longer than a fetch may take its waiters wait.
const GRACE: Duration = Duration::from_millis(500);

impl<R: Resource> Shared<R> {
    /// A view that holds nothing yet.
    pub fn new(resource: R, platform: Rc<dyn Platform>, client: Rc<HttpClient>) -> Self {
        Self {
            resource,
            platform,
            client,
            held: None,
            observer: Observer::default(),
            next_look: Duration::ZERO,
            trouble: None,
        }
    }

    /// The value to use now.
    ///
    /// # Errors
    /// [`Unavailable`] when there is none that may be used and none can be had.
    pub fn get(&mut self) -> Result<Rc<R::Value>, Unavailable> {
        let now = self.platform.now();
        match &self.held {
            Some(held) if now < held.lifetime.refresh_at => return Ok(Rc::clone(&held.value)),
            Some(held) if now < held.lifetime.usable_until => self.refresh(),
            _ => {}
        }
        match self.usable() {
            Some(value) => Ok(value),
            None => self.obtain(),
        }
    }

    /// The time at which the held value was fetched.
    pub fn fetched_at(&self) -> Option<UnixTime> {
        self.held.as_ref().map(|held| held.fetched_at)
    }

    /// A newer value than `seen`, because `seen` turned out not to do: from the state directory if somebody
    /// fetched one since, otherwise from the network, but no sooner than `interval` after the last fetch.
    /// Gives `seen` back where nothing newer may be had yet.
    ///
    /// # Errors
    /// [`Unavailable`] when nothing at all can be had.
    pub fn renew(&mut self, seen: &Rc<R::Value>, interval: Duration) -> Result<Rc<R::Value>, Unavailable> {
        let is_newer = |value: &Rc<R::Value>| !Rc::ptr_eq(value, seen);
        if let Some(value) = self.usable().filter(is_newer) {
            return Ok(value);
        }
        self.adopt();
        if let Some(value) = self.usable().filter(is_newer) {
            return Ok(value);
        }
        let now = self.platform.now();
        let too_soon = self
            .held
            .as_ref()
            .is_some_and(|held| now.since(held.fetched_at) < interval);
        if too_soon || self.failure(now).is_some() {
            return self.get();
        }
        self.obtain_other_than(self.held.as_ref().map(|held| held.generation))
    }

    /// Drops the value `seen` everywhere, because the other side no longer accepts it; the next
    /// [`Shared::get`] fetches a new one. Does nothing when a newer value has taken its place already.
    pub fn discard(&mut self, seen: &Rc<R::Value>) {
        self.adopt();
        if self
            .held
            .as_ref()
            .is_some_and(|held| Rc::ptr_eq(&held.value, seen))
        {
            self.held = None;
            self.values().remove(self.resource.name().as_str());
        }
    }

    fn usable(&self) -> Option<Rc<R::Value>> {
        let now = self.platform.now();
        self.held
            .as_ref()
            .filter(|held| now < held.lifetime.usable_until)
            .map(|held| Rc::clone(&held.value))
    }

    /// Rule 2 and 3: the refresh time has come, but what is held may still be used.
    fn refresh(&mut self) {
        if self.platform.monotonic() < self.next_look {
            return;
        }
        self.next_look = self.platform.monotonic().saturating_add(LOOK_EVERY);
        self.adopt();
        let now = self.platform.now();
        let due = self
            .held
            .as_ref()
            .is_none_or(|held| held.lifetime.refresh_at <= now);
        if !due || self.failure(now).is_some() {
            return;
        }
        let platform = Rc::clone(&self.platform);
        match Lease::try_take(&*platform, self.resource.name().as_str(), &mut self.observer) {
            Ok(Some(lease)) => {
                // Somebody may have refreshed between our look and our lease.
                self.adopt();
                if self
                    .held
                    .as_ref()
                    .is_none_or(|held| held.lifetime.refresh_at <= now)
                {
                    // A failure is written down and logged; what is held goes on being used.
                    let _ = self.fetch(lease);
                }
            }
            Ok(None) => {}
            Err(error) => self.complain(error),
        }
    }

    /// Rules 4 and 5: nothing usable is held.
    fn obtain(&mut self) -> Result<Rc<R::Value>, Unavailable> {
        self.obtain_other_than(None)
    }

    fn obtain_other_than(&mut self, stale: Option<Generation>) -> Result<Rc<R::Value>, Unavailable> {
        let platform = Rc::clone(&self.platform);
        let limit = self.client.timeout().saturating_add(GRACE);
        let give_up = platform.monotonic().saturating_add(limit);
        loop {
            if let Some(value) = self.adopted_other_than(stale) {
                return Ok(value);
            }
            let half_open = match self.last_failure() {
                Some(failure) if failure.holds_at(platform.now()) => {
                    return Err(failure.unavailable(platform.now()));
                }
                other => other.is_some(),
            };
            match Lease::try_take(&*platform, self.resource.name().as_str(), &mut self.observer) {
                Ok(Some(lease)) => {
                    return match self.adopted_other_than(stale) {
                        Some(value) => Ok(value),
                        None => self.fetch(lease).and_then(|_| {
                            // A provider slower than the lifetime it grants gives nothing that can be used.
                            self.usable()
                                .ok_or(Unavailable::unreachable(Duration::from_secs(1)))
                        }),
                    };
                }
                Ok(None) if half_open => return Err(Unavailable::unreachable(Duration::from_secs(1))),
                Ok(None) => {}
                Err(error) => {
                    self.complain(error);
                    return Err(Unavailable::unreachable(Duration::from_secs(1)));
                }
            }
            if platform.monotonic() >= give_up {
                return Err(Unavailable::overloaded());
            }
            for _ in 0..YIELDS_BETWEEN_LOOKS {
                platform.yield_now();
            }
        }
    }

    fn adopted_other_than(&mut self, stale: Option<Generation>) -> Option<Rc<R::Value>> {
        self.adopt();
        let other = self
            .held
            .as_ref()
            .is_some_and(|held| Some(held.generation) != stale);
        if other { self.usable() } else { None }
    }

    /// Takes over the state directory's value if it is another than what is held. Whoever publishes holds the
    /// lease, so what lies there is the latest.
    fn adopt(&mut self) {
        let text = match self.values().read(self.resource.name().as_str()) {
            Ok(Some(text)) => text,
            Ok(None) => return,
            Err(error) => return self.complain(error),
        };
        let Some(envelope) = self
            .resource
            .seal()
            .open(&text)
            .and_then(|bytes| Envelope::decode(&bytes))
        else {
            return;
        };
        let now = self.platform.now();
        let other = self
            .held
            .as_ref()
            .is_none_or(|held| held.generation != envelope.generation);
        if other
            && now < envelope.lifetime.usable_until
            && let Some(value) = self.resource.decode(&envelope.payload)
        {
            self.held = Some(Held {
                generation: envelope.generation,
                value: Rc::new(value),
                lifetime: envelope.lifetime,
                fetched_at: envelope.fetched_at,
            });
        }
    }

    fn fetch(&mut self, mut lease: Lease<'_>) -> Result<Rc<R::Value>, Unavailable> {
        let started = self.platform.now();
        let begun = self.platform.monotonic();
        let client = Rc::clone(&self.client);
        let url = self.resource.url().clone();
        let outcome = self.resource.fetch(
            &mut |request| client.send(&url, request, &mut || lease.pulse()),
            started,
        );
        let took = self.platform.monotonic().saturating_sub(begun).as_millis();
        let event = |event: Event| {
            event
                .field("kind", self.resource.kind())
                .field("url", &url)
                .field("ms", took)
        };
        match outcome {
            Ok(Fetched { value, lifetime }) => {
                self.platform.log(
                    &event(Event::info("fetch.done"))
                        .field("refresh_at", lifetime.refresh_at)
                        .field("usable_until", lifetime.usable_until),
                );
                let payload = self.resource.encode(&value);
                let mut generation = Generation::default();
                self.platform.fill_random(&mut generation);
                let held = Held {
                    generation,
                    value: Rc::new(value),
                    lifetime,
                    fetched_at: started,
                };
                let value = Rc::clone(&held.value);
                self.publish(&Envelope {
                    generation,
                    fetched_at: started,
                    lifetime,
                    payload,
                });
                self.held = Some(held);
                Ok(value)
            }
            Err(error) => {
                let failure = Failure::new(&error, self.platform.now(), self.last_failure().as_ref());
                self.platform
                    .log(&event(Event::warn("fetch.failed")).field("error", &error).field(
                        "again_in_ms",
                        failure.until().since(self.platform.now()).as_millis(),
                    ));
                if let Err(error) = self.values().publish(&self.failure_name(), &failure.encode()) {
                    self.complain(error);
                }
                Err(failure.unavailable(self.platform.now()))
            }
        }
    }

    fn publish(&mut self, envelope: &Envelope) {
        let name = self.resource.name().as_str();
        let outcome = match self.resource.seal().close(&envelope.encode(), &*self.platform) {
            Ok(text) => self.values().publish(name, &text),
            Err(_) => Err(DirectoryError::Other(0)),
        };
        match outcome {
            Ok(()) => {
                self.trouble = None;
                self.values().remove(&self.failure_name());
            }
            Err(error) => self.complain(error),
        }
    }

    /// The failure that forbids a fetch at `now`, if there is one.
    fn failure(&self, now: UnixTime) -> Option<Failure> {
        self.last_failure().filter(|failure| failure.holds_at(now))
    }

    fn last_failure(&self) -> Option<Failure> {
        Failure::decode(&self.values().read(&self.failure_name()).ok()??)
    }

    fn failure_name(&self) -> String {
        format!("{}.fail", self.resource.name().as_str())
    }

    fn values(&self) -> Values<'_> {
        Values::new(&*self.platform)
    }

    fn complain(&mut self, error: DirectoryError) {
        if self.trouble != Some(error) {
            self.trouble = Some(error);
            self.platform.log(
                &Event::warn("state.failed").field("kind", self.resource.kind()).field("error", error).field(
                    "cure",
                    "give the plugin a directory of its own that Traefik can write to, under settings.mounts",
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests;
