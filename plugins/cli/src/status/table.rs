//! A table for people.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use anstyle::{AnsiColor, Style};

use super::record::{Record, State};

/// Returns one line for each record, and one for its last failure. Times are relative to `now`, which the first line
/// shows.
pub fn table(records: &[Record], now: SystemTime) -> String {
    if records.is_empty() {
        return "Nothing here: no key set or token yet; is this the directory that settings.mounts names?\n"
            .to_owned();
    }
    let mut text = format!(
        "At {}\n{:<14} {:<9} {:<12} {:<12} {:<12} {:>8}  from\n",
        humantime::format_rfc3339_seconds(now),
        "kind",
        "state",
        "fetched",
        "refresh",
        "usable until",
        "took"
    );
    for record in records {
        let state = record.state(now);
        let style = style(state);
        let took = record
            .took
            .map_or_else(|| "-".to_owned(), |took| format!("{} ms", took.as_millis()));
        // Writing to a `String` cannot fail.
        let _ = writeln!(
            text,
            "{:<14} {style}{:<9}{style:#} {:<12} {:<12} {:<12} {took:>8}  {}",
            record.kind,
            state.name(),
            relative(record.fetched_at, now),
            relative(record.refresh_at, now),
            relative(record.usable_until, now),
            record.url,
        );
        if let Some(error) = &record.last_error {
            let next = record.next_attempt_at.map_or_else(
                || "as soon as it is needed".to_owned(),
                |time| {
                    let time_of_day = humantime::format_rfc3339_seconds(time);
                    format!("at {time_of_day} ({})", relative(Some(time), now))
                },
            );
            let times = if record.failures == 1 {
                "failure"
            } else {
                "failures"
            };
            let _ = writeln!(
                text,
                "  {} {times}, last: {error}; next attempt {next}",
                record.failures
            );
        }
    }
    text
}

fn style(state: State) -> Style {
    match state {
        State::Good => AnsiColor::Green.on_default(),
        State::Degraded => AnsiColor::Yellow.on_default(),
        State::Down => AnsiColor::Red.on_default().bold(),
    }
}

/// Formats a time as `12 s ago`, `in 3 min`, or a dash.
fn relative(time: Option<SystemTime>, now: SystemTime) -> String {
    let span = |span: Duration| match span.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    };
    match time.map(|time| time.duration_since(now)) {
        None => "-".to_owned(),
        Some(Ok(ahead)) if ahead.is_zero() => "now".to_owned(),
        Some(Ok(ahead)) => format!("in {}", span(ahead)),
        Some(Err(past)) => format!("{} ago", span(past.duration())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::{at, example};
    use super::*;

    #[test]
    fn a_line_tells_state_times_and_the_last_failure() {
        let text = anstream::adapter::strip_str(&table(&example().records, at(100))).to_string();
        assert_eq!(
            text,
            "\
At 1970-01-01T00:01:40Z
kind           state     fetched      refresh      usable until     took  from
token          good      10 s ago     1 s ago      in 100 s        12 ms  https://idcs/0200000
token          degraded  10 s ago     1 s ago      in 100 s        12 ms  https://idcs/2200000
  2 failures, last: status 503; next attempt at 1970-01-01T00:01:41Z (in 1 s)
token          down      10 s ago     1 s ago      5 s ago         12 ms  https://idcs/295000
  2 failures, last: status 503; next attempt at 1970-01-01T00:01:41Z (in 1 s)
"
        );
    }

    #[test]
    fn an_empty_directory_says_so() {
        assert!(table(&[], at(0)).starts_with("Nothing here"));
    }
}
