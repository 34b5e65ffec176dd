//! One instance's view of a shared resource, with the type of its value.

use std::rc::Rc;
use std::time::Duration;

use egress::HttpClient;
use egress::platform::{DirectoryError, Platform};
use middleware::UnixTime;

use super::any_resource::{Typed, address};
use super::failure::Failure;
use super::instance::{Instance, NEVER};
use super::refetch::RefetchInterval;
use super::resource::Resource;
use crate::store::{Store, StoreError};

/// One instance's view of a shared resource.
pub struct Shared<R: Resource> {
    pub(super) instance: Instance<Typed<R>>,
}

impl<R: Resource> Shared<R> {
    /// A view without a value.
    pub fn new(resource: R, platform: Rc<dyn Platform>, client: Rc<HttpClient>) -> Self {
        let resource = Typed {
            resource,
            value: None,
        };
        Self {
            instance: Instance::new(resource, platform, client),
        }
    }

    /// Also shares the resource with other machines, through `store`.
    ///
    /// # Errors
    /// [`StoreError::Seal`].
    pub fn with_store(mut self, store: Rc<Store>) -> Result<Self, StoreError> {
        self.untyped().share_in(store)?;
        Ok(self)
    }

    /// The shared resource.
    pub const fn resource(&self) -> &R {
        &self.instance.resource.resource
    }

    /// The shared resource, to change what it fetches.
    pub const fn resource_mut(&mut self) -> &mut R {
        &mut self.instance.resource.resource
    }

    /// The cached value, if it can be used at `now` and nothing else is to be done: neither a fetch, nor a look at the
    /// state directory. Makes no host call and changes nothing. If it returns `None`, [`Shared::get`] does what is due.
    ///
    /// `now` must be the present time.
    #[inline]
    pub fn fresh(&self, now: UnixTime) -> Option<&Rc<R::Value>> {
        match self.instance.fresh.contains(&now) {
            true => self.instance.resource.value.as_ref(),
            false => None,
        }
    }

    /// The value to use at `now`, which must be the present time. It is a parameter because reading the clock is a host
    /// call.
    ///
    /// # Errors
    /// [`Failure`] if there is no usable value and none can be fetched.
    #[inline]
    pub fn get(&mut self, now: UnixTime) -> Result<Rc<R::Value>, Failure> {
        match self.fresh(now) {
            Some(value) => Ok(Rc::clone(value)),
            None => self.look_and_get(now),
        }
    }

    #[cold]
    fn look_and_get(&mut self, now: UnixTime) -> Result<Rc<R::Value>, Failure> {
        self.untyped().get(now)?;
        let value = self.instance.resource.value.clone();
        value.ok_or(Failure::unreachable(Duration::from_secs(1)))
    }

    /// Fetches the value ahead of need, when a middleware is built. It does not even try shortly after a failure:
    /// Traefik builds one middleware after the other, and an outage must delay its start once, not once for each
    /// middleware.
    pub fn prefetch(&mut self) {
        self.untyped().prefetch();
    }

    /// Gets a newer value than `seen`, because `seen` is not sufficient. It comes from the state directory if another
    /// instance has fetched one, otherwise from the network if `interval` allows a fetch. Returns the cached value if
    /// there is no newer one.
    pub fn renew(&mut self, seen: &Rc<R::Value>, interval: RefetchInterval) -> Rc<R::Value> {
        let is_usable = self.untyped().renew(address(seen), interval);
        let value = self.instance.resource.value.as_ref();
        Rc::clone(value.filter(|_| is_usable).unwrap_or(seen))
    }

    /// Drops the value `seen` everywhere, because the other side no longer accepts it. The next [`Shared::get`] fetches
    /// a new one. Returns whether it was dropped.
    ///
    /// Does nothing if a newer value has replaced it, or if a value was dropped less than `interval` ago: a server that
    /// rejects every value must not cause a fetch for each.
    pub fn discard(&mut self, seen: &Rc<R::Value>, interval: Duration) -> bool {
        self.untyped().discard(address(seen), interval)
    }

    /// Drops any value and any record of failures, for all instances, because the value's source has been replaced.
    /// Other machines use their cached values until they are due.
    ///
    /// # Errors
    /// Why the state directory failed.
    pub fn forget(&mut self) -> Result<(), DirectoryError> {
        self.untyped().forget()
    }

    /// The view without the type of the value, for everything that may change the view. The value then counts as fresh
    /// again after the next [`Shared::get`].
    pub(super) fn untyped(&mut self) -> &mut Instance {
        self.instance.fresh = NEVER;
        &mut self.instance
    }
}
