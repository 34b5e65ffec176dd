//! The numbers behind the expectations: how the gateway is configured here, and what it promises.

use std::time::Duration;

/// Lifetime of the gateway's own tokens (`expires_in`).
pub(super) const TOKEN_LIFETIME: Duration = Duration::from_secs(5);
/// The gateway fetches a new token when a quarter of the lifetime is left, at the earliest.
pub(super) const TOKEN_PERIOD: Duration = Duration::from_millis(3750);
/// The longest time before `exp` at which the gateway may stop using a token. It stops when 15 % of the lifetime are
/// left. `exp` is rounded up to whole seconds, and the lifetime counts from before the token request.
pub(super) const UNUSED_BEFORE_EXP: Duration = Duration::from_millis(1000 + 750 + 500);
/// `refetchIntervalSeconds`: the least time between two key fetches that unknown keys cause.
pub(super) const REFETCH_INTERVAL: Duration = Duration::from_secs(2);
/// `clientConfig.timeoutSeconds`: the most time that one attempt at the identity provider takes.
pub(super) const TIMEOUT: Duration = Duration::from_secs(2);
/// The most calls in one attempt: the first, and `clientConfig.maxRetries` more.
pub(super) const CALLS_IN_AN_ATTEMPT: usize = 4;
/// The least time between two attempts while the identity provider fails, except between the first two.
pub(super) const BREAKER_PAUSE: Duration = Duration::from_millis(500);
/// How soon an instance uses what another one has fetched.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// How soon the gateway works normally after the identity provider is back: two seconds after the last failed attempt.
pub(super) const RECOVERY: Duration = Duration::from_secs(2).saturating_add(TIMEOUT);
/// How soon the gateway works normally after a kill. The lease of a killed process stays in force for 2.5 seconds, and
/// those that wait for it wait as long again.
pub(super) const KILL_RECOVERY: Duration = Duration::from_secs(5);
/// Tolerance for the time between reading the clock and acting, on a busy machine.
pub(super) const SLACK: Duration = Duration::from_millis(100);

/// How long a client waits for an answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
