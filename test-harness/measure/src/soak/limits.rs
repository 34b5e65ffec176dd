//! The numbers that expectations are computed from: how the gateway is configured here, and what it promises.

use std::time::Duration;

/// Lifetime of the gateway's own tokens (`expires_in`).
pub(super) const TOKEN_LIFETIME: Duration = Duration::from_secs(5);
/// A new token is fetched when a quarter of the lifetime is left, at the earliest.
pub(super) const TOKEN_PERIOD: Duration = Duration::from_millis(3750);
/// A token is used until 15 % of its lifetime are left. `exp` is in whole seconds, rounded up, and the lifetime counts
/// from before the request for it: so long before `exp` a token may have gone out of use at the earliest.
pub(super) const UNUSED_BEFORE_EXP: Duration = Duration::from_millis(1000 + 750 + 500);
/// `refetchIntervalSeconds`: least time between two fetches that tokens with unknown keys cause.
pub(super) const REFETCH_INTERVAL: Duration = Duration::from_secs(2);
/// `clientConfig.timeoutSeconds`: the longest time that one attempt at the identity provider takes.
pub(super) const TIMEOUT: Duration = Duration::from_secs(2);
/// How often one attempt may repeat a call (`clientConfig.maxRetries` and the first).
pub(super) const CALLS_IN_AN_ATTEMPT: usize = 4;
/// While the identity provider fails, an attempt comes no sooner than this after the one before, but for the first two.
pub(super) const BREAKER_PAUSE: Duration = Duration::from_millis(500);
/// How soon after somebody else's fetch every instance uses its result.
pub(super) const LOOK: Duration = Duration::from_secs(1);
/// How soon all is well after the identity provider's return: two seconds after the last attempt that still failed.
pub(super) const RECOVERY: Duration = Duration::from_secs(2).saturating_add(TIMEOUT);
/// How soon all is well after a kill. A killed holder's lease is respected for 2.5 seconds, and those who wait for it
/// wait as long again.
pub(super) const KILL_RECOVERY: Duration = Duration::from_secs(5);
/// For what happens between a clock's reading and the deed, on a busy machine.
pub(super) const SLACK: Duration = Duration::from_millis(100);

/// A client gives up on an answer after this long.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);
