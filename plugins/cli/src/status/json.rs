//! JSON for scripts. `docs/check.md` describes the format, which must stay stable.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::record::Record;

/// Returns an object with the current time and a list of resources. Times are RFC 3339, or `null` if unknown.
pub fn json(records: &[Record], now: SystemTime) -> Value {
    let time = |time: Option<SystemTime>| time.map(|time| humantime::format_rfc3339_millis(time).to_string());
    let resources: Vec<Value> = records
        .iter()
        .map(|record| {
            json!({
                "name": record.name,
                "kind": record.kind,
                "url": record.url,
                "state": record.state(now).name(),
                "fetchedAt": time(record.fetched_at),
                "refreshAt": time(record.refresh_at),
                "usableUntil": time(record.usable_until),
                "tookMilliseconds": record.took.map(|took| took.as_millis() as u64),
                "failures": record.failures,
                "nextAttemptAt": time(record.next_attempt_at),
                "lastError": record.last_error,
            })
        })
        .collect();
    json!({ "at": time(Some(now)), "resources": resources })
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::{at, example};
    use super::*;

    #[test]
    fn the_shape_is_the_documented_one() {
        let mut shown = json(&example().records, at(100));
        assert_eq!(shown["resources"].as_array().unwrap().len(), 3);
        shown["resources"].as_array_mut().unwrap().truncate(2);
        assert_eq!(
            shown,
            json!({
                "at": "1970-01-01T00:01:40.000Z",
                "resources": [
                    {
                        "name": "a", "kind": "token", "url": "https://idcs/0200000", "state": "good",
                        "fetchedAt": "1970-01-01T00:01:30.000Z", "refreshAt": "1970-01-01T00:01:39.000Z",
                        "usableUntil": "1970-01-01T00:03:20.000Z", "tookMilliseconds": 12, "failures": 0,
                        "nextAttemptAt": "1970-01-01T00:01:41.000Z", "lastError": null,
                    },
                    {
                        "name": "b", "kind": "token", "url": "https://idcs/2200000", "state": "degraded",
                        "fetchedAt": "1970-01-01T00:01:30.000Z", "refreshAt": "1970-01-01T00:01:39.000Z",
                        "usableUntil": "1970-01-01T00:03:20.000Z", "tookMilliseconds": 12, "failures": 2,
                        "nextAttemptAt": "1970-01-01T00:01:41.000Z", "lastError": "status 503",
                    },
                ],
            })
        );
        assert_eq!(
            json(&[], at(0)),
            json!({ "at": "1970-01-01T00:00:00.000Z", "resources": [] })
        );
    }
}
