//! A secret that can be used once, in exchange for its successor: a refresh token of a provider that rotates them (RFC
//! 9700 section 4.14.2).
//!
//! A [`Lease`](crate::state::Lease) is not enough to protect such a secret. A slow holder of a lease costs one more
//! fetch. A second use of the secret while the first one is under way makes the provider withdraw the whole grant. So
//!
//! * only one instance can claim a stored secret. If nothing can keep others from claiming it too, it is not used,
//! * an instance that is killed during a use leaves its claim behind. The claim says until when the instance may still
//!   get an answer. Until then, and for a margin, no other instance begins a use. After that the secret may be used
//!   again: if the first use arrived, its answer is lost, and the grant with it; if it did not arrive, nothing has
//!   happened,
//! * no use begins before there is room for the successor, and the successor is stored before the use ends.
//!
//! * `place`: where secrets are kept and claimed. `in_directory`: in the state directory; `in_store`: in a [`Store`].
//! * `stored_secret`: a secret in the form in which it is kept. `room`: room for a successor.
//! * `error`: how a use fails.

mod error;
mod in_directory;
mod in_store;
mod place;
mod room;
mod stored_secret;

use std::rc::Rc;
use std::time::Duration;

use egress::platform::Platform;
use middleware::{Secret, UnixTime};

pub use self::error::{PlaceError, UseError};
use self::in_directory::InDirectory;
use self::in_store::InStore;
pub use self::place::Replaced;
use self::place::{Claim, LONGEST_USE, Place};
use crate::state::{Seal, StateName};
use crate::store::{Store, StoreError};

/// The secret with one name.
pub struct SingleUse {
    place: Box<dyn Place>,
}

/// A use of the secret. End it by [`Use::replace`], [`Use::give_back`] or [`Use::lose`]. Otherwise it counts as under
/// way until its time is over.
#[must_use = "nobody else can use the secret until this use ends"]
pub struct Use<'s> {
    place: &'s dyn Place,
    claim: Claim,
}

impl SingleUse {
    /// The secret `name` in the state directory, protected by `seal`.
    pub fn in_directory(name: StateName, seal: Seal, platform: Rc<dyn Platform>) -> Self {
        let place = Box::new(InDirectory::new(name, seal, platform));
        Self { place }
    }

    /// The secret `name` in `store`, protected by `seal` and the store's secret. A secret that is in the state
    /// directory moves to the store. Each operation waits up to `patience` for the right to use sockets.
    ///
    /// # Errors
    /// [`StoreError::Seal`].
    pub fn in_store(
        name: StateName,
        seal: Seal,
        platform: Rc<dyn Platform>,
        store: Rc<Store>,
        patience: Duration,
    ) -> Result<Self, StoreError> {
        let place = Box::new(InStore::new(name, seal, platform, store, patience)?);
        Ok(Self { place })
    }

    /// Checks whether the secret can be kept.
    ///
    /// # Errors
    /// [`PlaceError`] if it cannot.
    pub fn check(&self) -> Result<(), PlaceError> {
        self.place.check()
    }

    /// Stores `secret`, and replaces any other secret.
    ///
    /// # Errors
    /// [`PlaceError`]. The state directory then has the same secret as before. The store may have either one.
    pub fn put(&self, secret: &Secret) -> Result<(), PlaceError> {
        self.place.put(secret)
    }

    /// Begins a use of the secret, which may last for `span`.
    ///
    /// # Errors
    /// [`UseError`]. Nothing has changed then.
    pub fn begin(&self, span: Duration) -> Result<Use<'_>, UseError> {
        let place = &*self.place;
        let claim = place.begin(span.min(LONGEST_USE))?;
        Ok(Use { place, claim })
    }
}

impl Use<'_> {
    /// The secret to use.
    pub const fn secret(&self) -> &Secret {
        &self.claim.stored.secret
    }

    /// At this time and later another instance may use the secret. This use must be over.
    pub const fn until(&self) -> UnixTime {
        self.claim.until
    }

    /// Ends a use that succeeded: `successor` replaces the secret.
    ///
    /// # Errors
    /// [`PlaceError`] if storing it failed for some seconds. Both secrets are lost then.
    pub fn replace(self, successor: &Secret) -> Result<Replaced, PlaceError> {
        self.place.replace(&self.claim, successor)
    }

    /// Ends a use after which the secret is as good as before: it was not used up, or it has no successor.
    pub fn give_back(self) {
        self.place.give_back(&self.claim);
    }

    /// Ends a use after which the other side never accepts the secret again. Returns false if another secret has
    /// replaced it meanwhile.
    ///
    /// # Errors
    /// [`PlaceError`].
    pub fn lose(self) -> Result<bool, PlaceError> {
        self.place.lose(&self.claim)
    }
}
