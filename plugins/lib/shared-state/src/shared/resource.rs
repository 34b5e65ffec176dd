//! What is fetched and shared.

use egress::{Url, WireError};
use http::{Request, Response};
use middleware::UnixTime;

use super::fetch_error::FetchError;
use super::former::Former;
use crate::state::{Seal, StateName};

/// Something that can be fetched, kept in the state directory and shared.
pub trait Resource: 'static {
    /// The decoded value.
    type Value;

    /// The name under which it is kept.
    fn name(&self) -> &StateName;

    /// What the log calls it, for example `jwks`.
    fn kind(&self) -> &'static str;

    /// Where it comes from, for the log.
    fn url(&self) -> &Url;

    /// How it is protected in the state directory.
    fn seal(&self) -> &Seal;

    /// Where it was kept before a secret of the configuration changed, if one did while this instance ran.
    fn former(&self) -> Option<&Former> {
        None
    }

    /// A fingerprint of the credentials that the gateway uses, for resources whose name and seal do not depend on all
    /// of them. If the provider refuses one secret, that says nothing about another.
    fn proof(&self) -> Option<&str> {
        None
    }

    /// Encodes a value for the state directory.
    fn encode(&self, value: &Self::Value) -> Vec<u8>;

    /// Decodes what [`Resource::encode`] wrote. Returns `None` for anything else.
    fn decode(&self, bytes: &[u8]) -> Option<Self::Value>;

    /// Fetches the value. Each call of `send` performs one HTTP exchange. All exchanges of one fetch share its time
    /// limit. `now` is the time before the fetch.
    ///
    /// # Errors
    /// [`FetchError`] says whose fault it is.
    fn fetch(&self, send: &mut Exchange<'_>, now: UnixTime) -> Result<Fetched<Self::Value>, FetchError>;
}

/// Performs one HTTP exchange with the absolute URL of the request.
pub type Exchange<'s> = dyn FnMut(&Request<Vec<u8>>) -> Result<Response<Vec<u8>>, WireError> + 's;

/// A fetched value and its lifetime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched<V> {
    /// The value.
    pub value: V,
    /// Its lifetime.
    pub lifetime: Lifetime,
}

/// When to renew a value, and when it must no longer be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// At this time an instance should fetch a newer value.
    pub refresh_at: UnixTime,
    /// At this time and later the value must not be used.
    pub usable_until: UnixTime,
}
