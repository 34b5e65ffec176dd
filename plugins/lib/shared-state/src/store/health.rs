//! What to do about a store that fails: leave it alone for a moment, and say so once.
//!
//! The state directory holds the record, so that all instances know. Where it does not take the record, the instance's own
//! memory does.

use std::time::Duration;

use middleware::{Event, UnixTime};

use super::StoreError;
use super::servers::Servers;
use crate::state::StateName;
use crate::state::Values;
use egress::platform::Platform;

/// The first pause after a failure; doubled by each further one. Long enough that a store that hangs costs few requests its
/// time, short enough that it is soon used again.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// How to go about the next visit.
pub(super) struct NextVisit {
    /// The endpoint to begin with.
    pub(super) first: usize,
    /// Nobody has found out yet whether the server permits all that is needed.
    pub(super) is_untried: bool,
}

/// How one store is doing.
pub(super) struct Health {
    name: StateName,
    own: Option<Record>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Record {
    /// Milliseconds since the epoch until which nobody tries again.
    until: u64,
    /// Consecutive failures.
    count: u32,
    /// With which endpoint to begin.
    first: usize,
    /// What is wrong; nothing for nothing.
    error: String,
}

/// What a record's error begins with after the server has said no: whether it still does is tried with all commands.
const REFUSALS: [&str; 2] = ["the server does not permit ", "the server refused "];

impl Record {
    fn encode(&self) -> String {
        format!("{} {} {} {}", self.until, self.count, self.first, self.error)
    }

    fn decode(text: &str) -> Option<Self> {
        let mut words = text.splitn(4, ' ');
        Some(Self {
            until: words.next()?.parse().ok()?,
            count: words.next()?.parse().ok()?,
            first: words.next()?.parse().ok()?,
            error: words.next()?.to_owned(),
        })
    }

    fn holds_at(&self, now: UnixTime) -> bool {
        let until = UnixTime::from_millis(self.until);
        // What reaches farther was written before the clock was set back.
        now < until && until <= now.plus(LONGEST_PAUSE)
    }
}

impl Health {
    /// Of one user at these servers, and one prefix: those decide what is permitted.
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

    /// How to go about a visit now; `None` while the store is left alone.
    pub(super) fn next_visit(&self, platform: &dyn Platform) -> Option<NextVisit> {
        let record = self.record(platform);
        let is_untried = record
            .as_ref()
            .is_none_or(|record| REFUSALS.iter().any(|refusal| record.error.starts_with(refusal)));
        let record = record.unwrap_or_default();
        (!record.holds_at(platform.now())).then_some(NextVisit {
            first: record.first,
            is_untried,
        })
    }

    /// Writes down how a visit went.
    pub(super) fn note(&mut self, platform: &dyn Platform, first: usize, error: Option<&StoreError>) {
        let known = self.record(platform);
        let is_first = known.is_none();
        let old = known.unwrap_or_default();
        let new = match error {
            None => Record {
                first,
                ..Record::default()
            },
            Some(error) => {
                let pause = FIRST_PAUSE
                    .saturating_mul(1 << old.count.min(8))
                    .min(LONGEST_PAUSE);
                Record {
                    until: platform.now().plus(pause).as_millis(),
                    count: old.count.saturating_add(1),
                    first,
                    error: error
                        .to_string()
                        .chars()
                        .filter(|c| c.is_ascii_graphic() || *c == ' ')
                        .take(300)
                        .collect(),
                }
            }
        };
        if new == old && !is_first {
            return;
        }
        if new.error.is_empty() && !old.error.is_empty() {
            platform.log(&Event::info("store.back").field("failures", old.count));
        } else if new.error != old.error {
            let event = Event::warn("store.failed").field("error", &new.error).field(
                "effect",
                "this Traefik goes on by itself, and shares nothing with others",
            );
            platform.log(&match error.and_then(StoreError::cure) {
                Some(cure) => event.field("cure", cure),
                None => event,
            });
        }
        let taken = Values::new(platform).publish(self.name.as_str(), &new.encode());
        self.own = taken.is_err().then_some(new);
    }

    fn record(&self, platform: &dyn Platform) -> Option<Record> {
        if self.own.is_some() {
            return self.own.clone();
        }
        let text = Values::new(platform).read(self.name.as_str());
        text.ok().flatten().and_then(|text| Record::decode(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_comes_back_as_it_went() {
        for error in ["", "connecting: failed connection refused"] {
            let record = Record {
                until: 1_700_000_000_000,
                count: 3,
                first: 2,
                error: error.to_owned(),
            };
            assert_eq!(Record::decode(&record.encode()), Some(record));
        }
        for garbage in ["", "x", "1 2", "1 2 3", "-1 2 3 x"] {
            assert_eq!(Record::decode(garbage), None, "{garbage}");
        }
    }

    #[test]
    fn a_record_from_a_future_that_cannot_be_does_not_hold() {
        let now = UnixTime::from_secs(10_000);
        let until = |span| Record {
            until: now.plus(span).as_millis(),
            ..Record::default()
        };
        assert!(until(Duration::from_secs(1)).holds_at(now));
        assert!(!until(Duration::ZERO).holds_at(now));
        assert!(!until(Duration::from_secs(3600)).holds_at(now));
    }
}
