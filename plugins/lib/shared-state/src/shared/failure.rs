//! A failed fetch, written down for everybody: the circuit breaker.

use std::time::Duration;

use middleware::{Problem, Reason, UnixTime};
use serde::{Deserialize, Serialize};

use egress::WireError;

/// Why a fetch did not give a value. The text is for the log; it holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The provider did not answer, or not usably. Worth trying again.
    #[error("{detail}")]
    Unavailable {
        /// What happened.
        detail: String,
        /// How long the provider asked to be left alone (`Retry-After`).
        retry_after: Option<Duration>,
    },
    /// The provider refused the gateway's own credentials or request. Somebody must change something.
    #[error("the identity provider refused the gateway's own request: {detail}")]
    Refused {
        /// What the provider said, without secrets.
        detail: String,
    },
    /// The provider refused the caller's credentials or token. The caller must change something.
    #[error("the identity provider refused the caller: {detail}")]
    Denied {
        /// What the provider said, without secrets.
        detail: String,
    },
    /// The provider was not asked, since it was asked too often lately.
    #[error("too many requests to the identity provider for now")]
    Limited {
        /// When asking again may be allowed.
        retry_after: Duration,
    },
    /// What a user once allowed is gone. Until the user allows it again nobody needs to ask the provider.
    #[error("{detail}")]
    GrantLost {
        /// What happened, and what to do.
        detail: String,
    },
}

impl From<WireError> for FetchError {
    fn from(error: WireError) -> Self {
        Self::Unavailable {
            detail: error.to_string(),
            retry_after: None,
        }
    }
}

/// Nothing usable can be had right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unavailable {
    cause: Cause,
    retry_after: Duration,
}

/// Whose trouble it is that there is nothing usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The provider does not answer, or not usably.
    Unreachable,
    /// The provider refused the gateway.
    Refused,
    /// The provider refused the caller.
    Denied,
    /// The provider was asked too often lately.
    Limited,
    /// Too many requests wait for it already.
    Overloaded,
    /// A user's permission is gone, and nothing to ask the provider for.
    GrantLost,
}

impl Unavailable {
    pub(super) const fn unreachable(retry_after: Duration) -> Self {
        Self {
            cause: Cause::Unreachable,
            retry_after,
        }
    }

    pub(super) const fn overloaded() -> Self {
        Self {
            cause: Cause::Overloaded,
            retry_after: Duration::from_secs(1),
        }
    }

    pub(super) const fn limited(retry_after: Duration) -> Self {
        Self {
            cause: Cause::Limited,
            retry_after,
        }
    }

    /// Whose trouble it is.
    pub const fn cause(&self) -> Cause {
        self.cause
    }

    /// Why, as the client is told. What a caller was denied is up to the plugin; here it is his credentials.
    pub const fn reason(&self) -> Reason {
        match self.cause {
            Cause::Unreachable => Reason::IdentityProviderUnavailable,
            Cause::Refused => Reason::IdentityProviderRefused,
            Cause::Denied => Reason::InvalidCredentials,
            Cause::Limited => Reason::TooManyRequests,
            Cause::Overloaded => Reason::Overloaded,
            Cause::GrantLost => Reason::UserGrantLost,
        }
    }

    /// Whole seconds after which trying again may help; at least one.
    pub fn retry_after_seconds(&self) -> u64 {
        self.retry_after
            .as_millis()
            .div_ceil(1000)
            .try_into()
            .unwrap_or(u64::MAX)
            .max(1)
    }
}

impl From<Unavailable> for Problem {
    fn from(unavailable: Unavailable) -> Self {
        Self::new(unavailable.reason()).retry_after(unavailable.retry_after_seconds())
    }
}

/// The first pause after a failure; doubled by each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause, so that the gateway is back within two seconds of the provider.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
/// The longest additional pause while a usable value is at hand.
const LONGEST_PATIENCE: Duration = Duration::from_secs(30);
/// The shortest time a trial gets.
const SHORTEST_TRIAL: Duration = Duration::from_secs(1);
/// The pause after a refusal: nothing changes until somebody changes it.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);
/// How long a caller who was denied is denied again without asking the provider.
const DENIED_PAUSE: Duration = Duration::from_secs(30);
/// The pause after a look at a grant that is not there. A look costs no call of the provider.
const GRANT_LOST_PAUSE: Duration = Duration::from_secs(2);
/// The longest `Retry-After` that is honoured, and the farthest a record may reach into the future: beyond it
/// the clock was set back.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

/// The record of a failed fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failure {
    /// Milliseconds since the epoch until which nobody tries again.
    until: u64,
    /// [`Cause::Unreachable`], [`Cause::Refused`], [`Cause::Denied`] or [`Cause::GrantLost`].
    cause: Cause,
    /// Consecutive failures.
    count: u32,
    /// Whose it is, where several resources share a name: [`StateName::owner`](crate::StateName::owner).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    /// What was refused, where the resource's name does not tell: [`Resource::proof`](super::Resource::proof).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proof: Option<String>,
}

impl Failure {
    pub(super) fn new(error: &FetchError, now: UnixTime, last: Option<&Self>, owner: Option<&str>) -> Self {
        let count = last.map_or(1, |last| last.count.saturating_add(1));
        let (cause, pause) = match error {
            FetchError::Refused { .. } => (Cause::Refused, REFUSED_PAUSE),
            FetchError::Denied { .. } => (Cause::Denied, DENIED_PAUSE),
            FetchError::GrantLost { .. } => (Cause::GrantLost, GRANT_LOST_PAUSE),
            FetchError::Limited { retry_after } => (Cause::Limited, *retry_after),
            FetchError::Unavailable {
                retry_after: Some(pause),
                ..
            } => (
                Cause::Unreachable,
                (*pause).clamp(FIRST_PAUSE, LONGEST_RETRY_AFTER),
            ),
            FetchError::Unavailable {
                retry_after: None, ..
            } => {
                let doublings = count.saturating_sub(1).min(8);
                (
                    Cause::Unreachable,
                    FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE),
                )
            }
        };
        Self {
            until: now.plus(pause).as_millis(),
            cause,
            count,
            owner: owner.map(str::to_owned),
            proof: None,
        }
    }

    /// Notes what the gateway proved itself with, if that is what was refused.
    pub(super) fn with_proof(self, proof: Option<&str>) -> Self {
        let proof = proof.filter(|_| self.cause == Cause::Refused).map(str::to_owned);
        Self { proof, ..self }
    }

    /// Whether it concerns a gateway that proves itself so. An outage concerns all, a refusal those who were refused.
    pub(super) fn concerns(&self, proof: Option<&str>) -> bool {
        self.proof.as_deref().is_none_or(|refused| proof == Some(refused))
    }

    /// Whether it is the record of the resource that `owner` owns.
    pub(super) fn is_of(&self, owner: Option<&str>) -> bool {
        self.owner.as_deref() == owner
    }

    /// Whether the provider itself is in trouble, or the gateway with it: then attempts are few and short.
    pub(super) fn is_outage(&self) -> bool {
        !matches!(self.cause, Cause::Denied | Cause::Limited)
    }

    pub(super) fn until(&self) -> UnixTime {
        UnixTime::from_millis(self.until)
    }

    /// The same failure for another machine, whose clock may differ: how long it holds, not until when.
    pub(super) fn since(&self, now: UnixTime) -> Self {
        let left = self.until().since(now).as_millis();
        Self {
            until: u64::try_from(left).unwrap_or(u64::MAX),
            ..self.clone()
        }
    }

    /// What [`Failure::since`] gave, by this machine's clock.
    pub(super) fn beginning(&self, now: UnixTime) -> Self {
        Self {
            until: now.plus(Duration::from_millis(self.until)).as_millis(),
            ..self.clone()
        }
    }

    pub(super) fn holds_at(&self, now: UnixTime) -> bool {
        now < self.until() && self.until() <= now.plus(LONGEST_RETRY_AFTER)
    }

    /// Whether it forbids a fetch that is not urgent, because a value is usable until `usable_until`. Attempts are then
    /// further and further apart, but at most a tenth of the time that is left.
    pub(super) fn holds_without_need_at(&self, now: UnixTime, usable_until: UnixTime) -> bool {
        let until = self.until();
        if self.cause != Cause::Unreachable || now < until {
            return self.holds_at(now);
        }
        let doublings = self.count.saturating_sub(1).min(16);
        let patience = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PATIENCE);
        now < until.plus(patience.min(usable_until.since(until) / 10))
    }

    pub(super) fn unavailable(&self, now: UnixTime) -> Unavailable {
        Unavailable {
            cause: self.cause,
            retry_after: self.until().since(now),
        }
    }

    /// How long the next attempt may take. A provider that hangs would hold a full attempt for the whole timeout,
    /// and its return would go unnoticed for as long; so a trial gets twice the time the last success took. Where
    /// that is not known, or was too little, every fourth attempt gets all.
    pub(super) fn trial_time(&self, last_success_took: Option<Duration>, timeout: Duration) -> Duration {
        if self.count.is_multiple_of(4) || !self.is_outage() {
            return timeout;
        }
        let usual = last_success_took.unwrap_or_default().saturating_mul(2);
        usual.max(SHORTEST_TRIAL).min(timeout)
    }

    /// True when the failure is so recent that work done ahead of need should not even begin.
    pub(super) fn is_recent(&self, now: UnixTime) -> bool {
        self.holds_at(now) || now.since(self.until()) < Duration::from_secs(30)
    }

    /// True when the provider has denied the caller.
    pub(super) fn is_denial(&self) -> bool {
        self.cause == Cause::Denied
    }

    /// True when the provider has denied the caller at `time` or later.
    pub(super) fn is_denial_since(&self, time: UnixTime) -> bool {
        self.is_denial() && time <= self.until().minus(DENIED_PAUSE)
    }

    /// True when there is nothing to ask the provider for.
    pub(super) fn is_grant_lost(&self) -> bool {
        self.cause == Cause::GrantLost
    }

    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn encode(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    pub(super) fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unavailable(retry_after: Option<u64>) -> FetchError {
        FetchError::Unavailable {
            detail: String::new(),
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    #[test]
    fn pauses_grow_up_to_half_a_second() {
        let now = UnixTime::from_secs(1000);
        let mut last = None;
        let pauses: Vec<u128> = (0..5)
            .map(|_| {
                let failure = Failure::new(&unavailable(None), now, last.as_ref(), None);
                let pause = failure.until().since(now).as_millis();
                last = Some(failure);
                pause
            })
            .collect();
        assert_eq!(pauses, [250, 500, 500, 500, 500]);
    }

    #[test]
    fn the_providers_wish_and_a_refusal_count_more() {
        let now = UnixTime::from_secs(1000);
        for (error, seconds) in [
            (unavailable(Some(7)), 7),
            (unavailable(Some(100_000)), 60),
            (
                FetchError::Refused {
                    detail: String::new(),
                },
                10,
            ),
            (
                FetchError::Denied {
                    detail: String::new(),
                },
                30,
            ),
        ] {
            let failure = Failure::new(&error, now, None, None);
            assert_eq!(failure.until().since(now).as_secs(), seconds, "{error:?}");
            assert_eq!(failure.unavailable(now).retry_after_seconds(), seconds);
        }
    }

    #[test]
    fn a_record_from_a_future_that_cannot_be_does_not_hold() {
        let now = UnixTime::from_secs(10_000);
        let failure = Failure::new(
            &unavailable(None),
            now.plus(Duration::from_secs(3600)),
            None,
            None,
        );
        assert!(!failure.holds_at(now));
        assert!(Failure::new(&unavailable(None), now, None, None).holds_at(now));
    }

    #[test]
    fn trials_are_short_but_every_fourth_attempt_gets_all() {
        let timeout = Duration::from_secs(5);
        let mut last = None;
        let trials: Vec<[u128; 3]> = (0..4)
            .map(|_| {
                let failure = Failure::new(&unavailable(None), UnixTime::from_secs(1), last.as_ref(), None);
                let time = |took| failure.trial_time(took, timeout).as_millis();
                let all = [
                    time(None),
                    time(Some(Duration::from_secs(2))),
                    time(Some(Duration::from_secs(9))),
                ];
                last = Some(failure);
                all
            })
            .collect();
        assert_eq!(
            trials,
            [
                [1000, 4000, 5000],
                [1000, 4000, 5000],
                [1000, 4000, 5000],
                [5000, 5000, 5000]
            ]
        );
    }

    #[test]
    fn a_denied_caller_is_no_outage() {
        let denied = FetchError::Denied {
            detail: String::new(),
        };
        let failure = Failure::new(&denied, UnixTime::from_secs(1), None, Some("jane"));
        assert!(!failure.is_outage() && failure.is_of(Some("jane")) && !failure.is_of(None));
        let timeout = Duration::from_secs(5);
        assert_eq!(failure.trial_time(None, timeout), timeout);
        let unavailable = failure.unavailable(UnixTime::from_secs(1));
        assert_eq!(
            (unavailable.cause(), unavailable.reason()),
            (Cause::Denied, Reason::InvalidCredentials)
        );
    }

    #[test]
    fn holds_on_another_machine_as_long_as_on_its_own() {
        let (here, there) = (UnixTime::from_secs(1000), UnixTime::from_secs(999_000));
        let failure = Failure::new(&unavailable(Some(7)), here, None, None);
        let told = failure.since(here.plus(Duration::from_secs(2))).beginning(there);
        assert_eq!(told.until(), there.plus(Duration::from_secs(5)));
        assert!(told.holds_at(there));
        let over = failure.since(here.plus(Duration::from_secs(8))).beginning(there);
        assert!(!over.holds_at(there));
    }

    #[test]
    fn a_refusal_concerns_the_secret_that_was_refused() {
        let now = UnixTime::from_secs(1000);
        let refused = FetchError::Refused {
            detail: String::new(),
        };
        let failure = Failure::new(&refused, now, None, None).with_proof(Some("old"));
        let told = Failure::decode(&failure.encode()).unwrap();
        assert_eq!(
            (
                told.concerns(Some("old")),
                told.concerns(Some("new")),
                told.concerns(None)
            ),
            (true, false, false)
        );
        let outage = Failure::new(&unavailable(None), now, None, None).with_proof(Some("old"));
        assert!(outage.concerns(Some("new")));
    }

    #[test]
    fn survives_the_state_directory() {
        let failure = Failure::new(&unavailable(Some(2)), UnixTime::from_secs(1), None, None);
        assert_eq!(Failure::decode(&failure.encode()), Some(failure));
        assert_eq!(Failure::decode("garbage"), None);
    }
}
