//! Prometheus's text format, for node_exporter's textfile collector.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use super::record::{Record, State};

type Sample = fn(&Record, SystemTime) -> Option<f64>;

/// The name, the help text, and the source of the value of each metric. All are gauges.
const METRICS: [(&str, &str, Sample); 7] = [
    (
        "up",
        "0 if the last attempt failed and nothing usable is left, else 1.",
        |record, now| {
            Some(if record.state(now) == State::Down {
                0.0
            } else {
                1.0
            })
        },
    ),
    ("failures", "Consecutive failed attempts.", |record, _| {
        Some(record.failures.into())
    }),
    (
        "fetched_timestamp_seconds",
        "When the value at hand was fetched.",
        |record, _| timestamp(record.fetched_at),
    ),
    (
        "refresh_timestamp_seconds",
        "When the value will be renewed.",
        |record, _| timestamp(record.refresh_at),
    ),
    (
        "usable_until_timestamp_seconds",
        "From when on the value must not be used.",
        |record, _| timestamp(record.usable_until),
    ),
    (
        "next_attempt_timestamp_seconds",
        "When the next attempt may be made.",
        |record, _| timestamp(record.next_attempt_at),
    ),
    (
        "fetch_duration_seconds",
        "How long the last fetch took.",
        |record, _| record.took.map(|took| took.as_secs_f64()),
    ),
];

/// Writes one sample for each record and metric. An unknown time is left out.
pub fn prometheus(records: &[Record], now: SystemTime) -> String {
    let mut text = String::new();
    for (name, help, sample) in METRICS {
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "# HELP oic_gateway_resource_{name} {help}\n# TYPE oic_gateway_resource_{name} gauge"
        );
        for record in records {
            let Some(value) = sample(record, now) else {
                continue;
            };
            let _ = writeln!(
                text,
                "oic_gateway_resource_{name}{{name=\"{}\",kind=\"{}\",url=\"{}\"}} {value}",
                escaped(&record.name),
                escaped(&record.kind),
                escaped(&record.url),
            );
        }
    }
    text
}

fn timestamp(time: Option<SystemTime>) -> Option<f64> {
    let since = time?.duration_since(SystemTime::UNIX_EPOCH).ok();
    since.as_ref().map(Duration::as_secs_f64)
}

/// Escapes a label's value for use between quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', r"\\")
        .replace('"', "\\\"")
        .replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::{at, example};
    use super::*;

    #[test]
    fn every_record_has_a_sample_of_each_metric() {
        let text = prometheus(&example().records, at(100));
        assert!(
            text.starts_with(
                "\
# HELP oic_gateway_resource_up 0 if the last attempt failed and nothing usable is left, else 1.
# TYPE oic_gateway_resource_up gauge
oic_gateway_resource_up{name=\"a\",kind=\"token\",url=\"https://idcs/0200000\"} 1
oic_gateway_resource_up{name=\"b\",kind=\"token\",url=\"https://idcs/2200000\"} 1
oic_gateway_resource_up{name=\"c\",kind=\"token\",url=\"https://idcs/295000\"} 0
"
            ),
            "{text}"
        );
        assert!(text.contains(
            "fetched_timestamp_seconds{name=\"a\",kind=\"token\",url=\"https://idcs/0200000\"} 90\n"
        ));
        assert!(text.contains(
            "fetch_duration_seconds{name=\"c\",kind=\"token\",url=\"https://idcs/295000\"} 0.012\n"
        ));
        assert_eq!(text.lines().filter(|line| !line.starts_with('#')).count(), 21);
    }

    #[test]
    fn what_is_not_known_is_left_out_and_labels_are_escaped() {
        let mut records = example().records;
        records.truncate(1);
        records[0].fetched_at = None;
        records[0].url = "a\"b\\c\n".to_owned();
        let text = prometheus(&records, at(100));
        assert!(!text.contains("fetched_timestamp_seconds{"));
        assert!(text.contains(r#"url="a\"b\\c\n"} 1"#), "{text}");
    }
}
