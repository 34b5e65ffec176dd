//! The record of an attempt to fetch a value again.

use std::time::Duration;

use middleware::UnixTime;
use serde::{Deserialize, Serialize};

/// The record of the last attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attempt {
    /// When it began or, if it has failed, when it ended. Milliseconds since the epoch.
    at: u64,
    /// When it ends at the latest.
    until: u64,
    /// Failed attempts in a row. One that has not ended counts as failed, because its instance may have been killed.
    pub(super) failures: u32,
}

impl Attempt {
    /// The record of an attempt that begins at `now` and may take `time`.
    pub(super) fn new(now: UnixTime, time: Duration, failures: u32) -> Self {
        Self {
            at: now.as_millis(),
            until: now.plus(time).as_millis(),
            failures,
        }
    }

    /// When it began or, if it has failed, when it ended.
    pub(super) const fn at(&self) -> UnixTime {
        UnixTime::from_millis(self.at)
    }

    /// Whether it may still be going on at `now`.
    pub(super) fn is_under_way(&self, now: UnixTime) -> bool {
        now < UnixTime::from_millis(self.until)
    }

    /// Encodes the record as JSON.
    pub(super) fn encode(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Decodes what [`Attempt::encode`] wrote. Returns `None` for anything else.
    pub(super) fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_record_survives_the_state_directory() {
        let attempt = Attempt::new(UnixTime::from_secs(9), Duration::from_secs(2), 3);
        assert_eq!(Attempt::decode(&attempt.encode()), Some(attempt));
        assert!(attempt.is_under_way(UnixTime::from_secs(10)));
        assert!(!attempt.is_under_way(UnixTime::from_secs(11)));
        assert_eq!(Attempt::decode("garbage"), None);
    }
}
