//! A native authoriser for Traefik's forwardAuth. It costs as little as possible, so that the row shows the price of
//! asking at all. It verifies the RS256 signature and `exp` of each token once.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use super::server::{Answer, Server};
use super::wire::header;
use harness::keys::SigningKey;
use harness::verification;

/// A running authoriser. Stops when dropped.
pub(super) struct Authoriser {
    server: Server,
}

impl Authoriser {
    /// Starts an authoriser that accepts tokens signed by `key`.
    pub(super) fn start(key: SigningKey) -> io::Result<Self> {
        let service = Service {
            keys: [key],
            verified: HashMap::new(),
        };
        Ok(Self {
            server: Server::start(service)?,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.server.address()
    }
}

struct Service {
    keys: [SigningKey; 1],
    /// The `exp` of each verified token, by the whole token.
    verified: HashMap<Vec<u8>, i64>,
}

impl Service {
    fn accepts(&mut self, head: &[u8], now: i64) -> bool {
        let authorization = header(head, "authorization").unwrap_or_default();
        let Some(token) = authorization.strip_prefix(b"Bearer ") else {
            return false;
        };
        if let Some(exp) = self.verified.get(token) {
            return now < *exp;
        }
        let text = std::str::from_utf8(token).unwrap_or_default();
        let Ok(claims) = verification::verify(&self.keys, text, now) else {
            return false;
        };
        if self.verified.len() >= MOST_TOKENS {
            self.verified.clear();
        }
        let exp = claims.get("exp").and_then(serde_json::Value::as_i64);
        self.verified.insert(token.to_vec(), exp.unwrap_or_default());
        true
    }
}

impl Answer for Service {
    fn answer(&mut self, head: &[u8]) -> Option<&[u8]> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        Some(if self.accepts(head, now) { YES } else { NO })
    }
}

const YES: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const NO: &[u8] = b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n";
const MOST_TOKENS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use harness::idcs::Idcs;

    #[test]
    fn only_good_tokens_pass_the_first_time_and_later() {
        let idcs = Idcs::builder().plain_http().start();
        let mut service = Service {
            keys: [idcs.signing_key()],
            verified: HashMap::new(),
        };
        let now = idcs.clock().now();
        let good = idcs.client_token().mint();
        for (token, at, expected) in [
            (good.as_str(), now, true),
            (&good, now, true),
            (&good, now + 100_000, false),
            (&idcs.client_token().expired().mint(), now, false),
            (&idcs.client_token().signed_by_another_key().mint(), now, false),
            ("", now, false),
        ] {
            let head = format!("GET / HTTP/1.1\r\nAuthorization: Bearer {token}\r\n\r\n");
            assert_eq!(service.accepts(head.as_bytes(), at), expected, "{token}");
        }
        assert!(!service.accepts(b"GET / HTTP/1.1\r\n\r\n", now));
    }
}
