//! Records of the requests and tokens that the mock OIC saw.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};

use crate::hex;

/// Returns the SHA-256 of a token in hex. Records and echoes contain this hash instead of the token.
pub fn token_hash(token: &str) -> String {
    hex::sha256(token)
}

/// A request that reached the mock. The credentials in its Authorization header are replaced by their SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRequest {
    /// The method.
    pub method: String,
    /// The path as it was received, without the query.
    pub path: String,
    /// The query as it was received, or `None` if there was no question mark.
    pub query: Option<String>,
    /// The headers in their original order. `Authorization` is `<scheme> sha256:<hex>`.
    pub headers: Vec<(String, String)>,
}

impl RecordedRequest {
    /// Returns the first header of this name (in lowercase).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns the number of headers with this name (in lowercase).
    pub fn count(&self, name: &str) -> usize {
        self.headers.iter().filter(|(known, _)| known == name).count()
    }

    pub(super) fn new(parts: &Parts) -> Self {
        Self {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().map(str::to_owned),
            headers: redacted(&parts.headers),
        }
    }
}

/// A distinct bearer token that reached the mock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenToken {
    /// The SHA-256 in hex; see [`super::token_hash`].
    pub hash: String,
    /// The claim `sub`, or an empty string if the domain did not sign the token.
    pub sub: String,
    /// The claim `exp` in Unix seconds, or zero if it is missing.
    pub exp: i64,
    /// The number of requests with this token.
    pub requests: usize,
    /// The verdict on its last request.
    pub verdict: Verdict,
}

/// The result of checking a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The token is valid.
    Accepted,
    /// The token is signed by the domain, but has expired.
    Expired,
    /// The domain did not sign the token, or it is not a token.
    Foreign,
    /// The token is not an access token.
    NotAnAccessToken,
    /// The token was valid until [`super::OicHandle::revoke_seen_tokens`].
    Revoked,
    /// The token does not have the primary audience of the instance.
    WrongAudience,
}

/// The requests. The last one is formatted only when a test reads it.
#[derive(Default)]
pub(super) struct Records {
    pub(super) count: usize,
    last: Option<Arc<Parts>>,
}

impl Records {
    pub(super) fn arrived(&mut self, parts: &Arc<Parts>) {
        self.count += 1;
        self.last = Some(Arc::clone(parts));
    }

    pub(super) fn last(&self) -> Option<RecordedRequest> {
        self.last.as_deref().map(RecordedRequest::new)
    }
}

fn redacted(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers
        .iter()
        .map(|(name, value)| {
            let value = match text(value) {
                value if name == header::AUTHORIZATION => match value.split_once(' ') {
                    Some((scheme, credentials)) => format!("{scheme} sha256:{}", token_hash(credentials)),
                    None => format!("sha256:{}", token_hash(&value)),
                },
                value => value,
            };
            (name.as_str().to_owned(), value)
        })
        .collect()
}
