//! Takes over the values that other instances put into the state directory, under this name or under a former one.

use std::rc::Rc;

use super::envelope::Envelope;
use super::former::Former;
use super::instance::Instance;
use crate::state::{Lease, Observer};

impl Instance {
    /// Takes over the state directory's value if it is not the cached one. Only the holder of the lease publishes, so
    /// the directory has the latest value.
    pub(super) fn adopt(&mut self) {
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
        // The directory has the latest value, unless a later one could not be written there.
        let (trouble, fetched_at) = (self.trouble.is_some(), envelope.fetched_at);
        let newer = self.cached.as_ref().is_none_or(|cached| {
            cached.generation != envelope.generation && !(trouble && cached.fetched_at >= fetched_at)
        });
        if newer
            && now < envelope.lifetime.usable_until
            && let Some(value) = self.resource.decode(&envelope.payload)
        {
            self.trouble = None;
            self.cache(&envelope, value);
        }
    }

    /// Takes over the state directory's value. Returns whether the cached one is usable then.
    pub(super) fn adopt_usable(&mut self) -> bool {
        self.adopt();
        self.is_usable()
    }

    /// Handles a state directory without a value. If the cached value was discarded, it is dropped. Otherwise somebody
    /// has emptied the directory, and the cached value is as good as before.
    fn drop_discarded(&mut self) {
        self.last_entry = None;
        let cached = self.cached.as_ref().map(|cached| cached.generation);
        if cached.is_some() && self.last_discard().map(|(_, generation)| generation) == cached {
            self.drop_cached();
        }
    }

    /// Takes over what the former secret fetched, if there is nothing newer.
    pub(super) fn adopt_former(&mut self) {
        if self.cached.is_some() {
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
        if envelope.lifetime.usable_until <= self.platform.now() || self.is_discarded(envelope.generation) {
            return;
        }
        if let Some(value) = self.resource.decode(&envelope.payload) {
            self.cache(&envelope, value);
            self.share_former(&envelope);
        }
    }

    /// Publishes the value under its new name, for instances that know only the new secret. If another instance holds
    /// the lease, it is about to publish something newer.
    fn share_former(&mut self, envelope: &Envelope) {
        let platform = Rc::clone(&self.platform);
        let name = self.resource.name().as_str().to_owned();
        let lease = Lease::try_take(&*platform, &name, &mut Observer::default());
        if let Ok(Some(_lease)) = lease
            && matches!(platform.directory().read(&name), Ok(None))
            && let Ok(text) = self.resource.seal().close(&envelope.encode(), &*platform)
        {
            // If this fails, the other instances fetch it themselves.
            let _ = self.values().publish(&name, &text);
        }
    }
}

#[cfg(test)]
mod tests;
