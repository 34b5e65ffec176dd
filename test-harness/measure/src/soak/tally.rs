//! Counts the outcomes of the requests.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::expectation::{Answer, Verdict};
use super::request::Prepared;
use super::timeline::Span;

/// The counts of all clients.
#[derive(Default)]
pub(super) struct Tally {
    counts: Mutex<Counts>,
}

/// Counts since the start.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    pub(super) requests: usize,
    /// Answers that a request must not get.
    pub(super) wrong: usize,
    /// Requests without an answer that no disturbance explains.
    pub(super) missing: usize,
    /// Requests that were not served because of a disturbance.
    pub(super) explained: usize,
    /// By kind of request and outcome.
    pub(super) rows: BTreeMap<(&'static str, String), Row>,
    /// The first wrong and missing answers, as text.
    pub(super) complaints: Vec<String>,
    /// The latencies since the last [`Tally::take_latencies`].
    latencies: Vec<Duration>,
}

/// Requests of one kind with one outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) count: usize,
    /// How many of them a disturbance explains.
    pub(super) explained: usize,
    /// How many of them were wrong, or missing without an explanation.
    pub(super) wrong: usize,
}

impl Tally {
    pub(super) fn record(&self, prepared: &Prepared, answer: &Answer, verdict: &Verdict, span: Span) {
        let mut counts = self.lock();
        counts.requests += 1;
        let row = counts.rows.entry((prepared.label, in_short(answer))).or_default();
        row.count += 1;
        match verdict {
            Verdict::Right => {}
            Verdict::Explained => row.explained += 1,
            Verdict::Wrong | Verdict::Missing => row.wrong += 1,
        }
        match verdict {
            Verdict::Right => {}
            Verdict::Explained => counts.explained += 1,
            Verdict::Wrong => counts.wrong += 1,
            Verdict::Missing => counts.missing += 1,
        }
        if matches!(verdict, Verdict::Wrong | Verdict::Missing) && counts.complaints.len() < COMPLAINTS_KEPT {
            let (sent, received) = (span.sent.as_secs_f64(), span.received.as_secs_f64());
            let kind = prepared.kind;
            let text = format!(
                "{sent:.3} to {received:.3} s: {} ({kind:?}) got {answer:?}",
                prepared.label
            );
            counts.complaints.push(text);
        }
        if prepared.is_timed && !matches!(answer, Answer::Nothing(_)) {
            counts.latencies.push(span.received.saturating_sub(span.sent));
        }
    }

    /// The counts as they are now, without the latencies.
    pub(super) fn counts(&self) -> Counts {
        let counts = self.lock();
        Counts {
            latencies: Vec::new(),
            rows: counts.rows.clone(),
            complaints: counts.complaints.clone(),
            ..*counts
        }
    }

    /// Takes the latencies since the last call, in ascending order.
    pub(super) fn take_latencies(&self) -> Vec<Duration> {
        let mut latencies = std::mem::take(&mut self.lock().latencies);
        latencies.sort_unstable();
        latencies
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn in_short(answer: &Answer) -> String {
    match answer {
        Answer::Echo => "200".to_owned(),
        Answer::WrongEcho(_) => "200 with a wrong body".to_owned(),
        Answer::Status(status, Some(reason)) => format!("{status} {reason}"),
        Answer::Status(status, None) => status.to_string(),
        Answer::Nothing(_) => "no answer".to_owned(),
    }
}

const COMPLAINTS_KEPT: usize = 20;
