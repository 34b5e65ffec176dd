//! The disturbances of a run, and when they happen.

use std::time::Duration;

use super::limits::{KILL_RECOVERY, RECOVERY};
use harness::faults::Fault;

/// Something that fails or changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Disturbance {
    /// The whole identity provider fails in this way.
    ProviderFails(&'static str, Fault),
    /// The identity provider signs with a new key under the same key id. The old key is gone at once.
    RotateSameKid,
    /// The same, under a new key id.
    RotateNewKid,
    /// Traefik loads a configuration with an irrelevant change and rebuilds every middleware.
    Reload,
    /// OIC answers every request with 500.
    BackendFails,
    /// Traefik is killed (SIGKILL) and started again.
    Kill,
}

impl Disturbance {
    /// All disturbances, in order. A run of one minute gets the first three.
    pub(super) fn all() -> Vec<Self> {
        let provider = Self::ProviderFails;
        let too_many = Fault::TooManyRequests {
            retry_after: Some("2".to_owned()),
        };
        vec![
            Self::RotateSameKid,
            provider("provider refuses", Fault::Refuse),
            Self::Reload,
            Self::Kill,
            provider("provider hangs", Fault::Hang),
            Self::RotateNewKid,
            provider("provider 500", Fault::Status(500)),
            Self::BackendFails,
            provider("provider HTML", Fault::Html),
            provider("provider 429", too_many),
            provider("provider truncates", Fault::TruncatedBody),
            provider("provider drips", Fault::SlowDrip(Duration::from_millis(20))),
        ]
    }

    /// A short name.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::ProviderFails(label, _) => label,
            Self::RotateSameKid => "rotation, same kid",
            Self::RotateNewKid => "rotation, new kid",
            Self::Reload => "reload",
            Self::BackendFails => "OIC 500",
            Self::Kill => "Traefik killed",
        }
    }

    /// How long the disturbance lasts. Zero if it is over at once.
    pub(super) fn lasts(&self) -> Duration {
        match self {
            // Longer than a token lives, so that the gateway runs out of tokens too.
            Self::ProviderFails(..) => Duration::from_secs(8),
            Self::BackendFails => Duration::from_secs(3),
            // Clients that retry are refused for a moment before they are served again.
            Self::Kill => Duration::from_secs(1),
            Self::RotateSameKid | Self::RotateNewKid | Self::Reload => Duration::ZERO,
        }
    }

    pub(super) const fn is_rotation(&self) -> bool {
        matches!(self, Self::RotateSameKid | Self::RotateNewKid)
    }
}

/// A disturbance and its start, measured from the start of the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) at: Duration,
    pub(super) what: Disturbance,
}

/// Plans one disturbance every `pause`, starting at `warm_up`. Stops before the first one from which the gateway could
/// not recover before the end of the run.
pub(super) fn plan(length: Duration, warm_up: Duration, pause: Duration) -> Vec<Planned> {
    let all = Disturbance::all();
    let recovery = RECOVERY.max(KILL_RECOVERY);
    all.iter()
        .cycle()
        .enumerate()
        .map(|(number, what)| Planned {
            at: warm_up + pause * u32::try_from(number).unwrap_or(u32::MAX),
            what: what.clone(),
        })
        .take_while(|planned| planned.at + planned.what.lasts() + recovery <= length)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn they_come_in_turn_and_leave_time_to_recover() {
        let plan = plan(seconds(900), seconds(10), seconds(20));
        assert_eq!(plan.len(), 44);
        assert_eq!(plan[0].at, seconds(10));
        assert_eq!(
            plan[13],
            Planned {
                at: seconds(270),
                what: Disturbance::all()[1].clone()
            }
        );
        assert!(super::plan(seconds(14), seconds(10), seconds(20)).is_empty());
        assert_eq!(super::plan(seconds(60), seconds(10), seconds(20)).len(), 3);
    }

    #[test]
    fn no_two_overlap_recovery_included() {
        for what in Disturbance::all() {
            let after = if what == Disturbance::Kill {
                KILL_RECOVERY
            } else {
                RECOVERY
            };
            assert!(what.lasts() + after + seconds(3) <= seconds(20), "{what:?}");
        }
    }

    #[test]
    fn labels_are_distinct() {
        let all = Disturbance::all();
        let labels: std::collections::BTreeSet<&str> = all.iter().map(Disturbance::label).collect();
        assert_eq!(labels.len(), all.len());
    }
}
