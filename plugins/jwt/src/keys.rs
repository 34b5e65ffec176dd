//! Where verification keys come from.

use std::rc::Rc;

use jose::KeySet;
use middleware::UnixTime;

/// A source of verification keys. Sets are compared by value where it matters, so an implementation may
/// hand out a new `Rc` for the same keys.
pub trait KeySource {
    /// The keys to use at `now`.
    ///
    /// # Errors
    /// [`KeysUnavailable`] when there are none, or the ones there are have become too old.
    fn keys(&mut self, now: UnixTime) -> Result<Rc<KeySet>, KeysUnavailable>;

    /// Asks for newer keys than `seen`, because a token named an unknown key or failed under a known one: the
    /// issuer may have changed its keys. Anyone can cause this with a forged token, so implementations
    /// limit how often they act on it; when they do not act they return the current set.
    ///
    /// # Errors
    /// [`KeysUnavailable`] when newer keys were asked for and could not be had.
    fn refetch(&mut self, now: UnixTime, seen: &Rc<KeySet>) -> Result<Rc<KeySet>, KeysUnavailable>;

    /// Gets the keys ahead of need, if they have to be got at all.
    fn prefetch(&mut self) {}
}

/// There are no keys to judge a token with. Not the caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeysUnavailable {
    /// When it is worth trying again, in seconds.
    pub retry_after_seconds: u64,
    /// Whether the identity provider was not even asked, because too many requests wait for its answer
    /// already.
    pub overloaded: bool,
}

/// Keys from the configuration. They never change while the instance lives.
#[derive(Debug, Clone)]
pub struct StaticKeys(Rc<KeySet>);

impl StaticKeys {
    /// A source that always answers with `keys`.
    pub const fn new(keys: Rc<KeySet>) -> Self {
        Self(keys)
    }
}

impl KeySource for StaticKeys {
    fn keys(&mut self, _: UnixTime) -> Result<Rc<KeySet>, KeysUnavailable> {
        Ok(Rc::clone(&self.0))
    }

    fn refetch(&mut self, _: UnixTime, _: &Rc<KeySet>) -> Result<Rc<KeySet>, KeysUnavailable> {
        Ok(Rc::clone(&self.0))
    }
}

impl KeySource for Box<dyn KeySource> {
    fn keys(&mut self, now: UnixTime) -> Result<Rc<KeySet>, KeysUnavailable> {
        (**self).keys(now)
    }

    fn refetch(&mut self, now: UnixTime, seen: &Rc<KeySet>) -> Result<Rc<KeySet>, KeysUnavailable> {
        (**self).refetch(now, seen)
    }

    fn prefetch(&mut self) {
        (**self).prefetch();
    }
}
