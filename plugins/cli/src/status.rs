//! `status DIR`: how the keys and tokens of a state directory are doing.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

/// What a plugin writes under `<name>.status`; times in milliseconds since the epoch.
#[derive(Debug, Deserialize)]
pub struct Record {
    kind: String,
    url: String,
    fetched_at: Option<u64>,
    refresh_at: Option<u64>,
    usable_until: Option<u64>,
    took_ms: Option<u64>,
    failures: u32,
    again_at: Option<u64>,
    last_error: Option<String>,
}

/// Values are the targets of symbolic links; a short one is `1:` and the text.
pub fn read(dir: &Path) -> io::Result<Vec<Record>> {
    let mut records = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "status") {
            continue;
        }
        let Ok(target) = fs::read_link(&path) else {
            continue;
        };
        let record = target
            .to_str()
            .and_then(|text| text.strip_prefix("1:"))
            .map(serde_json::from_str);
        match record {
            Some(Ok(record)) => records.push(record),
            _ => eprintln!("{}: not written by these plugins, left out", path.display()),
        }
    }
    records.sort_by(|one: &Record, two| (&one.kind, &one.url).cmp(&(&two.kind, &two.url)));
    Ok(records)
}

/// A line for each record, and one for its last failure.
pub fn table(records: &[Record], now: Duration) -> String {
    if records.is_empty() {
        return "nothing here: no plugin with this state directory has fetched anything yet\n".to_owned();
    }
    let mut text = format!(
        "{:<8} {:<10} {:<12} {:<12} {:<12} {:>6}  {}\n",
        "kind", "state", "fetched", "refresh", "usable", "took", "from"
    );
    for record in records {
        let state = match (record.failures, record.usable_until) {
            (0, _) => "good",
            (_, Some(until)) if Duration::from_millis(until) > now => "degraded",
            _ => "down",
        };
        let took = record
            .took_ms
            .map_or_else(|| "-".to_owned(), |took| format!("{took} ms"));
        text += &format!(
            "{:<8} {:<10} {:<12} {:<12} {:<12} {:>6}  {}\n",
            record.kind,
            state,
            relative(record.fetched_at, now),
            relative(record.refresh_at, now),
            relative(record.usable_until, now),
            took,
            record.url
        );
        if let Some(error) = &record.last_error {
            text += &format!(
                "         {} failures, next attempt {}: {error}\n",
                record.failures,
                relative(record.again_at, now)
            );
        }
    }
    text
}

/// `12 s ago`, `in 3 min`, or a dash.
fn relative(millis: Option<u64>, now: Duration) -> String {
    let Some(time) = millis.map(Duration::from_millis) else {
        return "-".to_owned();
    };
    let span = |span: Duration| match span.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    };
    if time > now {
        format!("in {}", span(time - now))
    } else {
        format!("{} ago", span(now - time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_degraded_and_down_are_told_apart_and_foreign_entries_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::os::unix::fs::symlink(text, dir.path().join(name)).unwrap();
        let record = |failures: u32, usable: u64| {
            format!(
                r#"1:{{"kind":"token","url":"https://idcs/{failures}{usable}","at":0,"fetched_at":90000,"refresh_at":99000,
                "usable_until":{usable},"took_ms":12,"failures":{failures},"again_at":101000,"last_error":"status 503"}}"#
            )
        };
        put("a.status", &record(0, 200_000));
        put("b.status", &record(2, 200_000));
        put("c.status", &record(2, 95_000));
        put("d.status", "nonsense");
        put("token-x", "1:secret");
        let text = table(&read(dir.path()).unwrap(), Duration::from_secs(100));
        let states: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("token"))
            .map(|line| line.get(9..17).unwrap())
            .collect();
        assert_eq!(states, ["good    ", "degraded", "down    "], "{text}");
        assert!(
            text.contains("10 s ago") && text.contains("in 100 s") && text.contains("in 1 s: status 503"),
            "{text}"
        );
        assert!(!text.contains("secret"));
    }

    #[test]
    fn an_empty_directory_says_so() {
        assert!(table(&[], Duration::ZERO).starts_with("nothing here"));
    }
}
