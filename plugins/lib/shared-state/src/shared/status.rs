//! The status of a resource, for operators. `oic-gateway status DIR` shows it as a table.

use serde::Serialize;

/// Times are in milliseconds since the epoch. Holds no secret.
#[derive(Debug, Serialize)]
pub(super) struct Status {
    /// The kind of resource, for example `token`.
    pub(super) kind: &'static str,
    /// Where it comes from.
    pub(super) url: String,
    /// When this status was written.
    pub(super) at: u64,
    /// When the current value was fetched.
    pub(super) fetched_at: Option<u64>,
    /// When the value will be renewed.
    pub(super) refresh_at: Option<u64>,
    /// When the value must no longer be used.
    pub(super) usable_until: Option<u64>,
    /// How long the fetch took.
    pub(super) took_ms: Option<u64>,
    /// Failures in a row. The breaker is open while there are any.
    pub(super) failures: u32,
    /// When the next attempt may be made.
    pub(super) again_at: Option<u64>,
    /// Why the last attempt failed.
    pub(super) last_error: Option<String>,
}

impl Status {
    /// Encodes the status as JSON in ASCII, short enough for one directory entry.
    pub(super) fn encode(mut self) -> String {
        const LONGEST: usize = 200;
        for text in [Some(&mut self.url), self.last_error.as_mut()]
            .into_iter()
            .flatten()
        {
            *text = text
                .chars()
                .filter(|c| c.is_ascii_graphic() || *c == ' ')
                .take(LONGEST)
                .collect();
        }
        serde_json::to_string(&self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egress::platform::MAX_CONTENT;

    #[test]
    fn the_longest_status_fits_into_one_entry() {
        let most = Some(u64::MAX);
        let status = Status {
            kind: "introspection",
            url: "\u{e9}https://".repeat(100),
            at: u64::MAX,
            fetched_at: most,
            refresh_at: most,
            usable_until: most,
            took_ms: most,
            failures: u32::MAX,
            again_at: most,
            last_error: Some("\"quoted\"\n".repeat(100)),
        };
        let text = status.encode();
        assert!(text.is_ascii() && text.len() + 2 <= MAX_CONTENT, "{}", text.len());
    }
}
