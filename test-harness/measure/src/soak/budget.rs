//! Checks that the gateway calls the identity provider no more often than it needs to.
//!
//! Outside an outage: one token call per refresh, and one JWKS call per refetch interval (forged tokens arrive all the
//! time, so the gateway asks for keys at every interval). During an outage: as often as the circuit breaker lets an
//! attempt through.

use std::time::Duration;

use super::disturbance::Disturbance;
use super::limits::{BREAKER_PAUSE, CALLS_IN_AN_ATTEMPT, RECOVERY, REFETCH_INTERVAL, TOKEN_PERIOD};
use super::sample::Sample;
use super::timeline::Facts;

/// Calls during a stretch of the run, and their limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spent {
    pub(super) from: Duration,
    pub(super) until: Duration,
    pub(super) is_outage: bool,
    pub(super) token_calls: usize,
    pub(super) token_limit: usize,
    pub(super) jwks_calls: usize,
    pub(super) jwks_limit: usize,
}

impl Spent {
    pub(super) const fn is_within(&self) -> bool {
        self.token_calls <= self.token_limit && self.jwks_calls <= self.jwks_limit
    }
}

/// Cuts the run into stretches with and without an outage of the identity provider.
pub(super) fn spent(samples: &[Sample], facts: &Facts) -> Vec<Spent> {
    let kinds: Vec<bool> = samples.iter().map(|sample| is_outage(sample.at, facts)).collect();
    let mut stretches = Vec::new();
    let mut begin = 0;
    for end in 1..samples.len() {
        // An interval between two samples that touches an outage counts as an outage, whose limit is the wider one.
        let here = interval_is_outage(&kinds, end);
        let next_differs = end + 1 >= samples.len() || interval_is_outage(&kinds, end + 1) != here;
        if next_differs {
            if let (Some(first), Some(last)) = (samples.get(begin), samples.get(end)) {
                stretches.push(stretch(first, last, here, facts));
            }
            begin = end;
        }
    }
    stretches
}

/// Whether the interval that ends with this sample touches an outage.
fn interval_is_outage(kinds: &[bool], end: usize) -> bool {
    let at = |index: Option<usize>| index.and_then(|index| kinds.get(index)).is_some_and(|kind| *kind);
    at(end.checked_sub(1)) || at(Some(end))
}

fn stretch(first: &Sample, last: &Sample, is_outage: bool, facts: &Facts) -> Spent {
    let length = last.at.saturating_sub(first.at);
    // A killed process may have called the provider without storing the result.
    let kills = facts.windows.iter().filter(|window| {
        window.what == Disturbance::Kill
            && window.from <= last.at
            && window.until.is_none_or(|until| first.at <= until)
    });
    let kills = kills.count();
    let one_each = |period| times(length, period) + 1 + kills;
    let attempts = (times(length, BREAKER_PAUSE) + 3) * CALLS_IN_AN_ATTEMPT;
    Spent {
        from: first.at,
        until: last.at,
        is_outage,
        token_calls: last.token_calls.saturating_sub(first.token_calls),
        token_limit: if is_outage {
            attempts
        } else {
            one_each(TOKEN_PERIOD)
        },
        jwks_calls: last.jwks_calls.saturating_sub(first.jwks_calls),
        jwks_limit: if is_outage {
            attempts
        } else {
            one_each(REFETCH_INTERVAL)
        },
    }
}

fn times(length: Duration, period: Duration) -> usize {
    usize::try_from(length.as_millis() / period.as_millis().max(1)).unwrap_or(usize::MAX)
}

fn is_outage(at: Duration, facts: &Facts) -> bool {
    facts.windows.iter().any(|window| {
        matches!(window.what, Disturbance::ProviderFails(..))
            && window.from <= at
            && window.until.is_none_or(|until| at <= until + RECOVERY)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soak::timeline::Window;
    use harness::faults::Fault;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn sample(at: u64, token_calls: usize, jwks_calls: usize) -> Sample {
        Sample {
            at: seconds(at),
            token_calls,
            jwks_calls,
            ..Sample::default()
        }
    }

    fn window(what: Disturbance, from: u64, until: u64) -> Window {
        Window {
            what,
            from: seconds(from),
            until: Some(seconds(until)),
            token: None,
            served_again: None,
        }
    }

    #[test]
    fn a_quiet_run_is_one_stretch_with_one_call_each_period() {
        let samples: Vec<Sample> = (0..=16)
            .map(|at| sample(at, at as usize / 4, at as usize / 2))
            .collect();
        let spent = spent(&samples, &Facts::default());
        assert_eq!(spent.len(), 1);
        assert_eq!((spent[0].token_calls, spent[0].token_limit), (4, 5));
        assert_eq!((spent[0].jwks_calls, spent[0].jwks_limit), (8, 9));
        assert!(spent[0].is_within());
    }

    #[test]
    fn one_call_too_many_is_found() {
        for (token, jwks, expected) in [(3, 6, true), (4, 6, false), (3, 7, false)] {
            let spent = spent(&[sample(0, 0, 0), sample(10, token, jwks)], &Facts::default());
            assert_eq!(spent[0].is_within(), expected, "{token} {jwks}");
        }
        let facts = Facts {
            windows: vec![window(Disturbance::Kill, 4, 6)],
            rotations: Vec::new(),
        };
        assert!(spent(&[sample(0, 0, 0), sample(10, 4, 7)], &facts)[0].is_within());
    }

    #[test]
    fn an_outage_is_a_stretch_of_its_own_with_its_recovery() {
        let samples: Vec<Sample> = (0..=30).map(|at| sample(at, 0, 0)).collect();
        let facts = Facts {
            windows: vec![window(Disturbance::ProviderFails("", Fault::Refuse), 10, 15)],
            rotations: Vec::new(),
        };
        let cut: Vec<(u64, u64, bool)> = spent(&samples, &facts)
            .iter()
            .map(|spent| (spent.from.as_secs(), spent.until.as_secs(), spent.is_outage))
            .collect();
        assert_eq!(cut, [(0, 9, false), (9, 20, true), (20, 30, false)]);
    }
}
