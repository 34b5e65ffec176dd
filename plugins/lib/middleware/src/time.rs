//! Wall-clock time as an argument.

use std::fmt;
use std::time::Duration;

/// Milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted (RFC 7519, *NumericDate*, but finer).
///
/// All arithmetic saturates, because an attacker chooses the times in tokens.
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

    /// A *NumericDate* (RFC 7519 §2): seconds since the epoch, with a precision of milliseconds. All times in tokens
    /// and in answers about tokens are read here.
    ///
    /// `None` for anything outside of 1970 to 9999. Such a number is a mistake (mostly milliseconds) or an attack, and
    /// must not mean "for ever".
    pub fn from_numeric_date(seconds: f64) -> Option<Self> {
        const LAST: f64 = 253_402_300_799.0; // 9999-12-31T23:59:59Z
        if !(0.0..=LAST).contains(&seconds) {
            return None;
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // checked just above
        let millis = (seconds * 1000.0) as u64;
        Some(Self { millis })
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

    /// The time since `earlier`; zero if this is not later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.millis.saturating_sub(earlier.millis))
    }
}

impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.as_secs(), self.millis % 1000)
    }
}

/// [`Duration::as_millis`] computes with 128 bits, which is slow in a guest.
fn millis_of(span: Duration) -> u64 {
    span.as_secs()
        .saturating_mul(1000)
        .saturating_add(u64::from(span.subsec_millis()))
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
    fn a_numeric_date_lies_between_1970_and_9999() {
        for (seconds, millis) in [
            (0.0, Some(0)),
            (-0.0, Some(0)),
            (1_700_000_000.0, Some(1_700_000_000_000)),
            (1_700_000_000.5, Some(1_700_000_000_500)),
            (253_402_300_799.0, Some(253_402_300_799_000)),
            (253_402_300_800.0, None),
            (-0.5, None),
            (1e300, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
        ] {
            let read = UnixTime::from_numeric_date(seconds);
            assert_eq!(read.map(UnixTime::as_millis), millis, "{seconds}");
        }
    }

    #[test]
    fn shows_seconds_with_three_decimals() {
        assert_eq!(
            UnixTime::from_millis(1_700_000_000_042).to_string(),
            "1700000000.042"
        );
    }
}
