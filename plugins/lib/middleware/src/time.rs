//! Wall-clock time as an argument.

use std::fmt;
use std::time::Duration;

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted (RFC 7519, *NumericDate*, but finer).
///
/// All arithmetic saturates: token times are numbers an attacker chooses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime {
    millis: u64,
}

impl UnixTime {
    /// The earliest time.
    pub const EPOCH: Self = Self { millis: 0 };
    /// The latest time; stands for "never".
    pub const MAX: Self = Self { millis: u64::MAX };

    /// A time given in whole seconds, as JWT claims and OAuth answers give it.
    pub const fn from_secs(seconds: u64) -> Self {
        Self {
            millis: seconds.saturating_mul(1000),
        }
    }

    /// A time given in milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self { millis }
    }

    /// Whole seconds, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.millis / 1000
    }

    /// Milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.millis
    }

    /// The time `span` later.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self {
            millis: self.millis.saturating_add(millis_of(span)),
        }
    }

    /// The time `span` earlier, not before the epoch.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        Self {
            millis: self.millis.saturating_sub(millis_of(span)),
        }
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.millis.saturating_sub(earlier.millis))
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.as_secs(), self.millis % 1000)
    }
}

fn millis_of(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(UnixTime::from_secs(u64::MAX), UnixTime::MAX);
        assert_eq!(UnixTime::MAX.plus(Duration::MAX), UnixTime::MAX);
        assert_eq!(
            UnixTime::from_secs(1).minus(Duration::from_secs(9)),
            UnixTime::EPOCH
        );
        assert_eq!(
            UnixTime::from_secs(1).since(UnixTime::from_secs(2)),
            Duration::ZERO
        );
    }

    #[test]
    fn shows_seconds_with_three_decimals() {
        assert_eq!(
            UnixTime::from_millis(1_700_000_000_042).to_string(),
            "1700000000.042"
        );
    }
}
