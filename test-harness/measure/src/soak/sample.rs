//! One sample a second of everything that the report shows and judges.

use std::time::Duration;

/// Measurements at one moment. Counts are totals since the start of the run.
#[derive(Clone, Debug, Default)]
pub(super) struct Sample {
    /// Since the start of the run.
    pub(super) at: Duration,
    pub(super) requests: usize,
    pub(super) wrong: usize,
    pub(super) missing: usize,
    pub(super) explained: usize,
    /// The median of the latencies since the last sample.
    pub(super) p50: Option<Duration>,
    /// The 99th percentile of the same latencies.
    pub(super) p99: Option<Duration>,
    /// `None` while Traefik is down or busy with a reload.
    pub(super) process: Option<Process>,
    pub(super) token_calls: usize,
    pub(super) jwks_calls: usize,
}

/// Resources of the Traefik process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) rss_kib: u64,
    pub(super) fds: usize,
}

/// The median memory and descriptors of the last samples up to `at`, so that one outlier does not decide.
pub(super) fn typical(samples: &[Sample], at: Duration) -> Option<(u64, usize)> {
    const LOOKS: usize = 5;
    let until = samples.iter().rev().filter(|sample| sample.at <= at);
    let looks: Vec<Process> = until.filter_map(|sample| sample.process).take(LOOKS).collect();
    Some((
        middle(looks.iter().map(|look| look.rss_kib))?,
        middle(looks.iter().map(|look| look.fds))?,
    ))
}

fn middle<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness::load::percentile;

    #[test]
    fn percentiles_are_values_that_occur() {
        let list: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        for (percent, expected) in [(0.0, 1), (50.0, 51), (99.0, 99), (100.0, 100)] {
            assert_eq!(
                percentile(&list, percent),
                Some(Duration::from_millis(expected)),
                "{percent}"
            );
        }
        assert_eq!(percentile(&[], 50.0), None);
    }

    #[test]
    fn the_typical_value_is_the_middle_of_five_looks() {
        let sample = |at: u64, rss_kib: Option<u64>| Sample {
            at: Duration::from_secs(at),
            process: rss_kib.map(|rss_kib| Process {
                pid: 1,
                rss_kib,
                fds: 7,
            }),
            ..Sample::default()
        };
        let values = [
            Some(1),
            Some(900),
            Some(30),
            None,
            Some(20),
            Some(10),
            Some(40),
            Some(2),
        ];
        let samples: Vec<Sample> = (0..).zip(values).map(|(at, rss)| sample(at, rss)).collect();
        assert_eq!(typical(&samples, Duration::from_secs(6)), Some((30, 7)));
        assert_eq!(typical(&samples[3..4], Duration::from_secs(6)), None);
    }
}
