//! API keys: long random strings that callers send in a header. They are kept as SHA-256 digests.

use std::rc::Rc;

use middleware::RequestHead;
use sha2::{Digest as _, Sha256};

/// The SHA-256 digest of a key. This is enough for keys that cannot be guessed; passwords chosen by people would need
/// more.
pub(crate) type KeyDigest = [u8; 32];

/// The accepted API keys.
pub(crate) struct ApiKeys {
    header: Rc<str>,
    digests: Vec<KeyDigest>,
}

/// The verdict on a request's API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Judgement {
    Right,
    Missing,
    /// The key is unknown, or there is more than one.
    Wrong,
}

impl ApiKeys {
    pub(crate) fn new(header: String, digests: Vec<KeyDigest>) -> Self {
        Self {
            header: header.into(),
            digests,
        }
    }

    /// Returns the name of the header that holds the key.
    pub(crate) const fn header(&self) -> &Rc<str> {
        &self.header
    }

    /// Returns a challenge that names the header to send. A 401 must have a challenge (RFC 9110 §11.6.1), and there is
    /// no registered scheme for API keys.
    pub(crate) fn challenge(&self) -> String {
        format!(r#"ApiKey realm="oic-gateway", header="{}""#, self.header)
    }

    pub(crate) fn judge(&self, request: &dyn RequestHead) -> Judgement {
        let values = request.header(&self.header);
        let sent = match values.only() {
            Some(value) => value.trim_ascii(),
            None if values.is_empty() => return Judgement::Missing,
            None => return Judgement::Wrong,
        };
        if sent.is_empty() {
            return Judgement::Missing;
        }
        let sent = digest(sent);
        // Compare all keys and every byte, so that the time reveals nothing.
        let found = self
            .digests
            .iter()
            .fold(false, |found, known| found | same(known, &sent));
        if found { Judgement::Right } else { Judgement::Wrong }
    }
}

pub(crate) fn digest(key: &[u8]) -> KeyDigest {
    Sha256::digest(key).into()
}

fn same(one: &KeyDigest, other: &KeyDigest) -> bool {
    let difference = one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b));
    std::hint::black_box(difference) == 0
}
