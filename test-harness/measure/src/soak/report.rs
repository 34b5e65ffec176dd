//! The results of a run, as figures and as text.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::budget::{Spent, spent};
use super::drawing;
use super::limits::TOKEN_LIFETIME;
use super::request::ROUTES;
use super::sample::{Sample, typical};
use super::tally::{Counts, Row};
use super::timeline::Facts;
use super::traffic::CLIENTS;
use crate::chart::ChartError;

/// The figures that are compared from run to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Requests sent.
    pub requests: usize,
    /// Answers that a request must not get, and requests that reached OIC with an expired or foreign token.
    pub wrong_answers: usize,
    /// Requests without a complete answer that no disturbance explains.
    pub errors_unexpected: usize,
    /// Calls to the token endpoint.
    pub idp_token_calls: usize,
    /// Calls to the JWKS.
    pub idp_jwks_calls: usize,
    /// Traefik's resident memory after the warm-up.
    pub rss_start_kib: u64,
    /// The same at the end.
    pub rss_end_kib: u64,
    /// Traefik's open file descriptors after the warm-up.
    pub fds_start: usize,
    /// The same at the end.
    pub fds_end: usize,
}

/// A finished run. `Display` prints the report.
#[derive(Clone, Debug)]
pub struct Report {
    length: Duration,
    figures: Figures,
    expired_at_oic: usize,
    foreign_at_oic: usize,
    counts: Counts,
    spent: Vec<Spent>,
    samples: Vec<Sample>,
    facts: Facts,
}

impl Report {
    pub(super) fn new(
        warm_up: Duration,
        counts: Counts,
        samples: Vec<Sample>,
        facts: Facts,
        expired_at_oic: usize,
        foreign_at_oic: usize,
    ) -> Self {
        let last = samples.last().cloned().unwrap_or_default();
        let (rss_start_kib, fds_start) = typical(&samples, warm_up).unwrap_or_default();
        let (rss_end_kib, fds_end) = typical(&samples, last.at).unwrap_or_default();
        Self {
            length: last.at,
            figures: Figures {
                requests: counts.requests,
                wrong_answers: counts.wrong + expired_at_oic + foreign_at_oic,
                errors_unexpected: counts.missing,
                idp_token_calls: last.token_calls,
                idp_jwks_calls: last.jwks_calls,
                rss_start_kib,
                rss_end_kib,
                fds_start,
                fds_end,
            },
            expired_at_oic,
            foreign_at_oic,
            spent: spent(&samples, &facts),
            counts,
            samples,
            facts,
        }
    }

    /// The figures of the run.
    pub const fn figures(&self) -> Figures {
        self.figures
    }

    /// Renders the chart of the run as an SVG document.
    ///
    /// # Errors
    /// [`ChartError`].
    pub fn svg(&self) -> Result<String, ChartError> {
        let figures = self.figures;
        let subtitle = format!(
            "{} requests in {:.0} s by {CLIENTS} clients: {} wrong answers, {} unexpected errors; shaded: what was done to it",
            figures.requests,
            self.length.as_secs_f64(),
            figures.wrong_answers,
            figures.errors_unexpected,
        );
        drawing::chart(&subtitle, &self.samples, &self.facts).svg()
    }

    /// The failures, one line each. Empty after a good run.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        let figures = self.figures;
        for (count, what) in [
            (figures.requests.eq(&0).into(), "run without a single request"),
            (self.counts.wrong, "wrong answers"),
            (self.expired_at_oic, "requests with an expired token at OIC"),
            (self.foreign_at_oic, "requests with a foreign token at OIC"),
            (
                figures.errors_unexpected,
                "requests without an answer, unexplained",
            ),
            (
                self.spent.iter().filter(|spent| !spent.is_within()).count(),
                "stretches with too many calls to the identity provider",
            ),
        ] {
            if count > 0 {
                failures.push(format!("{count} {what}"));
            }
        }
        failures
    }

    /// Writes a line for each kind of request: how many were sent, and which answers came.
    fn write_outcomes(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "\n  {:<20} {:>8} {:>9} {:>6}  came",
            "sent", "requests", "explained", "wrong"
        )?;
        let mut labels: Vec<&str> = self.counts.rows.keys().map(|(sent, _)| *sent).collect();
        labels.dedup();
        for label in labels {
            let rows = self.counts.rows.iter().filter(|((sent, _), _)| *sent == label);
            let (mut all, mut came) = (Row::default(), Vec::new());
            for ((_, outcome), row) in rows {
                all.count += row.count;
                all.explained += row.explained;
                all.wrong += row.wrong;
                came.push(format!("{} x {outcome}", row.count));
            }
            let (count, came) = (all.count, came.join(", "));
            writeln!(
                out,
                "  {label:<20} {count:>8} {:>9} {:>6}  {came}",
                all.explained, all.wrong
            )?;
        }
        Ok(())
    }

    /// The Traefik processes in order: start, end, and resident memory early on and at the end.
    fn lives(&self) -> Vec<(Duration, Duration, u64, u64)> {
        // A young process has not yet served every kind of request.
        const GROWN_UP: Duration = Duration::from_secs(8);
        let mut lives: Vec<(u32, Duration, Duration, u64, u64)> = Vec::new();
        for (at, process) in self
            .samples
            .iter()
            .filter_map(|sample| Some((sample.at, sample.process?)))
        {
            match lives.last_mut() {
                Some((pid, from, until, first, last)) if *pid == process.pid => {
                    if at.saturating_sub(*from) <= GROWN_UP {
                        *first = process.rss_kib;
                    }
                    (*until, *last) = (at, process.rss_kib);
                }
                _ => lives.push((process.pid, at, at, process.rss_kib, process.rss_kib)),
            }
        }
        lives
            .into_iter()
            .map(|(_, from, until, first, last)| (from, until, first, last))
            .collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = self.figures;
        let seconds = self.length.as_secs_f64();
        writeln!(
            out,
            "Soak: {seconds:.0} s, {CLIENTS} clients, {} routers, tokens of {} s\n",
            ROUTES.len(),
            TOKEN_LIFETIME.as_secs()
        )?;
        for (name, value) in [
            (
                "requests",
                format!(
                    "{} ({:.0} per second)",
                    figures.requests,
                    figures.requests as f64 / seconds.max(1.0)
                ),
            ),
            ("wrong answers", self.counts.wrong.to_string()),
            (
                "expired / foreign tokens at OIC",
                format!("{} / {}", self.expired_at_oic, self.foreign_at_oic),
            ),
            ("errors, unexpected", figures.errors_unexpected.to_string()),
            (
                "not served as deserved, but explained",
                self.counts.explained.to_string(),
            ),
            (
                "identity provider: token calls",
                figures.idp_token_calls.to_string(),
            ),
            (
                "identity provider: JWKS calls",
                figures.idp_jwks_calls.to_string(),
            ),
            (
                "RSS after warm-up, at the end",
                format!("{} KiB, {} KiB", figures.rss_start_kib, figures.rss_end_kib),
            ),
            (
                "descriptors after warm-up, at the end",
                format!("{}, {}", figures.fds_start, figures.fds_end),
            ),
        ] {
            writeln!(out, "  {name:<40} {value}")?;
        }

        self.write_outcomes(out)?;

        writeln!(
            out,
            "\n  {:>8} {:>8}  {:<22} served again after",
            "from", "for", "disturbance"
        )?;
        for window in &self.facts.windows {
            let until = window.until.unwrap_or(self.length);
            let lasted = until.saturating_sub(window.from).as_secs_f64();
            let again = window
                .served_again
                .map(|at| format!("{:.0} ms", at.saturating_sub(until).as_secs_f64() * 1000.0));
            let (from, label) = (window.from.as_secs_f64(), window.what.label());
            writeln!(
                out,
                "  {from:>6.1} s {lasted:>6.2} s  {label:<22} {}",
                again.unwrap_or_default()
            )?;
        }

        writeln!(
            out,
            "\n  Traefik's processes: resident memory 8 s after the start, and at the end"
        )?;
        for (from, until, first, last) in self.lives() {
            let (from, until) = (from.as_secs_f64(), until.as_secs_f64());
            writeln!(
                out,
                "  {from:>6.1} to {until:>6.1} s  {first:>8} KiB {last:>8} KiB"
            )?;
        }

        writeln!(out, "\n  Calls to the identity provider (at most)")?;
        for spent in &self.spent {
            let (from, until) = (spent.from.as_secs_f64(), spent.until.as_secs_f64());
            let state = if spent.is_outage { "failing" } else { "well" };
            let mark = if spent.is_within() { "" } else { "  TOO MANY" };
            writeln!(
                out,
                "  {from:>6.1} to {until:>6.1} s  {state:<8} token {:>4} ({:>4})  JWKS {:>4} ({:>4}){mark}",
                spent.token_calls, spent.token_limit, spent.jwks_calls, spent.jwks_limit
            )?;
        }

        if !self.counts.complaints.is_empty() {
            writeln!(out, "\n  The first answers that must not be:")?;
            for complaint in &self.counts.complaints {
                writeln!(out, "  {complaint}")?;
            }
        }
        Ok(())
    }
}
