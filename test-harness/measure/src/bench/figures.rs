//! The machine-readable report.

use serde::Serialize;

use super::in_flight::InFlight;
use super::rs256::Rs256;

/// The JSON of a run. Figures that were not measured are `null`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Every row, with every number of connections.
    pub rows: Vec<RowFigures>,
    /// Microseconds of one RS256 check (2048 bits) inside Traefik.
    pub rs256_us: Rs256,
    /// KiB of resident memory for one more request in flight.
    pub kib_per_request_in_flight: InFlight,
    /// Milliseconds from Traefik's start until all plugins answer.
    pub ready_ms: Option<f64>,
    /// Microseconds that a new instance of the slowest plugin adds to a request.
    pub instance_start_us: Option<f64>,
    /// Seconds of processor time that a reload takes with 50 routers that have the plugin `gateway`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reload_cpu_s: Option<f64>,
    /// The rows of the other build, if there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Vec<RowFigures>>,
}

/// One row with one number of connections. The figures are medians over the rounds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RowFigures {
    /// One of [`ROWS`](super::ROWS).
    pub name: String,
    /// Connections of the load generator.
    pub connections: usize,
    /// Requests per second.
    pub rps: Option<f64>,
    /// `rps` divided by that of the row `plain` with the same number of connections.
    pub ratio_to_plain: Option<f64>,
    /// Median latency in microseconds.
    pub p50_us: Option<f64>,
    /// 99th percentile of the latency in microseconds.
    pub p99_us: Option<f64>,
    /// CPU time of the gateway's process per request, in microseconds.
    pub cpu_us_per_request: Option<f64>,
    /// How much more that is than for a guest that makes the same host calls and does nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_us_above_floor: Option<f64>,
    /// The interval that contains the true median of `cpu_us_above_floor` with 95 percent probability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_us_above_floor_interval: Option<[f64; 2]>,
}

/// Rounds `value` to this many decimals.
pub(super) fn rounded(value: f64, digits: i32) -> f64 {
    let factor = 10_f64.powi(digits);
    (value * factor).round() / factor
}
