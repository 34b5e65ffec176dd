//! One resource for each of many callers, in bounded space.

use std::rc::Rc;
use std::time::Duration;

use egress::{HttpClient, Platform};
use middleware::UnixTime;

use super::failure::Failure;
use super::resource::Resource;
use super::view::Shared;
use crate::store::Store;

/// One instance's view of the resources of many callers.
///
/// An instance caches those that were used last. In the state directory they share a bounded number of names
/// ([`Seal::slot`](crate::Seal::slot)), so callers cannot fill it. Two callers with the same name replace each other's
/// value, which costs a fetch and nothing else.
pub struct SharedMany<R: Resource> {
    pub(super) platform: Rc<dyn Platform>,
    client: Rc<HttpClient>,
    store: Option<Rc<Store>>,
    most: usize,
    /// In the order of their last use, the latest last.
    pub(super) cached: Vec<(CallerKey, Box<Shared<R>>)>,
}

/// Distinguishes callers in the memory of one instance: a keyed digest of everything that makes two callers different.
pub type CallerKey = [u8; 32];

impl<R: Resource> SharedMany<R> {
    /// Caches nothing yet, and never more than `most` values (at least one).
    pub const fn new(platform: Rc<dyn Platform>, client: Rc<HttpClient>, most: usize) -> Self {
        Self {
            platform,
            client,
            store: None,
            most,
            cached: Vec::new(),
        }
    }

    /// Also shares the resources with other machines, through `store`. There, each caller has a name of its own.
    #[must_use]
    pub fn with_store(mut self, store: Rc<Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// The cached value of the caller `key`, if it can be used at `now` and nothing else is to be done, as
    /// [`Shared::fresh`] says. Makes no host call. Only the order of last use changes.
    pub fn fresh(&mut self, key: &CallerKey, now: UnixTime) -> Option<&Rc<R::Value>> {
        let index = self.cached.iter().rposition(|(other, _)| other == key)?;
        self.cached.get(index)?.1.fresh(now)?;
        self.cached.get_mut(index..)?.rotate_left(1);
        self.cached.last()?.1.fresh(now)
    }

    /// The value of the caller `key` to use at `now`. `make` makes the resource if this instance has not cached it. It
    /// returns `None` if it cannot.
    ///
    /// # Errors
    /// As [`Shared::get`].
    pub fn get<M: Into<Option<R>>>(
        &mut self,
        key: &CallerKey,
        now: UnixTime,
        make: impl FnOnce() -> M,
    ) -> Result<Rc<R::Value>, Failure> {
        let mut shared = match self.cached.iter().position(|(other, _)| other == key) {
            Some(index) => self.cached.remove(index).1,
            None => {
                let resource = make()
                    .into()
                    .ok_or(Failure::unreachable(Duration::from_secs(1)))?;
                let shared = Shared::new(resource, Rc::clone(&self.platform), Rc::clone(&self.client));
                Box::new(match &self.store {
                    Some(store) => shared
                        .with_store(Rc::clone(store))
                        .map_err(|_| Failure::overloaded())?,
                    None => shared,
                })
            }
        };
        let value = shared.get(now);
        // A caller without a value replaces no other.
        if value.is_ok() {
            if self.cached.len() >= self.most.max(1) {
                self.cached.remove(0);
            }
            self.cached.push((*key, shared));
        }
        value
    }

    /// Drops the value `seen` of the caller `key` everywhere, as [`Shared::discard`] does.
    pub fn discard(&mut self, key: &CallerKey, seen: &Rc<R::Value>, interval: Duration) -> bool {
        let known = self.cached.iter_mut().find(|(other, _)| other == key);
        known.is_some_and(|(_, shared)| shared.discard(seen, interval))
    }
}
