//! What the mock OIC saw.

use std::collections::VecDeque;
use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};

use crate::hex;

/// SHA-256 of a token in hex. Records and echoes name a token by it, so that they do not show the token.
pub fn token_hash(token: &str) -> String {
    hex::sha256(token)
}

/// A request that reached the mock; the Authorization header's credentials are replaced by their SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedRequest {
    /// The method.
    pub method: String,
    /// The path as it came, without the query.
    pub path: String,
    /// The query as it came; `None` without a question mark.
    pub query: Option<String>,
    /// The headers in their order; `Authorization` is `<scheme> sha256:<hex>`.
    pub headers: Vec<(String, String)>,
}

impl RecordedRequest {
    /// The first header of this name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// How many headers of this name (lower case) came.
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

/// A distinct bearer token that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenToken {
    /// SHA-256 in hex, as [`super::token_hash`] gives it.
    pub hash: String,
    /// The claim `sub`; empty if the token is not the domain's.
    pub sub: String,
    /// The claim `exp`, Unix seconds; zero if there is none.
    pub exp: i64,
    /// How many requests came with it.
    pub requests: usize,
    /// What became of its last request.
    pub verdict: Verdict,
}

/// What the mock thinks of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Good.
    Accepted,
    /// The domain's own, but past its `exp`.
    Expired,
    /// Not signed by the domain, or no token at all.
    Foreign,
    /// Of another kind than an access token.
    NotAnAccessToken,
    /// Good until [`super::OicHandle::revoke_seen_tokens`].
    Revoked,
    /// Without the instance's primary audience.
    WrongAudience,
}

/// The last requests; they are put into words only when somebody asks.
#[derive(Default)]
pub(super) struct Records {
    pub(super) count: usize,
    last: VecDeque<Arc<Parts>>,
}

impl Records {
    pub(super) fn arrived(&mut self, parts: &Arc<Parts>) {
        self.count += 1;
        if self.last.len() == REQUESTS_KEPT {
            self.last.pop_front();
        }
        self.last.push_back(Arc::clone(parts));
    }

    pub(super) fn last(&self) -> Option<RecordedRequest> {
        self.last.back().map(|parts| RecordedRequest::new(parts))
    }

    pub(super) fn all(&self) -> Vec<RecordedRequest> {
        self.last
            .iter()
            .map(|parts| RecordedRequest::new(parts))
            .collect()
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

const REQUESTS_KEPT: usize = 1024;
