//! What to do if the store fails: nobody asks it for a moment, and the log says so once.
//!
//! The record is in the state directory, so all instances know it. If the directory does not take the record, the
//! instance keeps it in memory.

use std::time::Duration;

use egress::platform::Platform;
use middleware::Event;

use super::error::StoreError;
use super::servers::Servers;
use crate::breaker::{Backoff, Breaker};
use crate::state::{StateName, Values};

/// The pauses after failures. They are so long that a store that hangs delays few requests, and so short that the store
/// is soon used again.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_secs(1),
    longest: Duration::from_secs(4),
};

/// How to make the next visit.
pub(super) struct NextVisit {
    /// The endpoint to begin with.
    pub(super) first: usize,
    /// No instance has found out yet whether the server permits all commands.
    pub(super) is_untried: bool,
}

/// The health of one store.
pub(super) struct Health {
    name: StateName,
    own: Option<HealthRecord>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct HealthRecord {
    breaker: Breaker,
    /// The endpoint to begin with.
    first: usize,
    /// What is wrong. Empty if nothing is.
    error: String,
}

/// The beginnings of the recorded errors after which all commands are tried again, to find out whether the server still
/// refuses them.
const REFUSALS: [&str; 2] = ["the server does not permit ", "the server refused "];

impl HealthRecord {
    fn encode(&self) -> String {
        let Breaker { until, failures } = self.breaker;
        format!("{until} {failures} {} {}", self.first, self.error)
    }

    fn decode(text: &str) -> Option<Self> {
        let mut words = text.splitn(4, ' ');
        Some(Self {
            breaker: Breaker {
                until: words.next()?.parse().ok()?,
                failures: words.next()?.parse().ok()?,
            },
            first: words.next()?.parse().ok()?,
            error: words.next()?.to_owned(),
        })
    }
}

impl Health {
    /// The health for one user at these servers, and for one prefix. They decide which commands are permitted.
    pub(super) fn of(servers: &Servers, prefix: &str) -> Self {
        let mut identity: Vec<String> = servers.endpoints.iter().map(ToString::to_string).collect();
        identity.push(prefix.to_owned());
        let username = servers.credentials.username.as_ref();
        identity.push(username.map_or_else(String::new, |name| name.expose().to_owned()));
        identity.push(servers.database.to_string());
        identity.extend(
            servers
                .sentinel
                .iter()
                .map(|sentinel| sentinel.master_set.clone()),
        );
        let identity: Vec<&str> = identity.iter().map(String::as_str).collect();
        Self {
            name: StateName::new("store", &identity),
            own: None,
        }
    }

    /// How to make a visit now. Returns `None` while the store must not be asked.
    pub(super) fn next_visit(&self, platform: &dyn Platform) -> Option<NextVisit> {
        let record = self.record(platform);
        let is_untried = record
            .as_ref()
            .is_none_or(|record| REFUSALS.iter().any(|refusal| record.error.starts_with(refusal)));
        let record = record.unwrap_or_default();
        let is_open = record.breaker.is_open_at(platform.now(), BACKOFF.longest);
        (!is_open).then_some(NextVisit {
            first: record.first,
            is_untried,
        })
    }

    /// Records how a visit ended.
    pub(super) fn note(&mut self, platform: &dyn Platform, first: usize, error: Option<&StoreError>) {
        let known = self.record(platform);
        let is_first = known.is_none();
        let old = known.unwrap_or_default();
        let new = match error {
            None => HealthRecord {
                first,
                ..HealthRecord::default()
            },
            Some(error) => HealthRecord {
                breaker: old
                    .breaker
                    .after_failure(platform.now(), |failures| BACKOFF.pause(failures)),
                first,
                error: error
                    .to_string()
                    .chars()
                    .filter(|c| c.is_ascii_graphic() || *c == ' ')
                    .take(300)
                    .collect(),
            },
        };
        if new == old && !is_first {
            return;
        }
        if new.error.is_empty() && !old.error.is_empty() {
            platform.log(&Event::info("store.back").field("failures", old.breaker.failures));
        } else if new.error != old.error {
            let event = Event::warn("store.failed").field("error", &new.error).field(
                "effect",
                "this Traefik goes on without the store, and shares nothing with others",
            );
            platform.log(&match error.and_then(StoreError::cure) {
                Some(cure) => event.field("cure", cure),
                None => event,
            });
        }
        let taken = Values::new(platform).publish(self.name.as_str(), &new.encode());
        self.own = taken.is_err().then_some(new);
    }

    fn record(&self, platform: &dyn Platform) -> Option<HealthRecord> {
        if self.own.is_some() {
            return self.own.clone();
        }
        let text = Values::new(platform).read(self.name.as_str());
        text.ok().flatten().and_then(|text| HealthRecord::decode(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_as_it_went() {
        for error in ["", "connecting: failed connection refused"] {
            let record = HealthRecord {
                breaker: Breaker {
                    until: 1_700_000_000_000,
                    failures: 3,
                },
                first: 2,
                error: error.to_owned(),
            };
            assert_eq!(record.encode(), format!("1700000000000 3 2 {error}"));
            assert_eq!(HealthRecord::decode(&record.encode()), Some(record));
        }
        for garbage in ["", "x", "1 2", "1 2 3", "-1 2 3 x"] {
            assert_eq!(HealthRecord::decode(garbage), None, "{garbage}");
        }
    }
}
