//! Load on one gateway.

use std::time::Duration;

use super::error::BenchError;
use super::generator::{Generator, Requests, Tally};
use super::requests::Repeated;
use super::row::Round;
use harness::process::Process;

/// A load generator, and a name for its errors.
pub(super) struct Load {
    pub(super) generator: Generator,
    pub(super) what: String,
}

impl Load {
    /// Sends every known request once, and then until the rate stops growing, so that instances, caches and connections
    /// are ready.
    pub(super) fn warm_up(&mut self, requests: &mut Repeated, round: Duration) -> Result<(), BenchError> {
        const SLICE: Duration = Duration::from_millis(400);
        const SLICES: usize = 25;
        let mut sent = 0;
        while sent < requests.distinct() {
            let tally = self.run(requests, SLICE)?;
            sent += usize::try_from(tally.good).unwrap_or(usize::MAX);
        }
        let (mut best, mut no_better) = (0.0, 0);
        for _ in 0..SLICES {
            let rate = self.run(requests, SLICE.min(round))?.per_second();
            if rate > best * 1.03 {
                (best, no_better) = (rate, 0);
            } else {
                no_better += 1;
            }
            if no_better == 2 {
                break;
            }
        }
        Ok(())
    }

    /// Sends requests to a gateway that was warm in an earlier round, so that its new connections are in use.
    pub(super) fn resume(&mut self, requests: &mut Repeated) -> Result<(), BenchError> {
        const LENGTH: Duration = Duration::from_millis(150);
        self.run(requests, LENGTH).map(drop)
    }

    /// Sends requests and counts the answers. Waits for requests in flight at the end, but does not count them.
    pub(super) fn run(&mut self, requests: &mut dyn Requests, length: Duration) -> Result<Tally, BenchError> {
        let tally = self.generator.run(requests, length)?;
        self.generator.drain()?;
        self.judge(tally)
    }

    /// Like `run`, but also measures the process.
    pub(super) fn measured(
        &mut self,
        requests: &mut dyn Requests,
        length: Duration,
        process: Option<Process>,
    ) -> Result<Round, BenchError> {
        let before = process.map(Process::cpu_time).transpose()?;
        let tally = self.generator.run(requests, length)?;
        let after = process.map(Process::cpu_time).transpose()?;
        let rss_kib = process.map(Process::rss_kib).transpose()?;
        self.generator.drain()?;
        let tally = self.judge(tally)?;
        let cpu = after
            .zip(before)
            .map(|(after, before)| after.saturating_sub(before));
        Ok(Round {
            rps: tally.per_second(),
            p50_us: tally.latency_us(0.5),
            p99_us: tally.latency_us(0.99),
            cpu_us: cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / tally.good as f64),
            rss_mib: rss_kib.map(|kib| kib as f64 / 1024.0),
        })
    }

    /// Rejects a run with bad answers, because a fast refusal is not a result.
    fn judge(&self, tally: Tally) -> Result<Tally, BenchError> {
        let trouble = tally
            .trouble()
            .or_else(|| (tally.good == 0).then(|| "not one answer in a whole round".to_owned()));
        match trouble {
            Some(trouble) => Err(BenchError::Misbehaves {
                what: format!("{}: {trouble}", self.what),
            }),
            None => Ok(tally),
        }
    }
}
