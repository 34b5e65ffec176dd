//! Values that were fetched before a secret of the configuration changed.
//!
//! The name and the seal of a value depend on the secret that fetched it, so an instance with a new secret finds
//! nothing. The old value is as good as before, though, and belongs to the same configuration. An instance that knows
//! both secrets takes it over. Otherwise each change would cost a fetch at once, and would fail requests if the
//! provider learns of the new secret a moment later.

use std::rc::Rc;

use crate::state::{Seal, StateName};

/// Where a resource was kept before a secret changed.
#[derive(Debug, Clone)]
pub struct Former {
    pub(super) name: StateName,
    pub(super) seal: Rc<Seal>,
}

impl Former {
    /// Where a resource with this name and this seal is kept.
    pub const fn new(name: StateName, seal: Rc<Seal>) -> Self {
        Self { name, seal }
    }

    /// Returns `self` if its resource differs from the one with this `name` and this `seal` in the secret alone.
    /// Returns `None` if something else differs, such as the URL, or nothing at all.
    pub fn of(self, name: &StateName, seal: &Seal) -> Option<Self> {
        (self.name != *name && self.seal.has_identity_of(seal)).then_some(self)
    }
}
