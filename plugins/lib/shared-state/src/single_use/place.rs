//! Where secrets are kept and claimed.

use std::time::Duration;

use middleware::{Secret, UnixTime};

use super::error::{PlaceError, UseError};
use super::stored_secret::StoredSecret;
use crate::clock::CLOCK_DIFFERENCE;

/// The longest use. A claim that lasts longer is from before the clock was set back.
pub(super) const LONGEST_USE: Duration = Duration::from_secs(600);

/// Where a secret is kept and claimed.
pub(super) trait Place {
    /// See [`SingleUse::check`](super::SingleUse::check).
    fn check(&self) -> Result<(), PlaceError>;

    /// See [`SingleUse::put`](super::SingleUse::put).
    fn put(&self, secret: &Secret) -> Result<(), PlaceError>;

    /// Claims the secret for `span`. End the claim by one of the following methods.
    fn begin(&self, span: Duration) -> Result<Claim, UseError>;

    /// See [`Use::replace`](super::Use::replace).
    fn replace(&self, claim: &Claim, successor: &Secret) -> Result<Replaced, PlaceError>;

    /// See [`Use::give_back`](super::Use::give_back).
    fn give_back(&self, claim: &Claim);

    /// See [`Use::lose`](super::Use::lose).
    fn lose(&self, claim: &Claim) -> Result<bool, PlaceError>;
}

/// The right to use a secret.
pub(super) struct Claim {
    pub(super) stored: StoredSecret,
    pub(super) until: UnixTime,
    /// Distinguishes this claim from others in its place.
    pub(super) mark: String,
}

impl Claim {
    /// For how long at most the owner of a claim until `until` may still use the secret, or `None` if the claim is
    /// over.
    pub(super) fn left(until: UnixTime, now: UnixTime) -> Option<Duration> {
        let over = until.plus(CLOCK_DIFFERENCE);
        (now < over && until <= now.plus(LONGEST_USE)).then(|| over.since(now))
    }
}

/// What happened to a successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// It has replaced the secret.
    Done,
    /// The store did not take it. It waits in the state directory, and goes to the store with the next use that begins
    /// there. That must be soon: otherwise another machine finds the spent secret refused, and marks it as lost for
    /// good.
    ForNow,
    /// Another secret was put in place meanwhile, so the successor is dropped.
    Unwanted,
}
