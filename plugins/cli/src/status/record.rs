//! The records of a state directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Deserialize;

/// What a plugin records about a key set or a token under `<name>.status`.
#[derive(Clone, Debug)]
pub struct Record {
    /// The entry's name without its ending. It distinguishes records with the same `kind` and `url`.
    pub name: String,
    /// The kind of resource, for example `token`.
    pub kind: String,
    /// The URL that it comes from.
    pub url: String,
    /// When the current value was fetched.
    pub fetched_at: Option<SystemTime>,
    /// When the value will be renewed.
    pub refresh_at: Option<SystemTime>,
    /// When the value expires and must no longer be used.
    pub usable_until: Option<SystemTime>,
    /// How long the fetch took.
    pub took: Option<Duration>,
    /// The number of consecutive failures.
    pub failures: u32,
    /// When the next attempt may be made.
    pub next_attempt_at: Option<SystemTime>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
}

/// The state of a key set or a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The last attempt succeeded.
    Good,
    /// The last attempt failed, but the earlier value is still usable.
    Degraded,
    /// The last attempt failed, and there is no usable value.
    Down,
}

impl State {
    /// Returns the state as one word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Degraded => "degraded",
            Self::Down => "down",
        }
    }
}

impl Record {
    /// Returns the state at this time.
    pub fn state(&self, now: SystemTime) -> State {
        match (self.failures, self.usable_until) {
            (0, _) => State::Good,
            (_, Some(until)) if until > now => State::Degraded,
            _ => State::Down,
        }
    }
}

/// The records of a state directory, in a fixed order.
#[derive(Debug, Default)]
pub struct Records {
    /// The records.
    pub records: Vec<Record>,
    /// Entries that look like records but cannot be read.
    pub unreadable: Vec<PathBuf>,
}

/// Reads all records of a directory.
///
/// # Errors
/// The directory cannot be read.
pub fn read(directory: &Path) -> io::Result<Records> {
    let mut found = Records::default();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "status") {
            continue;
        }
        // The value is the target of a symbolic link.
        let Ok(target) = fs::read_link(&path) else {
            continue;
        };
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        match target.to_str().and_then(|text| decode(&name, text)) {
            Some(record) => found.records.push(record),
            None => found.unreadable.push(path),
        }
    }
    found
        .records
        .sort_by(|a, b| (&a.kind, &a.url, &a.name).cmp(&(&b.kind, &b.url, &b.name)));
    found.unreadable.sort();
    Ok(found)
}

/// Decodes a short value, which is `1:` and the text.
fn decode(name: &str, text: &str) -> Option<Record> {
    /// The stored form. Times are in milliseconds since the epoch.
    #[derive(Deserialize)]
    struct Written {
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
    let written: Written = serde_json::from_str(text.strip_prefix("1:")?).ok()?;
    let time = |millis: Option<u64>| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(millis?));
    Some(Record {
        name: name.to_owned(),
        kind: written.kind,
        url: written.url,
        fetched_at: time(written.fetched_at),
        refresh_at: time(written.refresh_at),
        usable_until: time(written.usable_until),
        took: written.took_ms.map(Duration::from_millis),
        failures: written.failures,
        next_attempt_at: time(written.again_at),
        last_error: written.last_error,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns the time at this many seconds after the epoch.
    pub(in crate::status) fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// A directory with a good token, a degraded one, and one that is down, and with entries that are not records.
    pub(in crate::status) fn example() -> Records {
        let directory = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            std::os::unix::fs::symlink(text, directory.path().join(name)).unwrap();
        };
        let record = |failures: u32, usable: u64| {
            let error = (failures > 0).then_some("status 503");
            serde_json::json!({
                "kind": "token", "url": format!("https://idcs/{failures}{usable}"), "at": 0, "fetched_at": 90_000,
                "refresh_at": 99_000, "usable_until": usable, "took_ms": 12, "failures": failures,
                "again_at": 101_000, "last_error": error,
            })
        };
        put("a.status", &format!("1:{}", record(0, 200_000)));
        put("b.status", &format!("1:{}", record(2, 200_000)));
        put("c.status", &format!("1:{}", record(2, 95_000)));
        put("d.status", "nonsense");
        put("token-x", "1:secret");
        read(directory.path()).unwrap()
    }

    #[test]
    fn good_degraded_and_down_are_told_apart_and_foreign_entries_left_out() {
        let found = example();
        let states: Vec<(&str, State)> = found
            .records
            .iter()
            .map(|record| (record.name.as_str(), record.state(at(100))))
            .collect();
        assert_eq!(
            states,
            [("a", State::Good), ("b", State::Degraded), ("c", State::Down)]
        );
        assert_eq!(found.unreadable.len(), 1);
        assert!(found.unreadable[0].ends_with("d.status"));
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error() {
        assert!(read(Path::new("/nowhere")).is_err());
    }
}
