//! What the demo reads: tokens, and the times in the logs of Traefik and the plugins.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use harness::gateway::Gateway;

/// Keeps the beginning and end of a token: enough to recognise it, but useless as a token.
pub(super) fn shortened(token: &str) -> String {
    let (head, tail) = (token.get(..6), token.get(token.len().saturating_sub(4)..));
    match (head, tail) {
        (Some(head), Some(tail)) if token.len() > 20 => format!("{head}…{tail}"),
        _ => "…".to_owned(),
    }
}

/// Returns the claims of a token without verifying it, or `null` if there are none.
pub(super) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap_or_default();
    let bytes = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// Returns how long the plugins' fetches of this kind (`jwks` or `token`) took, from the events in Traefik's log.
pub(super) fn fetches(gateway: &Gateway, kind: &str) -> Vec<Duration> {
    let log = gateway.traefik.log();
    let kind = format!(" kind={kind} ");
    log.lines()
        .filter(|line| line.contains("code=fetch.done") && line.contains(&kind))
        .filter_map(|line| {
            let number: String = line
                .split_once(" ms=")?
                .1
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            number.parse().ok().map(Duration::from_millis)
        })
        .collect()
}

/// Where the time of a request went.
pub(super) struct Spent {
    /// Time spent waiting for OIC.
    pub(super) backend: Duration,
    /// Time spent in Traefik, including the plugins.
    pub(super) gateway: Duration,
}

/// Waits for the entry of this path in Traefik's access log and returns its times.
pub(super) fn spent(gateway: &Gateway, path: &str) -> Option<Spent> {
    const WRITTEN_WITHIN: Duration = Duration::from_secs(5);
    let since = Instant::now();
    while since.elapsed() < WRITTEN_WITHIN {
        let log = gateway.traefik.access_log();
        let entries = log
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let entry = entries.into_iter().find(|entry| entry["RequestPath"] == path);
        if let Some(entry) = entry {
            let time = |field: &str| entry[field].as_u64().map(Duration::from_nanos);
            return Some(Spent {
                backend: time("OriginDuration")?,
                gateway: time("Overhead")?,
            });
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortened_token_cannot_be_used() {
        let token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJl";
        assert_eq!(shortened(token), "eyJhbG…dXJl");
        assert_eq!(shortened("short"), "…");
        assert_eq!(claims(token)["sub"], "me");
        assert_eq!(claims("no token"), Value::Null);
    }
}
