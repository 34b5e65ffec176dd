//! What was fetched before a secret of the configuration changed.
//!
//! Where a value lies, and how it is sealed, depends on the secret that fetched it, so a new secret finds nothing. What the
//! old one fetched is as good as before, though, and belongs to the same configuration. An instance that has seen both
//! secrets takes it over: otherwise every change would cost a fetch at once, and requests, where the provider learns of
//! the new secret a moment later.

use std::rc::Rc;

use super::envelope::Envelope;
use super::{Held, Resource, Shared};
use crate::state::{Lease, Observer};
use crate::{Seal, StateName};

/// Where a resource lay before a secret changed.
#[derive(Debug, Clone)]
pub struct Former {
    name: StateName,
    seal: Rc<Seal>,
}

impl Former {
    /// The place that a resource with this name and this seal has.
    pub const fn new(name: StateName, seal: Rc<Seal>) -> Self {
        Self { name, seal }
    }

    /// The same, if what lies there is what a resource with the name `name` and the seal `seal` would hold, but for the
    /// secret. `None` if something else differs, such as the URL, or nothing.
    pub fn of(self, name: &StateName, seal: &Seal) -> Option<Self> {
        (self.name != *name && self.seal.has_identity_of(seal)).then_some(self)
    }
}

impl<R: Resource> Shared<R> {
    /// Takes over what the former secret fetched, where there is nothing newer.
    pub(super) fn adopt_former(&mut self) {
        if self.held.is_some() {
            return;
        }
        let Some(Former { name, seal }) = self.resource.former() else {
            return;
        };
        let text = self.values().read(name.as_str()).ok().flatten();
        let envelope = text
            .and_then(|text| seal.open(&text))
            .and_then(|bytes| Envelope::decode(&bytes));
        let Some(envelope) = envelope else { return };
        let discarded = [self.last_discard(), self.own.discard];
        let is_discarded = |discarded: &(_, _)| discarded.1 == envelope.generation;
        if envelope.lifetime.usable_until <= self.platform.now()
            || discarded.iter().flatten().any(is_discarded)
        {
            return;
        }
        if let Some(value) = self.resource.decode(&envelope.payload) {
            self.held = Some(Held::of(&envelope, Rc::new(value)));
            self.share_former(&envelope);
        }
    }

    /// Puts what was taken over in the place of its own, for instances that know the new secret alone. Whoever has the lease
    /// is about to put something newer there.
    fn share_former(&mut self, envelope: &Envelope) {
        let platform = Rc::clone(&self.platform);
        let name = self.resource.name().as_str().to_owned();
        let lease = Lease::try_take(&*platform, &name, &mut Observer::default());
        if let Ok(Some(_lease)) = lease
            && matches!(platform.directory().read(&name), Ok(None))
            && let Ok(text) = self.resource.seal().close(&envelope.encode(), &*platform)
        {
            // Others would fetch it for themselves.
            let _ = self.values().publish(&name, &text);
        }
    }
}
