//! A secret that may be used once, for its successor: a refresh token of a provider that rotates them (RFC 9700
//! section 4.14.2).
//!
//! Such a secret is more delicate than what a [`Lease`](crate::state::Lease) protects, where a slow owner costs one fetch
//! more: whoever uses it a second time, while the first use is still under way, makes the provider withdraw everything. So
//!
//! * only one can claim the use of a stored secret, and where nobody can be kept from claiming it too there is no use,
//! * who is killed in the middle leaves his claim behind. It tells until when he may still get an answer; before that time,
//!   and a margin, nobody else begins. After it the secret may be used again: if the first use arrived, its answer is lost,
//!   and the secret with it; if it did not, nothing has happened,
//! * nothing is used before there is room for its successor, and the successor is written down before the use ends.
//!
//! Where the secret is decides how it is claimed: `in_directory` for all that share a state directory, `in_store` for all
//! that share a [`Store`].

mod in_directory;
mod in_store;
mod record;
mod room;

use std::rc::Rc;
use std::time::Duration;

use middleware::{Secret, UnixTime};

use self::in_directory::InDirectory;
use self::in_store::InStore;
use self::record::Record;
use crate::state::{Seal, StateName};
use crate::store::{Store, StoreError};
use egress::platform::{DirectoryError, Platform};

/// How far the clocks of two machines that share the place may be apart.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(5);
/// No use takes longer. A claim that reaches farther into the future was made before the clock was set back.
const LONGEST_USE: Duration = Duration::from_secs(600);

/// The secret of one name, wherever it is kept.
pub struct SingleUse {
    place: Box<dyn Place>,
}

/// Where secrets are kept and claimed. A claim ends by one of the last three.
trait Place {
    fn check(&self) -> Result<(), PlaceError>;
    fn put(&self, secret: &Secret) -> Result<(), PlaceError>;
    fn begin(&self, span: Duration) -> Result<Claim, UseError>;
    fn replace(&self, claim: &Claim, successor: &Secret) -> Result<Replaced, PlaceError>;
    fn give_back(&self, claim: &Claim);
    fn lose(&self, claim: &Claim) -> Result<bool, PlaceError>;
}

/// The right to use a secret.
struct Claim {
    record: Record,
    until: UnixTime,
    /// What tells it from others' in its place.
    mark: String,
}

impl Claim {
    /// Whether somebody who claimed until `until` may still use the secret; then for how long at most.
    fn left(until: UnixTime, now: UnixTime) -> Option<Duration> {
        let over = until.plus(CLOCK_DIFFERENCE);
        (now < over && until <= now.plus(LONGEST_USE)).then(|| over.since(now))
    }
}

/// One use, in one's hands. End it by [`Use::replace`], [`Use::give_back`] or [`Use::lose`]; otherwise it counts as under
/// way until its time is over.
#[must_use = "nobody else can use the secret until this use ends"]
pub struct Use<'s> {
    place: &'s dyn Place,
    claim: Claim,
}

/// What became of a successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// It has taken the secret's place.
    Done,
    /// The store did not take it. It waits in the state directory, and goes to the store with the next use that begins
    /// there: soon, or another machine takes the spent secret for good.
    ForNow,
    /// Another secret has taken the place meanwhile: what the use gave is not wanted any more.
    Unwanted,
}

/// Why the place where the secret is kept could not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// The state directory failed.
    #[error("{0}")]
    Directory(#[from] DirectoryError),
    /// The store failed.
    #[error("the store: {0}")]
    Store(#[from] StoreError),
    /// Somebody else's is in the store.
    #[error("what lies in the store was put there with another store.secret, or has been changed")]
    Foreign,
}

/// Why the secret cannot be used now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UseError {
    /// There is none under this name and key.
    #[error("there is none")]
    Missing,
    /// The other side no longer takes the one that is there.
    #[error("the one that is there is no longer accepted")]
    Lost,
    /// Somebody uses it, or was killed in the middle and may still have been heard.
    #[error("it is in use, for {} ms at most", .left.as_millis())]
    Busy {
        /// When it is certainly over.
        left: Duration,
    },
    /// Its successor could not be kept, so it must not be used up.
    #[error("there is no room for its successor: {0}")]
    NoRoom(DirectoryError),
    /// The place failed. Without it nobody can be kept from using the secret at the same time.
    #[error("{0}")]
    Place(#[from] PlaceError),
}

impl From<DirectoryError> for UseError {
    fn from(error: DirectoryError) -> Self {
        Self::Place(error.into())
    }
}

impl SingleUse {
    /// The secret `name` in the state directory, protected by `seal`.
    pub fn in_directory(name: StateName, seal: Seal, platform: Rc<dyn Platform>) -> Self {
        let place = Box::new(InDirectory::new(name, seal, platform));
        Self { place }
    }

    /// The secret `name` in `store`, protected by `seal` and the store's secret. One that is in the state directory moves
    /// there. The right to use sockets is waited for as long as `patience`.
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

    /// Finds out whether the place can be used.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), PlaceError> {
        self.place.check()
    }

    /// Puts `secret` in the place of whatever is there.
    ///
    /// # Errors
    /// Why the place failed. In a directory what was there stays; in a store `secret` may have been put all the same.
    pub fn put(&self, secret: &Secret) -> Result<(), PlaceError> {
        self.place.put(secret)
    }

    /// The right to use the secret, for `span` at most.
    ///
    /// # Errors
    /// [`UseError`]; nothing has changed then.
    pub fn begin(&self, span: Duration) -> Result<Use<'_>, UseError> {
        let place = &*self.place;
        let claim = place.begin(span.min(LONGEST_USE))?;
        Ok(Use { place, claim })
    }
}

impl Use<'_> {
    /// What may be used once.
    pub const fn secret(&self) -> &Secret {
        &self.claim.record.secret
    }

    /// From here on somebody else may use it: the use must not begin any more.
    pub const fn until(&self) -> UnixTime {
        self.claim.until
    }

    /// The use succeeded: `successor` takes the secret's place.
    ///
    /// # Errors
    /// Why the place failed, and went on failing for some seconds. Both secrets are lost then.
    pub fn replace(self, successor: &Secret) -> Result<Replaced, PlaceError> {
        self.place.replace(&self.claim, successor)
    }

    /// The use is over, and the secret is as good as before: it was not taken, or it has no successor.
    pub fn give_back(self) {
        self.place.give_back(&self.claim);
    }

    /// The other side says that it never takes the secret again. False when another one has taken its place meanwhile.
    ///
    /// # Errors
    /// Why the place failed.
    pub fn lose(self) -> Result<bool, PlaceError> {
        self.place.lose(&self.claim)
    }
}
