//! Draws a run as a chart.

use std::time::Duration;

use super::disturbance::Disturbance;
use super::sample::{Process, Sample};
use super::timeline::{Facts, Window};
use crate::chart::{Band, Chart, Line, Panel, Scale};

/// Draws the samples over time, with the disturbances shaded.
pub(super) fn chart(subtitle: &str, samples: &[Sample], facts: &Facts) -> Chart {
    let rate = |name, count: fn(&Sample) -> usize| Line::new(name, rates(samples, count));
    let value = |name, value: fn(&Sample) -> Option<f64>| {
        let point = |sample: &Sample| (sample.at.as_secs_f64(), value(sample).unwrap_or(f64::NAN));
        Line::new(name, samples.iter().map(point).collect())
    };
    let panels = [
        Panel::new("requests per second", Scale::Linear).line(rate("requests", |sample| sample.requests)),
        Panel::new("not served as deserved, per second", Scale::Linear)
            .line(rate("explained by a disturbance", |sample| sample.explained))
            .line(rate("unexplained or wrong", |sample| {
                sample.wrong + sample.missing
            })),
        Panel::new("latency, ms (slow backend left out)", Scale::Logarithmic)
            .line(value("p50", |sample| milliseconds(sample.p50)))
            .line(value("p99", |sample| milliseconds(sample.p99))),
        Panel::new("resident memory of Traefik, MiB", Scale::Linear).line(value("RSS", |sample| {
            process(sample, |process| process.rss_kib as f64 / 1024.0)
        })),
        Panel::new("open descriptors of Traefik", Scale::Linear).line(value("descriptors", |sample| {
            process(sample, |process| process.fds as f64)
        })),
        Panel::new("calls to the identity provider, in ten seconds", Scale::Linear)
            .line(Line::new("token", sums(samples, |sample| sample.token_calls)))
            .line(Line::new("JWKS", sums(samples, |sample| sample.jwks_calls))),
    ];
    let chart = Chart::new(
        "Soak: a real Traefik, its plugins, and what went wrong around them",
        "seconds",
    );
    let chart = panels.into_iter().fold(chart.subtitle(subtitle), Chart::panel);
    let end = samples.last().map(|sample| sample.at).unwrap_or_default();
    facts
        .windows
        .iter()
        .fold(chart, |chart, window| chart.band(band(window, end)))
}

fn band(window: &Window, end: Duration) -> Band {
    let until = window.until.unwrap_or(end);
    Band::new(
        window.from.as_secs_f64(),
        until.as_secs_f64(),
        Disturbance::label(&window.what),
    )
}

/// The growth of a count between two samples, per second.
fn rates(samples: &[Sample], count: fn(&Sample) -> usize) -> Vec<(f64, f64)> {
    let pairs = samples.iter().zip(samples.iter().skip(1));
    pairs
        .map(|(before, after)| {
            let seconds = after.at.saturating_sub(before.at).as_secs_f64().max(f64::EPSILON);
            let more = count(after).saturating_sub(count(before));
            (after.at.as_secs_f64(), more as f64 / seconds)
        })
        .collect()
}

/// The growth of a count over the ten samples up to each sample.
fn sums(samples: &[Sample], count: fn(&Sample) -> usize) -> Vec<(f64, f64)> {
    let pairs = samples.iter().zip(samples.iter().skip(10));
    let sum = |(before, after): (&Sample, &Sample)| {
        let more = count(after).saturating_sub(count(before));
        (after.at.as_secs_f64(), more as f64)
    };
    pairs.map(sum).collect()
}

fn milliseconds(time: Option<Duration>) -> Option<f64> {
    time.map(|time| time.as_secs_f64() * 1000.0)
}

fn process(sample: &Sample, value: fn(&Process) -> f64) -> Option<f64> {
    sample.process.as_ref().map(value)
}
