//! Failed fetches as they are recorded for all instances.

use std::time::Duration;

use middleware::UnixTime;
use serde::{Deserialize, Serialize};

use super::failure::{Cause, Failure};
use super::fetch_error::FetchError;
use crate::breaker::{Backoff, Breaker};

/// The pauses between attempts. They are short, so that the gateway is back within two seconds of the provider.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(250),
    longest: Duration::from_millis(500),
};
/// The additional pauses while a usable value is cached.
const PATIENCE: Backoff = Backoff {
    first: Duration::from_millis(250),
    longest: Duration::from_secs(30),
};
/// The shortest time limit of an attempt after a failure, unless the configured time limit is shorter.
const SHORTEST_TRIAL: Duration = Duration::from_secs(1);
/// The pause after a refusal. Nothing changes until the operator changes something.
const REFUSED_PAUSE: Duration = Duration::from_secs(10);
/// How long a denied caller is denied again without asking the provider.
const DENIED_PAUSE: Duration = Duration::from_secs(30);
/// The pause after a check for a grant that is not there. The check costs no call to the provider.
const GRANT_LOST_PAUSE: Duration = Duration::from_secs(2);
/// The longest `Retry-After` that is honoured, and therefore the longest pause.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60);

/// The record of a failed fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FailureRecord {
    /// [`Breaker::until`].
    until: u64,
    /// [`Cause::Unreachable`], [`Cause::Refused`], [`Cause::Denied`] or [`Cause::GrantLost`].
    cause: Cause,
    /// [`Breaker::failures`].
    count: u32,
    /// The owner, if several resources share a name: [`StateName::owner`](crate::StateName::owner).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    /// The credentials that were refused, if the resource's name does not depend on them:
    /// [`Resource::proof`](super::Resource::proof).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    proof: Option<String>,
}

impl FailureRecord {
    /// The record of `error` at `now`, after the failure `last` of the same resource.
    pub(super) fn new(error: &FetchError, now: UnixTime, last: Option<&Self>, owner: Option<&str>) -> Self {
        let last = last.map(Self::breaker).unwrap_or_default();
        let cause = match error {
            FetchError::Unavailable { .. } => Cause::Unreachable,
            FetchError::Refused { .. } => Cause::Refused,
            FetchError::Denied { .. } => Cause::Denied,
            FetchError::GrantLost { .. } => Cause::GrantLost,
            FetchError::Limited { .. } => Cause::Limited,
        };
        let Breaker { until, failures } = last.after_failure(now, |failures| match error {
            FetchError::Unavailable {
                retry_after: Some(pause),
                ..
            } => (*pause).clamp(BACKOFF.first, LONGEST_RETRY_AFTER),
            FetchError::Unavailable {
                retry_after: None, ..
            } => BACKOFF.pause(failures),
            FetchError::Refused { .. } => REFUSED_PAUSE,
            FetchError::Denied { .. } => DENIED_PAUSE,
            FetchError::GrantLost { .. } => GRANT_LOST_PAUSE,
            FetchError::Limited { retry_after } => *retry_after,
        });
        Self {
            until,
            cause,
            count: failures,
            owner: owner.map(str::to_owned),
            proof: None,
        }
    }

    const fn breaker(&self) -> Breaker {
        Breaker {
            until: self.until,
            failures: self.count,
        }
    }

    /// Notes the credentials that the gateway used, if they were refused.
    pub(super) fn with_proof(self, proof: Option<&str>) -> Self {
        let proof = proof.filter(|_| self.cause == Cause::Refused).map(str::to_owned);
        Self { proof, ..self }
    }

    /// Whether the failure concerns a gateway with the credentials `proof`. An outage concerns all gateways, a refusal
    /// only those with the credentials that were refused.
    pub(super) fn concerns(&self, proof: Option<&str>) -> bool {
        self.proof.as_deref().is_none_or(|refused| proof == Some(refused))
    }

    /// Whether this is a record of the resource of `owner`.
    pub(super) fn is_of(&self, owner: Option<&str>) -> bool {
        self.owner.as_deref() == owner
    }

    /// Whether the provider fails, or refuses the gateway. Attempts are then few and short.
    pub(super) fn is_outage(&self) -> bool {
        !matches!(self.cause, Cause::Denied | Cause::Limited)
    }

    /// When the next attempt may be made.
    pub(super) const fn until(&self) -> UnixTime {
        self.breaker().until()
    }

    /// The same record for another machine, whose clock may differ: `until` is a duration, in milliseconds.
    pub(super) fn since(&self, now: UnixTime) -> Self {
        let left = self.until().since(now).as_millis();
        Self {
            until: u64::try_from(left).unwrap_or(u64::MAX),
            ..self.clone()
        }
    }

    /// Converts what [`FailureRecord::since`] returned to this machine's clock.
    pub(super) fn beginning(&self, now: UnixTime) -> Self {
        Self {
            until: now.plus(Duration::from_millis(self.until)).as_millis(),
            ..self.clone()
        }
    }

    /// Whether it forbids a fetch at `now`.
    pub(super) fn holds_at(&self, now: UnixTime) -> bool {
        self.breaker().is_open_at(now, LONGEST_RETRY_AFTER)
    }

    /// Whether it forbids a fetch at `now` while a value is at hand that is usable until `usable_until`. The pauses
    /// between attempts then grow, up to a tenth of the time that the value has left.
    pub(super) fn holds_without_need_at(&self, now: UnixTime, usable_until: UnixTime) -> bool {
        let until = self.until();
        if self.cause != Cause::Unreachable || now < until {
            return self.holds_at(now);
        }
        let patience = PATIENCE.pause(self.count);
        now < until.plus(patience.min(usable_until.since(until) / 10))
    }

    /// What this record means for a request at `now`.
    pub(super) fn failure(&self, now: UnixTime) -> Failure {
        Failure::new(self.cause, self.until().since(now))
    }

    /// The time limit of the next attempt. An attempt at a provider that hangs takes as long as it may, and meanwhile
    /// nobody would notice that the provider is back. So the limit is twice the time that the last success took. That
    /// may be unknown, or too short, so every fourth attempt gets the whole `timeout`.
    pub(super) fn trial_time(&self, last_success_took: Option<Duration>, timeout: Duration) -> Duration {
        if self.count.is_multiple_of(4) || !self.is_outage() {
            return timeout;
        }
        let usual = last_success_took.unwrap_or_default().saturating_mul(2);
        usual.max(SHORTEST_TRIAL).min(timeout)
    }

    /// Whether the failure is too recent for a fetch ahead of need.
    pub(super) fn is_recent(&self, now: UnixTime) -> bool {
        self.holds_at(now) || now.since(self.until()) < Duration::from_secs(30)
    }

    /// Whether the provider denied the caller.
    pub(super) fn is_denial(&self) -> bool {
        self.cause == Cause::Denied
    }

    /// Whether the provider denied the caller at `time` or later.
    pub(super) fn is_denial_since(&self, time: UnixTime) -> bool {
        self.is_denial() && time <= self.until().minus(DENIED_PAUSE)
    }

    /// Whether the user's grant is gone.
    pub(super) fn is_grant_lost(&self) -> bool {
        self.cause == Cause::GrantLost
    }

    /// How many attempts have failed in a row.
    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    /// Encodes the record as JSON.
    pub(super) fn encode(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Decodes what [`FailureRecord::encode`] wrote. Returns `None` for anything else.
    pub(super) fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use middleware::Reason;

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
                let failure = FailureRecord::new(&unavailable(None), now, last.as_ref(), None);
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
            let failure = FailureRecord::new(&error, now, None, None);
            assert_eq!(failure.until().since(now).as_secs(), seconds, "{error:?}");
            assert_eq!(failure.failure(now).retry_after_seconds(), seconds);
        }
    }

    #[test]
    fn a_record_from_a_future_that_cannot_be_does_not_hold() {
        let now = UnixTime::from_secs(10_000);
        let failure = FailureRecord::new(
            &unavailable(None),
            now.plus(Duration::from_secs(3600)),
            None,
            None,
        );
        assert!(!failure.holds_at(now));
        assert!(FailureRecord::new(&unavailable(None), now, None, None).holds_at(now));
    }

    #[test]
    fn trials_are_short_but_every_fourth_attempt_gets_all() {
        let timeout = Duration::from_secs(5);
        let mut last = None;
        let trials: Vec<[u128; 3]> = (0..4)
            .map(|_| {
                let failure =
                    FailureRecord::new(&unavailable(None), UnixTime::from_secs(1), last.as_ref(), None);
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
        let failure = FailureRecord::new(&denied, UnixTime::from_secs(1), None, Some("jane"));
        assert!(!failure.is_outage() && failure.is_of(Some("jane")) && !failure.is_of(None));
        let timeout = Duration::from_secs(5);
        assert_eq!(failure.trial_time(None, timeout), timeout);
        let denied = failure.failure(UnixTime::from_secs(1));
        assert_eq!(
            (denied.cause(), denied.reason()),
            (Cause::Denied, Reason::InvalidCredentials)
        );
    }

    #[test]
    fn holds_on_another_machine_as_long_as_on_its_own() {
        let (here, there) = (UnixTime::from_secs(1000), UnixTime::from_secs(999_000));
        let failure = FailureRecord::new(&unavailable(Some(7)), here, None, None);
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
        let failure = FailureRecord::new(&refused, now, None, None).with_proof(Some("old"));
        let told = FailureRecord::decode(&failure.encode()).unwrap();
        assert_eq!(
            (
                told.concerns(Some("old")),
                told.concerns(Some("new")),
                told.concerns(None)
            ),
            (true, false, false)
        );
        let outage = FailureRecord::new(&unavailable(None), now, None, None).with_proof(Some("old"));
        assert!(outage.concerns(Some("new")));
    }

    #[test]
    fn survives_the_state_directory() {
        let failure = FailureRecord::new(&unavailable(Some(2)), UnixTime::from_secs(1), None, None);
        assert_eq!(FailureRecord::decode(&failure.encode()), Some(failure));
        assert_eq!(FailureRecord::decode("garbage"), None);
    }
}
