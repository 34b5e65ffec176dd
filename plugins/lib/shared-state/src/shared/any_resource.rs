//! A resource and its value, without the value's type.
//!
//! The rules for sharing a value do not depend on what the value is. Compiled for each type of value, they would make
//! every module larger, and reloads slower. So they work with this trait, and [`Shared`](super::Shared) restores the
//! type.

use std::any::Any;
use std::rc::Rc;

use egress::Url;
use middleware::UnixTime;

use super::fetch_error::FetchError;
use super::former::Former;
use super::resource::{Exchange, Lifetime, Resource};
use crate::state::{Seal, StateName};

/// A [`Resource`] without its type, and a place for its value.
pub(super) trait AnyResource {
    /// [`Resource::name`].
    fn name(&self) -> &StateName;

    /// [`Resource::kind`].
    fn kind(&self) -> &'static str;

    /// [`Resource::url`].
    fn url(&self) -> &Url;

    /// [`Resource::seal`].
    fn seal(&self) -> &Seal;

    /// [`Resource::former`].
    fn former(&self) -> Option<&Former>;

    /// [`Resource::proof`].
    fn proof(&self) -> Option<&str>;

    /// [`Resource::decode`].
    fn decode(&self, bytes: &[u8]) -> Option<AnyValue>;

    /// [`Resource::fetch`], and [`Resource::encode`] for the value.
    ///
    /// # Errors
    /// [`FetchError`].
    fn fetch(&self, send: &mut Exchange<'_>, now: UnixTime) -> Result<AnyFetched, FetchError>;

    /// Replaces the value with one that this resource has decoded or fetched, or removes it. Returns whether there is a
    /// value now.
    fn hold(&mut self, value: Option<AnyValue>) -> bool;

    /// Whether the value is at this address. Addresses tell values apart.
    fn holds(&self, address: *const ()) -> bool;
}

/// A value whose type only its resource knows.
pub(super) type AnyValue = Rc<dyn Any>;

/// A fetched value, its encoded form, and its lifetime.
pub(super) struct AnyFetched {
    pub(super) value: AnyValue,
    pub(super) payload: Vec<u8>,
    pub(super) lifetime: Lifetime,
}

/// A resource of a known type, and its value.
pub(super) struct Typed<R: Resource> {
    pub(super) resource: R,
    pub(super) value: Option<Rc<R::Value>>,
}

/// The address of a value, to tell it from others.
pub(super) fn address<V>(value: &Rc<V>) -> *const () {
    Rc::as_ptr(value).cast()
}

impl<R: Resource> AnyResource for Typed<R> {
    fn name(&self) -> &StateName {
        self.resource.name()
    }

    fn kind(&self) -> &'static str {
        self.resource.kind()
    }

    fn url(&self) -> &Url {
        self.resource.url()
    }

    fn seal(&self) -> &Seal {
        self.resource.seal()
    }

    fn former(&self) -> Option<&Former> {
        self.resource.former()
    }

    fn proof(&self) -> Option<&str> {
        self.resource.proof()
    }

    fn decode(&self, bytes: &[u8]) -> Option<AnyValue> {
        Some(Rc::new(self.resource.decode(bytes)?))
    }

    fn fetch(&self, send: &mut Exchange<'_>, now: UnixTime) -> Result<AnyFetched, FetchError> {
        let fetched = self.resource.fetch(send, now)?;
        Ok(AnyFetched {
            payload: self.resource.encode(&fetched.value),
            value: Rc::new(fetched.value),
            lifetime: fetched.lifetime,
        })
    }

    fn hold(&mut self, value: Option<AnyValue>) -> bool {
        self.value = value.and_then(|value| value.downcast().ok());
        self.value.is_some()
    }

    fn holds(&self, other: *const ()) -> bool {
        self.value.as_ref().is_some_and(|value| address(value) == other)
    }
}
