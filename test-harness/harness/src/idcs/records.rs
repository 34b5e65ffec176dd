//! Records of the requests that the mock IDCS saw and the tokens that it issued.

use std::collections::{BTreeMap, HashMap};

use super::switches::Endpoint;

/// A request that reached the mock. Secrets are not recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordedRequest {
    /// The endpoint, or `None` for other paths.
    pub endpoint: Option<Endpoint>,
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The fields of the form. Secrets are replaced by `[redacted]`.
    pub form: BTreeMap<String, String>,
    /// The scheme of the Authorization header, if the request has one.
    pub authorization_scheme: Option<String>,
    /// The client ID that the header or the body claims.
    pub client_id: Option<String>,
    /// The status of the answer. `None` if there is no answer yet, or if there will never be one.
    pub status: Option<u16>,
}

/// A token that the token endpoint issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedToken {
    /// The claim `jti`.
    pub jti: String,
    /// The client that it was issued to.
    pub client_id: String,
    /// The claim `exp` in Unix seconds.
    pub exp: i64,
    /// The claim `aud`.
    pub audience: Vec<String>,
    /// The claim `scope`.
    pub scope: String,
}

#[derive(Default)]
pub(super) struct Records {
    pub(super) requests: Vec<RecordedRequest>,
    pub(super) issued: Vec<IssuedToken>,
    /// The number of cleared requests before the first one in `requests`.
    forgotten: usize,
    seconds: HashMap<Endpoint, (i64, usize)>,
}

impl Records {
    /// Records the request and returns its index for [`Self::answered`].
    pub(super) fn arrived(&mut self, request: RecordedRequest) -> usize {
        self.requests.push(request);
        self.forgotten + self.requests.len() - 1
    }

    pub(super) fn answered(&mut self, place: usize, status: u16) {
        let place = place.checked_sub(self.forgotten);
        if let Some(request) = place.and_then(|place| self.requests.get_mut(place)) {
            request.status = Some(status);
        }
    }

    pub(super) fn forget(&mut self) {
        self.forgotten += self.requests.len();
        self.requests.clear();
        self.issued.clear();
    }

    pub(super) fn calls(&self, endpoint: Endpoint) -> usize {
        self.requests
            .iter()
            .filter(|request| request.endpoint == Some(endpoint))
            .count()
    }

    /// Counts a request. Returns the number of requests that the endpoint has received in this second.
    pub(super) fn count_in_second(&mut self, endpoint: Endpoint, second: i64) -> usize {
        let (since, count) = self.seconds.entry(endpoint).or_insert((second, 0));
        if *since != second {
            (*since, *count) = (second, 0);
        }
        *count += 1;
        *count
    }
}
