//! Sources of verification keys.

use std::rc::Rc;

use claims::same_issuer;
use jose::{Claims, KeySet};
use middleware::UnixTime;
use shared_state::{Failure, Former};

/// A source of verification keys.
///
/// Key sets are compared by value where it matters, so an implementation may return a new `Rc` for the same keys.
pub trait KeySource {
    /// Returns the keys to use at `now`.
    ///
    /// # Errors
    /// [`Failure`] if there are no keys, or if they are too old.
    fn keys(&mut self, now: UnixTime) -> Result<Rc<KeySet>, Failure>;

    /// Returns the keys to use at `now`, if nothing at all needs to be done to get them. Otherwise [`KeySource::keys`]
    /// does it.
    fn fresh(&self, now: UnixTime) -> Option<&Rc<KeySet>>;

    /// Asks for newer keys than `seen`, because a token named an unknown key or its signature did not verify. The
    /// issuer may have changed its keys.
    ///
    /// Anyone can cause this with a forged token, so implementations limit how often they act on it. If they do not
    /// act, or if the fetch fails, they return the current keys.
    fn refetch(&mut self, seen: &Rc<KeySet>) -> Rc<KeySet>;

    /// Fetches the keys before they are needed, if they are fetched at all.
    fn prefetch(&mut self) {}

    /// Returns where the keys are shared, if they are.
    fn place(&self) -> Option<Former> {
        None
    }

    /// Takes over from a source that shared its keys at `before`.
    fn take_over(&mut self, before: Former) {
        drop(before);
    }
}

/// Sources of keys by issuer. The keys of one issuer never verify tokens of another.
pub struct Issuers<K>(Vec<(Option<String>, K)>);

impl<K: KeySource> Issuers<K> {
    /// Creates one source for all issuers.
    pub fn any(keys: K) -> Self {
        Self(vec![(None, keys)])
    }

    /// Creates one source per issuer. A source without a name serves all other issuers.
    pub fn new(sources: Vec<(Option<String>, K)>) -> Self {
        Self(sources)
    }

    /// Returns the index of the source for a token with these claims. The claims need not be verified yet: the keys of
    /// that source will verify them.
    pub(crate) fn place_for(&self, claims: &Claims) -> Option<usize> {
        let issuer = claims.get("iss").and_then(|issuer| issuer.as_str());
        let mut sources = self.0.iter();
        let named = sources.position(|(name, _)| match (name, issuer) {
            (Some(name), Some(issuer)) => same_issuer(name, issuer),
            _ => false,
        });
        named.or_else(|| self.0.iter().position(|(name, _)| name.is_none()))
    }

    /// Returns the source at an index from [`Issuers::place_for`].
    pub(crate) fn at(&mut self, place: usize) -> Option<&mut K> {
        self.0.get_mut(place).map(|(_, keys)| keys)
    }

    /// Returns the keys of the source at this index, if they are [fresh](KeySource::fresh).
    pub(crate) fn fresh(&self, place: usize, now: UnixTime) -> Option<&Rc<KeySet>> {
        self.0.get(place).and_then(|(_, keys)| keys.fresh(now))
    }

    /// Takes over from sources whose configuration differs only in secrets.
    pub(crate) fn take_over(&mut self, before: Self) {
        for ((_, keys), (_, before)) in self.0.iter_mut().zip(before.0) {
            if let Some(place) = before.place() {
                keys.take_over(place);
            }
        }
    }

    /// Fetches keys before they are needed, if there is only one source. With several issuers, keys are fetched on
    /// demand: startup must not wait for several providers that may all be unreachable.
    pub(crate) fn prefetch(&mut self) {
        if let [(_, only)] = self.0.as_mut_slice() {
            only.prefetch();
        }
    }
}

/// Keys from the configuration. They never change while the instance lives.
#[derive(Debug, Clone)]
pub struct StaticKeys(Rc<KeySet>);

impl StaticKeys {
    /// Creates a source that always returns `keys`.
    pub const fn new(keys: Rc<KeySet>) -> Self {
        Self(keys)
    }
}

impl KeySource for StaticKeys {
    fn keys(&mut self, _: UnixTime) -> Result<Rc<KeySet>, Failure> {
        Ok(Rc::clone(&self.0))
    }

    fn fresh(&self, _: UnixTime) -> Option<&Rc<KeySet>> {
        Some(&self.0)
    }

    fn refetch(&mut self, _: &Rc<KeySet>) -> Rc<KeySet> {
        Rc::clone(&self.0)
    }
}

impl KeySource for Box<dyn KeySource> {
    fn keys(&mut self, now: UnixTime) -> Result<Rc<KeySet>, Failure> {
        (**self).keys(now)
    }

    fn fresh(&self, now: UnixTime) -> Option<&Rc<KeySet>> {
        (**self).fresh(now)
    }

    fn refetch(&mut self, seen: &Rc<KeySet>) -> Rc<KeySet> {
        (**self).refetch(seen)
    }

    fn prefetch(&mut self) {
        (**self).prefetch();
    }

    fn place(&self) -> Option<Former> {
        (**self).place()
    }

    fn take_over(&mut self, before: Former) {
        (**self).take_over(before);
    }
}
