//! Something fetched once for everybody: instance memory, then the state directory, then the store, then the provider.
//!
//! The rules, in the order they are tried for every request:
//!
//! 1. What this instance holds is used while it is fresh. No host call but the clocks, and now and then a look at
//!    the state directory: somebody may have had a reason to fetch a newer one, such as a changed signing key, or to
//!    discard this one.
//! 2. When its refresh time has come, the state directory may have a newer value: somebody else refreshed.
//! 3. Otherwise one instance, the holder of the lease, fetches; the others go on with what is still usable.
//! 4. With nothing usable one instance fetches and the others wait for its result, at most as long as a fetch
//!    may take.
//! 5. A failed fetch is written down for all. Until its time has passed nobody tries again, and nobody waits;
//!    then one instance tries (half-open), and the others still do not wait. While a
//!    usable value is at hand, attempts are further apart.
//! 6. When the state directory fails there is nobody to be coordinated with: every instance fetches for itself, and
//!    remembers its failures by itself. Slower, and more calls to the provider, but no outage.
//! 7. Where there is a store (`replicas`), whoever would fetch asks it first, so that of several machines one fetches.
//!    A store that fails is left out.
//! 8. A value that does not do, such as keys that do not explain a signature, is fetched again at a limited rate
//!    (`refetch`).
//! 9. When the provider denies the caller ([`FetchError::Denied`]), all instances drop the value at hand. When it does
//!    not answer, or refuses the gateway itself, the value stays in use until its time is over.
//! 10. Waiting costs processor time, since a guest cannot sleep: no more requests of a process wait at a time than
//!     there are places; the others are refused at once.

mod envelope;
mod failure;
mod former;
mod fresh;
mod many;
mod refetch;
mod replicas;
mod status;
mod waiting;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use http::{Request, Response};
use middleware::{Event, UnixTime};

use self::envelope::{Envelope, Generation};
use self::failure::Failure;
pub use self::failure::{Cause, FetchError, Unavailable};
pub use self::former::Former;
pub use self::fresh::send_fresh;
pub use self::many::{CallerKey, SharedMany};
use self::refetch::Attempt;
pub use self::refetch::Pace;
use self::replicas::{Asked, Remote};
use self::status::Status;
use self::waiting::Place;
use crate::state::{Lease, Observer, Values};
use crate::state::{Seal, StateName};
use crate::store::{Store, StoreError};
use egress::platform::{DirectoryError, Platform};
use egress::{HttpClient, Url, WireError};

/// Something that can be fetched, kept in the state directory and shared.
pub trait Resource {
    /// What it is once decoded.
    type Value;

    /// The stem of its file names.
    fn name(&self) -> &StateName;

    /// What it is called in the log, for example `jwks`.
    fn kind(&self) -> &'static str;

    /// Where it comes from, for the log.
    fn url(&self) -> &Url;

    /// How it is protected in the state directory.
    fn seal(&self) -> &Seal;

    /// Where it lay before a secret of the configuration changed, if one did while this instance ran.
    fn former(&self) -> Option<&Former> {
        None
    }

    /// A fingerprint of what the gateway proves itself with, where neither name nor seal depends on all of it: what a
    /// provider refuses one secret says nothing about another.
    fn proof(&self) -> Option<&str> {
        None
    }

    /// The form kept in the state directory.
    fn encode(&self, value: &Self::Value) -> Vec<u8>;

    /// Reads what [`Resource::encode`] wrote; `None` when it is not that.
    fn decode(&self, bytes: &[u8]) -> Option<Self::Value>;

    /// Fetches it. Each call of `send` performs one HTTP exchange with the absolute URL that the request names; all
    /// exchanges of one fetch share the time that a fetch may take. `now` is the time before it.
    ///
    /// # Errors
    /// [`FetchError`] says whose fault it is.
    fn fetch(&self, send: &mut Exchange<'_>, now: UnixTime) -> Result<Fetched<Self::Value>, FetchError>;
}

/// Performs one HTTP exchange with the URL that the request names.
pub type Exchange<'s> = dyn FnMut(&Request<Vec<u8>>) -> Result<Response<Vec<u8>>, WireError> + 's;

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
    remote: Option<Remote>,
    held: Option<Held<R::Value>>,
    /// What the state directory's entry was when it was last read whole; unchanged, it need not be read again.
    last_entry: Option<String>,
    observer: Observer,
    /// The last look at the state directory while a value was held.
    last_look: Option<UnixTime>,
    /// Monotonic time of the last refusal that was logged, and how many were not since.
    refusals: (Option<Duration>, u64),
    /// The last trouble with the state directory that was logged, so that it is logged once.
    trouble: Option<DirectoryError>,
    /// What could not be written down for all.
    own: Own,
}

/// Records that only this instance has, since the state directory did not take them.
#[derive(Default)]
struct Own {
    failure: Option<Failure>,
    discard: Option<(UnixTime, Generation)>,
    /// The last one of this instance's own, even if it was written down.
    attempt: Option<Attempt>,
}

/// Why something is fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Occasion {
    /// No usable value is at hand, and a request waits.
    Need,
    /// The value at hand is due, and still usable.
    Due,
    /// The value at hand is fresh, but does not do. The fetch may take this long, and sends each request once.
    Doubt(Duration),
}

struct Held<V> {
    generation: Generation,
    value: Rc<V>,
    lifetime: Lifetime,
    fetched_at: UnixTime,
    took: Duration,
}

impl<V> Held<V> {
    /// The value that came in `envelope`.
    const fn of(envelope: &Envelope, value: Rc<V>) -> Self {
        Self {
            generation: envelope.generation,
            value,
            lifetime: envelope.lifetime,
            fetched_at: envelope.fetched_at,
            took: envelope.took,
        }
    }

    /// Whether somebody should fetch a newer one: its time has come, or it was fetched at a time to come. Then the clock
    /// was set back since, and how much of the lifetime is left cannot be told.
    fn is_due(&self, now: UnixTime) -> bool {
        self.lifetime.refresh_at <= now || now.plus(CLOCK_DIFFERENCE) < self.fetched_at
    }
}

/// How far the clocks of two machines that share a state directory may be apart.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(5);

/// How often one instance looks for somebody else's refresh while its own value is due but usable.
const LOOK_WHILE_DUE: Duration = Duration::from_millis(100);
/// How often one instance looks for a newer value while its own is fresh: one host call.
const LOOK_WHILE_FRESH: Duration = Duration::from_millis(50);
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
            remote: None,
            held: None,
            last_entry: None,
            observer: Observer::default(),
            last_look: None,
            refusals: (None, 0),
            trouble: None,
            own: Own::default(),
        }
    }

    /// Shares it with other machines through `store`, too.
    ///
    /// # Errors
    /// [`StoreError::Seal`].
    pub fn with_store(mut self, store: Rc<Store>) -> Result<Self, StoreError> {
        self.remote = Some(Remote::of(&self.resource, store)?);
        Ok(self)
    }

    /// What is shared.
    pub const fn resource(&self) -> &R {
        &self.resource
    }

    /// What is shared, to tell it what has changed.
    pub const fn resource_mut(&mut self) -> &mut R {
        &mut self.resource
    }

    /// The value to use at `now`, which is the present time: asking for it is a call of the host.
    ///
    /// # Errors
    /// [`Unavailable`] when there is none that may be used and none can be had.
    pub fn get(&mut self, now: UnixTime) -> Result<Rc<R::Value>, Unavailable> {
        self.value(now)
            .inspect_err(|unavailable| self.log_refusal(*unavailable))
    }

    fn value(&mut self, now: UnixTime) -> Result<Rc<R::Value>, Unavailable> {
        let usable = match &self.held {
            Some(held) if !held.is_due(now) => {
                self.look_for_a_newer_one(now);
                self.usable_at(now)
            }
            Some(held) if now < held.lifetime.usable_until => {
                self.refresh(now);
                // That may have taken a while.
                self.usable()
            }
            _ => self.usable_at(now),
        };
        usable.map_or_else(|| self.obtain(), Ok)
    }

    /// Gets the value ahead of need, when a middleware is built. Does not even try shortly after a failure:
    /// Traefik builds one middleware after the other, and an outage must delay its start once, not once for each.
    pub fn prefetch(&mut self) {
        self.adopt();
        let now = self.platform.now();
        if self.usable().is_none() && !self.last_failure().is_some_and(|failure| failure.is_recent(now)) {
            // A failure is logged and written down by the fetch itself.
            let _ = self.obtain();
        }
    }

    /// The time at which the held value was fetched.
    pub fn fetched_at(&self) -> Option<UnixTime> {
        self.held.as_ref().map(|held| held.fetched_at)
    }

    /// Drops the value `seen` everywhere, because the other side no longer accepts it; the next
    /// [`Shared::get`] fetches a new one. Does nothing when a newer value has taken its place already, or less than
    /// `interval` after the last time: a side that refuses every value must not cause a fetch for each. True when
    /// it was dropped.
    pub fn discard(&mut self, seen: &Rc<R::Value>, interval: Duration) -> bool {
        self.adopt();
        if !self
            .held
            .as_ref()
            .is_some_and(|held| Rc::ptr_eq(&held.value, seen))
        {
            return false;
        }
        let now = self.platform.now();
        let last = self.last_discard().max(self.own.discard).map(|(at, _)| at);
        // A time to come was written before the clock was set back; it does not count.
        if last.is_some_and(|last| last <= now && now.since(last) < interval) {
            return false;
        }
        let Some(generation) = self.drop_for_all() else {
            return false;
        };
        self.withdraw(generation);
        let event = Event::warn("value.discarded");
        self.platform.log(
            &event
                .field("kind", self.resource.kind())
                .field("url", self.resource.url()),
        );
        true
    }

    /// Drops the value at hand, here and in the state directory, and tells the other instances.
    fn drop_for_all(&mut self) -> Option<Generation> {
        let generation = self.held.take()?.generation;
        let now = self.platform.now();
        let record = format!("{} {}", now.as_millis(), hex(generation));
        let published = self.values().publish(&self.discard_name(), &record);
        // A directory that is full cannot take the record, but can lose the value.
        self.values().remove(self.resource.name().as_str());
        if let Err(error) = published {
            self.own.discard = Some((now, generation));
            self.complain(error);
        }
        Some(generation)
    }

    /// Drops the value at hand if the provider has denied the caller to another instance, or another machine, since it was
    /// fetched. The record of a discarded value says the same, but callers that share a name overwrite each other's.
    fn drop_denied(&mut self) {
        let is_denied = |held: &Held<R::Value>| {
            self.last_failure()
                .is_some_and(|failure| failure.is_denial_since(held.fetched_at))
        };
        if self.held.as_ref().is_some_and(is_denied) {
            self.held = None;
        }
    }

    /// Drops whatever value there is, for everybody, and what is known of failures: it comes from something that has
    /// been replaced. Other machines go on with what they hold until it is due.
    ///
    /// # Errors
    /// Why the state directory failed.
    pub fn forget(&mut self) -> Result<(), DirectoryError> {
        self.adopt();
        if let Some(held) = self.held.take() {
            let record = format!("{} {}", self.platform.now().as_millis(), hex(held.generation));
            self.values().publish(&self.discard_name(), &record)?;
        }
        self.values().remove(self.resource.name().as_str());
        self.values().remove(&self.failure_name());
        self.clear();
        Ok(())
    }

    /// When a value was last discarded, and which.
    fn last_discard(&self) -> Option<(UnixTime, Generation)> {
        let record = self.values().read(&self.discard_name()).ok()??;
        let (at, generation) = record.split_once(' ')?;
        let generation = u64::from_str_radix(generation, 16).ok()?.to_be_bytes();
        Some((UnixTime::from_millis(at.parse().ok()?), generation))
    }

    fn discard_name(&self) -> String {
        format!("{}.discarded", self.resource.name().as_str())
    }

    fn usable(&self) -> Option<Rc<R::Value>> {
        self.usable_at(self.platform.now())
    }

    fn usable_at(&self, now: UnixTime) -> Option<Rc<R::Value>> {
        self.held
            .as_ref()
            .filter(|held| now < held.lifetime.usable_until)
            .map(|held| Rc::clone(&held.value))
    }

    /// Rule 1: what is held is fresh. After trouble with the directory it may be newer than what lies there.
    fn look_for_a_newer_one(&mut self, now: UnixTime) {
        if self.trouble.is_none() && self.may_look(now, LOOK_WHILE_FRESH) {
            self.adopt();
            if self.resource.name().owner().is_some() {
                self.drop_denied();
            }
        }
    }

    /// Whether the last look at the state directory was `pause` ago; counts as a look.
    fn may_look(&mut self, now: UnixTime, pause: Duration) -> bool {
        // A last look in a time to come: the clock was set back.
        let may = self
            .last_look
            .is_none_or(|last| now < last || now.since(last) >= pause);
        if may {
            self.last_look = Some(now);
        }
        may
    }

    /// Rule 2 and 3: the refresh time has come, but what is held may still be used.
    fn refresh(&mut self, now: UnixTime) {
        if !self.may_look(now, LOOK_WHILE_DUE) {
            return;
        }
        self.adopt();
        self.drop_denied();
        if !self.may_refresh() {
            return;
        }
        let platform = Rc::clone(&self.platform);
        match Lease::try_take(&*platform, self.resource.name().as_str(), &mut self.observer) {
            Ok(Some(lease)) => {
                // Somebody may have refreshed, or failed to, between our look and our lease.
                self.adopt();
                if self.may_refresh() {
                    // A failure is written down and logged. Unless it is a denial, what is held goes on being used.
                    let _ = self.fetch(Some(lease), Occasion::Due);
                }
            }
            Ok(None) => {}
            Err(error) => {
                self.complain(error);
                let _ = self.fetch(None, Occasion::Due);
            }
        }
    }

    /// Whether a value is held that somebody should renew, and no failure speaks against trying now.
    fn may_refresh(&self) -> bool {
        let now = self.platform.now();
        self.held.as_ref().is_some_and(|held| {
            let usable_until = held.lifetime.usable_until;
            let forbids = |failure: Failure| failure.holds_without_need_at(now, usable_until);
            held.is_due(now) && !self.last_failure().is_some_and(forbids)
        })
    }

    /// Rules 4 and 5: nothing usable is held.
    fn obtain(&mut self) -> Result<Rc<R::Value>, Unavailable> {
        let platform = Rc::clone(&self.platform);
        let limit = self.client.timeout().saturating_add(GRACE);
        let limit = limit.saturating_add(self.wait_for_others());
        let give_up = platform.monotonic().saturating_add(limit);
        let mut place = None;
        loop {
            if let Some(value) = self.adopted() {
                return Ok(value);
            }
            let last_failure = self.last_failure();
            if let Some(failure) = &last_failure
                && failure.holds_at(platform.now())
            {
                return Err(failure.unavailable(platform.now()));
            }
            match Lease::try_take(&*platform, self.resource.name().as_str(), &mut self.observer) {
                Ok(Some(lease)) => {
                    // Somebody may have fetched, or failed to, between our look and our lease.
                    if let Some(value) = self.adopted() {
                        return Ok(value);
                    }
                    return match self.failure() {
                        Some(failure) => Err(failure.unavailable(platform.now())),
                        None => self.fetch_usable(Some(lease)),
                    };
                }
                Ok(None) => match last_failure {
                    Some(failure) if failure.is_grant_lost() => {
                        return Err(failure.unavailable(platform.now()));
                    }
                    Some(_) => return Err(Unavailable::unreachable(Duration::from_secs(1))),
                    None => {}
                },
                Err(error) => {
                    self.complain(error);
                    return self.fetch_usable(None);
                }
            }
            if platform.monotonic() >= give_up {
                return Err(Unavailable::overloaded());
            }
            if place.is_none() {
                match Place::take(&*platform, self.client.max_waiting()) {
                    Ok(Some(taken)) => {
                        place = Some(taken);
                        trap::point("waiting");
                    }
                    Ok(None) => return Err(Unavailable::overloaded()),
                    Err(error) => self.complain(error),
                }
            }
            for _ in 0..YIELDS_BETWEEN_LOOKS {
                platform.yield_now();
            }
        }
    }

    fn adopted(&mut self) -> Option<Rc<R::Value>> {
        self.adopt();
        self.usable()
    }

    /// Takes over the state directory's value if it is another than what is held. Whoever publishes holds the
    /// lease, so what lies there is the latest.
    fn adopt(&mut self) {
        let entry = match self.platform.directory().read(self.resource.name().as_str()) {
            Ok(Some(entry)) => entry,
            Ok(None) => {
                self.drop_discarded();
                return self.adopt_former();
            }
            Err(error) => return self.complain(error),
        };
        if self.last_entry.as_ref() == Some(&entry) {
            return;
        }
        let text = match self.values().read(self.resource.name().as_str()) {
            Ok(Some(text)) => text,
            Ok(None) => return,
            Err(error) => return self.complain(error),
        };
        self.last_entry = Some(entry);
        let Some(envelope) = self
            .resource
            .seal()
            .open(&text)
            .and_then(|bytes| Envelope::decode(&bytes))
        else {
            return self.adopt_former();
        };
        let now = self.platform.now();
        // It may not have been possible to remove a discarded value.
        if self.own.discard.map(|(_, generation)| generation) == Some(envelope.generation) {
            return;
        }
        // What lies there is the latest, unless what was fetched since could not be put there.
        let (trouble, fetched_at) = (self.trouble.is_some(), envelope.fetched_at);
        let newer = self.held.as_ref().is_none_or(|held| {
            held.generation != envelope.generation && !(trouble && held.fetched_at >= fetched_at)
        });
        if newer
            && now < envelope.lifetime.usable_until
            && let Some(value) = self.resource.decode(&envelope.payload)
        {
            self.trouble = None;
            self.held = Some(Held::of(&envelope, Rc::new(value)));
        }
    }

    /// There is no value in the state directory. If that is because what is held was discarded, it must go;
    /// otherwise somebody emptied the directory, and what is held is as good as before.
    fn drop_discarded(&mut self) {
        self.last_entry = None;
        let held = self.held.as_ref().map(|held| held.generation);
        if held.is_some() && self.last_discard().map(|(_, generation)| generation) == held {
            self.held = None;
        }
    }

    fn fetch_usable(&mut self, lease: Option<Lease<'_>>) -> Result<Rc<R::Value>, Unavailable> {
        self.fetch(lease, Occasion::Need)?;
        // A provider slower than the lifetime it grants gives nothing that can be used.
        self.usable()
            .ok_or(Unavailable::unreachable(Duration::from_secs(1)))
    }

    /// Fetches, for everybody with a lease and for this instance alone without. Where another machine is at it, waits for
    /// what it gets, or else goes on with what is held.
    fn fetch(&mut self, lease: Option<Lease<'_>>, occasion: Occasion) -> Result<Rc<R::Value>, Unavailable> {
        trap::point("holding-lease");
        let last_failure = self.last_failure();
        let client = Rc::clone(&self.client);
        let timeout = match (occasion, &last_failure) {
            (Occasion::Doubt(time), _) => time.min(client.timeout()),
            (_, Some(failure)) => {
                failure.trial_time(self.held.as_ref().map(|held| held.took), client.timeout())
            }
            (_, None) => client.timeout(),
        };
        let lease = RefCell::new(lease);
        let pulse = || {
            if let Some(lease) = lease.borrow_mut().as_mut() {
                lease.pulse();
            }
        };
        let asked = self.ask_others(timeout, occasion == Occasion::Need, &pulse);
        match asked {
            Asked::Found(envelope, value) => {
                let event = Event::info("store.adopted").field("kind", self.resource.kind());
                self.platform.log(
                    &event
                        .field("url", self.resource.url())
                        .field("usable_until", envelope.lifetime.usable_until),
                );
                self.close_breaker(last_failure.as_ref());
                return Ok(self.hold(&envelope, value));
            }
            Asked::Failed(failure) => {
                if failure.is_outage() {
                    let event = Event::warn("fetch.failed").field("kind", self.resource.kind());
                    self.platform.log(&event.field("url", self.resource.url()).field(
                        "error",
                        "another Traefik with the same store has just tried in vain",
                    ));
                }
                self.write_down(&failure);
                self.drop_denied();
                return Err(failure.unavailable(self.platform.now()));
            }
            Asked::UnderWay => return self.usable().ok_or(Unavailable::overloaded()),
            Asked::Ours(_) | Asked::Nobody | Asked::NoStore => {}
        }
        let url = self.resource.url().clone();
        let (started, begun) = (self.platform.now(), self.platform.monotonic());
        let platform = Rc::clone(&self.platform);
        let outcome = self.resource.fetch(
            &mut |request| {
                let url = Url::from_uri(request.uri().clone())
                    .map_err(|error| WireError::Request(format!("its URL {error}")))?;
                let left = timeout.saturating_sub(platform.monotonic().saturating_sub(begun));
                match occasion {
                    Occasion::Doubt(_) => client.send_unrepeated(&url, request, left, &pulse),
                    Occasion::Need | Occasion::Due => client.send(&url, request, left, &pulse),
                }
            },
            started,
        );
        let took = self.platform.monotonic().saturating_sub(begun);
        let event = |event: Event| {
            event
                .field("kind", self.resource.kind())
                .field("url", &url)
                .field("ms", took.as_millis())
        };
        match outcome {
            Ok(Fetched { value, lifetime }) => {
                self.platform.log(
                    &event(Event::info("fetch.done"))
                        .field("refresh_at", lifetime.refresh_at)
                        .field("usable_until", lifetime.usable_until),
                );
                self.close_breaker(last_failure.as_ref());
                let mut generation = Generation::default();
                self.platform.fill_random(&mut generation);
                let envelope = Envelope {
                    generation,
                    fetched_at: started,
                    took,
                    lifetime,
                    payload: self.resource.encode(&value),
                };
                let value = self.hold(&envelope, value);
                self.tell_others(&asked, Some(Ok(&envelope)), &pulse);
                Ok(value)
            }
            // Nobody was asked, so nothing has failed.
            Err(FetchError::Limited { retry_after }) => {
                self.tell_others(&asked, None, &pulse);
                Err(Unavailable::limited(retry_after))
            }
            Err(error) => {
                let now = self.platform.now();
                let owner = self.resource.name().owner();
                let failure =
                    Failure::new(&error, now, last_failure.as_ref(), owner).with_proof(self.resource.proof());
                let known = |last: &Failure| last.is_grant_lost() && failure.is_grant_lost();
                if last_failure.as_ref().is_some_and(known) {
                    // A grant stays lost for as long as nobody does something about it; that was said.
                } else if failure.is_outage() {
                    self.platform.log(
                        &event(Event::warn("fetch.failed"))
                            .field("error", &error)
                            .field("again_in_ms", failure.until().since(now).as_millis()),
                    );
                    if last_failure.is_none() {
                        self.platform.log(&event(Event::warn("breaker.opened")));
                    }
                } else {
                    self.platform
                        .log(&event(Event::info("fetch.denied")).field("error", &error));
                }
                self.write_down(&failure);
                if failure.is_denial() {
                    // `tell_others` removes it from the store.
                    self.drop_for_all();
                }
                self.publish_status(Some((&failure, &error)));
                self.tell_others(&asked, Some(Err(&failure)), &pulse);
                Err(failure.unavailable(now))
            }
        }
    }

    /// Holds a value that was fetched, here or by another machine, and shares it in the state directory.
    fn hold(&mut self, envelope: &Envelope, value: R::Value) -> Rc<R::Value> {
        let value = Rc::new(value);
        self.held = Some(Held::of(envelope, Rc::clone(&value)));
        self.own.failure = None;
        self.publish(envelope);
        self.publish_status(None);
        value
    }

    fn close_breaker(&self, last_failure: Option<&Failure>) {
        if let Some(failure) = last_failure.filter(|failure| failure.is_outage()) {
            let event = Event::info("breaker.closed").field("kind", self.resource.kind());
            self.platform.log(
                &event
                    .field("url", self.resource.url())
                    .field("failures", failure.count()),
            );
        }
    }

    /// Writes a failure down for everybody who shares the state directory.
    fn write_down(&mut self, failure: &Failure) {
        if let Err(error) = self.values().publish(&self.failure_name(), &failure.encode()) {
            self.complain(error);
            self.own.failure = Some(failure.clone());
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

    /// Writes down, for people, how this resource is doing. Nothing depends on it. Not one of many callers'.
    fn publish_status(&self, failure: Option<(&Failure, &FetchError)>) {
        if self.resource.name().owner().is_some() {
            return;
        }
        let status = Status {
            kind: self.resource.kind(),
            url: self.resource.url().to_string(),
            at: self.platform.now().as_millis(),
            fetched_at: self.held.as_ref().map(|held| held.fetched_at.as_millis()),
            refresh_at: self
                .held
                .as_ref()
                .map(|held| held.lifetime.refresh_at.as_millis()),
            usable_until: self
                .held
                .as_ref()
                .map(|held| held.lifetime.usable_until.as_millis()),
            took_ms: self
                .held
                .as_ref()
                .and_then(|held| u64::try_from(held.took.as_millis()).ok()),
            failures: failure.map_or(0, |(failure, _)| failure.count()),
            again_at: failure.map(|(failure, _)| failure.until().as_millis()),
            last_error: failure.map(|(_, error)| error.to_string()),
        };
        let _ = self.values().publish(
            &format!("{}.status", self.resource.name().as_str()),
            &status.encode(),
        );
    }

    /// Logs that requests are refused for want of a value, once in ten seconds for each instance. Not what callers
    /// are to blame for: they could fill the log.
    fn log_refusal(&mut self, unavailable: Unavailable) {
        const EVERY: Duration = Duration::from_secs(10);
        if matches!(unavailable.cause(), Cause::Denied | Cause::Limited) {
            return;
        }
        let now = self.platform.monotonic();
        let (last, unlogged) = self.refusals;
        if last.is_some_and(|last| now.saturating_sub(last) < EVERY) {
            self.refusals = (last, unlogged.saturating_add(1));
            return;
        }
        self.refusals = (Some(now), 0);
        self.platform.log(
            &Event::error("request.refused")
                .field("reason", unavailable.reason().code())
                .field("kind", self.resource.kind())
                .field("url", self.resource.url())
                .field("unlogged_before", unlogged),
        );
    }

    /// The failure that forbids a fetch at this time, if there is one.
    fn failure(&self) -> Option<Failure> {
        let now = self.platform.now();
        self.last_failure().filter(|failure| failure.holds_at(now))
    }

    fn last_failure(&self) -> Option<Failure> {
        match self.values().read(&self.failure_name()) {
            Ok(Some(record)) => Failure::decode(&record).filter(|failure| self.is_own(failure)),
            Ok(None) | Err(_) => self.own.failure.clone(),
        }
    }

    /// Whether a failure is about this resource, fetched with this secret.
    fn is_own(&self, failure: &Failure) -> bool {
        failure.is_of(self.resource.name().owner()) && failure.concerns(self.resource.proof())
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
                &Event::warn("state.failed")
                    .field("kind", self.resource.kind())
                    .field("error", error)
                    .field("cure", DirectoryError::CURE),
            );
        }
    }
}

fn hex(generation: Generation) -> String {
    format!("{:016x}", u64::from_be_bytes(generation))
}

#[cfg(test)]
mod tests;
