//! A secret in the form in which it is kept.

use middleware::{Secret, UnixTime};

/// A secret and what is known about it.
#[derive(Clone)]
pub(super) struct StoredSecret {
    /// Distinguishes this secret from earlier ones.
    pub(super) generation: String,
    pub(super) secret: Secret,
    /// The other side no longer accepts it.
    pub(super) lost: bool,
    /// Of two secrets with one name, only the later one can be good.
    pub(super) since: UnixTime,
}

const GOOD: &str = "good";
const LOST: &str = "lost";

impl StoredSecret {
    /// A secret that arrived at `now`, after `previous`. Its time is later than that of `previous`, even if the clock
    /// was set back.
    pub(super) fn new(secret: &Secret, generation: String, now: UnixTime, previous: Option<&Self>) -> Self {
        let since = previous.map_or(now, |previous| {
            now.max(UnixTime::from_millis(
                previous.since.as_millis().saturating_add(1),
            ))
        });
        Self {
            generation,
            secret: secret.clone(),
            lost: false,
            since,
        }
    }

    pub(super) fn encode(&self) -> String {
        let state = if self.lost { LOST } else { GOOD };
        let (generation, since) = (&self.generation, self.since.as_millis());
        format!("{generation}:{state}:{since}:{}", self.secret.expose())
    }

    pub(super) fn decode(text: &str) -> Option<Self> {
        let (generation, rest) = text.split_once(':')?;
        let (state, rest) = rest.split_once(':')?;
        let (since, secret) = rest.split_once(':')?;
        Some(Self {
            generation: generation.to_owned(),
            secret: Secret::new(secret),
            lost: match state {
                GOOD => false,
                LOST => true,
                _ => return None,
            },
            since: UnixTime::from_millis(since.parse().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_millis(1_000);

    #[test]
    fn what_is_written_is_read_whatever_the_secret() {
        for secret in ["abc", "a:b::c", ""] {
            let mut record = StoredSecret::new(&Secret::new(secret), "x".to_owned(), NOW, None);
            record.lost = secret.is_empty();
            let read = StoredSecret::decode(&record.encode()).unwrap();
            assert_eq!(read.secret, record.secret);
            assert_eq!((read.lost, read.since), (record.lost, NOW));
        }
        for garbage in ["", "a", "a:good", "a:good:1", "a:bad:1:x", "a:good:x:y"] {
            assert!(StoredSecret::decode(garbage).is_none(), "{garbage}");
        }
    }

    #[test]
    fn a_successor_is_later_than_what_it_follows_though_the_clock_was_set_back() {
        let of = |now: u64, previous: Option<&StoredSecret>| {
            let now = UnixTime::from_millis(now);
            StoredSecret::new(&Secret::new("s"), "x".to_owned(), now, previous)
        };
        let first = of(5_000, None);
        assert_eq!(of(4_000, Some(&first)).since.as_millis(), 5_001);
        assert_eq!(of(6_000, Some(&first)).since.as_millis(), 6_000);
    }
}
