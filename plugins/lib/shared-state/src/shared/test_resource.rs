//! A resource for tests: a number that a function fetches.

use std::rc::Rc;
use std::time::Duration;

use egress::Url;
use middleware::UnixTime;

use super::fetch_error::FetchError;
use super::former::Former;
use super::resource::{Exchange, Fetched, Lifetime, Resource};
use crate::state::{Seal, StateName};

/// A number, and how it is fetched.
pub(super) struct TestResource {
    pub(super) kind: &'static str,
    pub(super) url: Url,
    pub(super) name: StateName,
    pub(super) seal: Rc<Seal>,
    pub(super) former: Option<Former>,
    pub(super) proof: Option<&'static str>,
    pub(super) lifetime: Duration,
    pub(super) fetch: Box<Fetch>,
}

/// Fetches the number.
pub(super) type Fetch = dyn Fn(&mut Exchange<'_>) -> Result<u64, FetchError>;

impl TestResource {
    /// A resource with an hour's lifetime.
    pub(super) fn new(
        url: &str,
        name: StateName,
        seal: Seal,
        fetch: impl Fn(&mut Exchange<'_>) -> Result<u64, FetchError> + 'static,
    ) -> Self {
        Self {
            kind: "number",
            url: Url::parse(url).unwrap(),
            name,
            seal: Rc::new(seal),
            former: None,
            proof: None,
            lifetime: Duration::from_secs(3600),
            fetch: Box::new(fetch),
        }
    }
}

impl Resource for TestResource {
    type Value = u64;

    fn name(&self) -> &StateName {
        &self.name
    }

    fn kind(&self) -> &'static str {
        self.kind
    }

    fn url(&self) -> &Url {
        &self.url
    }

    fn seal(&self) -> &Seal {
        &self.seal
    }

    fn former(&self) -> Option<&Former> {
        self.former.as_ref()
    }

    fn proof(&self) -> Option<&str> {
        self.proof
    }

    fn encode(&self, value: &u64) -> Vec<u8> {
        value.to_be_bytes().to_vec()
    }

    fn decode(&self, bytes: &[u8]) -> Option<u64> {
        Some(u64::from_be_bytes(bytes.try_into().ok()?))
    }

    fn fetch(&self, send: &mut Exchange<'_>, now: UnixTime) -> Result<Fetched<u64>, FetchError> {
        Ok(Fetched {
            value: (self.fetch)(send)?,
            lifetime: Lifetime {
                refresh_at: now.plus(self.lifetime * 8 / 10),
                usable_until: now.plus(self.lifetime),
            },
        })
    }
}
