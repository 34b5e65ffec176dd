//! Where a resource is in the store.

use std::rc::Rc;

use super::any_resource::AnyResource;
use crate::store::{Store, StoreError, StoreKey};

/// A resource in the store.
pub(super) struct Remote {
    pub(super) store: Rc<Store>,
    pub(super) value: StoreKey,
    pub(super) failure: StoreKey,
}

impl Remote {
    /// The resource in `store`.
    pub(super) fn new(resource: &dyn AnyResource, store: Rc<Store>) -> Result<Self, StoreError> {
        let key = |role| store.key(resource.name(), resource.seal(), role);
        let (value, failure) = (key("")?, key(".fail")?);
        Ok(Self {
            store,
            value,
            failure,
        })
    }
}
