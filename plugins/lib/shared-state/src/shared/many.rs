//! One resource for each of many callers: bounded, whatever callers there are.

use std::rc::Rc;
use std::time::Duration;

use middleware::UnixTime;

use super::{Resource, Shared, Unavailable};
use crate::store::Store;
use egress::{HttpClient, Platform};

/// One instance's view of the resources of many callers.
///
/// An instance holds those used last. In the state directory they share a bounded number of names
/// ([`Seal::slot`](crate::Seal::slot)), so no caller can fill it; two callers whose names fall together replace each
/// other's value, which costs a fetch and nothing else.
pub struct SharedMany<R: Resource> {
    pub(super) platform: Rc<dyn Platform>,
    client: Rc<HttpClient>,
    store: Option<Rc<Store>>,
    most: usize,
    /// The one used last comes last.
    pub(super) held: Vec<(CallerKey, Shared<R>)>,
}

/// Tells callers apart in one instance's memory: a keyed digest of whatever makes two callers different.
pub type CallerKey = [u8; 32];

impl<R: Resource> SharedMany<R> {
    /// Holds nothing yet, and never more than `most` (at least one).
    pub const fn new(platform: Rc<dyn Platform>, client: Rc<HttpClient>, most: usize) -> Self {
        Self {
            platform,
            client,
            store: None,
            most,
            held: Vec::new(),
        }
    }

    /// Shares them with other machines through `store`, too. There every caller has names of his own.
    #[must_use]
    pub fn with_store(mut self, store: Rc<Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// The value of the caller `key` to use at `now`. `make` describes the resource, where this instance does not know
    /// it already; `None` if it cannot.
    ///
    /// # Errors
    /// As [`Shared::get`].
    pub fn get<M: Into<Option<R>>>(
        &mut self,
        key: &CallerKey,
        now: UnixTime,
        make: impl FnOnce() -> M,
    ) -> Result<Rc<R::Value>, Unavailable> {
        let mut shared = match self.held.iter().position(|(other, _)| other == key) {
            Some(index) => self.held.remove(index).1,
            None => {
                let resource = make()
                    .into()
                    .ok_or(Unavailable::unreachable(Duration::from_secs(1)))?;
                let shared = Shared::new(resource, Rc::clone(&self.platform), Rc::clone(&self.client));
                match &self.store {
                    Some(store) => shared
                        .with_store(Rc::clone(store))
                        .map_err(|_| Unavailable::overloaded())?,
                    None => shared,
                }
            }
        };
        let value = shared.get(now);
        // One who has nothing takes nobody's place.
        if value.is_ok() {
            if self.held.len() >= self.most.max(1) {
                self.held.remove(0);
            }
            self.held.push((*key, shared));
        }
        value
    }

    /// Drops the value `seen` of the caller `key` everywhere, as [`Shared::discard`] does.
    pub fn discard(&mut self, key: &CallerKey, seen: &Rc<R::Value>, interval: Duration) -> bool {
        let known = self.held.iter_mut().find(|(other, _)| other == key);
        known.is_some_and(|(_, shared)| shared.discard(seen, interval))
    }
}
