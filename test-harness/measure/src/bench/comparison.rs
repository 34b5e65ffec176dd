//! The figures of two builds side by side.

use super::costs::Costs;
use super::reload::ROUTERS;
use super::report::Report;
use super::row::{Estimate, Row};
use super::spec::{Build, CHAIN_COLD, CHAIN_WARM, FLOOR, GATEWAY_ALL, GATEWAY_WARM};
use super::table::{Table, none, number};
use harness_build::guests::Guest;

impl Report {
    /// What has changed between the baseline and the current build. `None` without a baseline.
    pub(super) fn before_and_after(&self) -> Option<Table> {
        let before = self.baseline.as_ref()?;
        let mut table = Table::new(&["what", "before", "now"]);
        let mut add = |what: &str, before: String, now: String| table.add(vec![what.to_owned(), before, now]);

        for (what, name) in [
            ("`gateway_warm`, CPU above `floor`", GATEWAY_WARM),
            ("`gateway_all`, CPU above `floor`", GATEWAY_ALL),
            ("`chain_warm`, CPU above `three_floor`", CHAIN_WARM),
        ] {
            let above = |build| self.estimate(name, build, |row| self.above_floor(row), (1, " µs"));
            add(what, above(Build::Baseline), above(Build::Current));
        }
        let floor = self.row(FLOOR, Build::Current, self.connections);
        let rate = |build| self.estimate(GATEWAY_WARM, build, |row| row.rate_of(floor?), (2, ""));
        add(
            "`gateway_warm`, requests/s of `floor`",
            rate(Build::Baseline),
            rate(Build::Current),
        );
        for (what, name) in [
            ("`gateway_warm`, requests/s of plain", GATEWAY_WARM),
            ("`chain_warm`, requests/s of plain", CHAIN_WARM),
            ("`chain_cold`, requests/s of plain", CHAIN_COLD),
        ] {
            let rate = |build| self.estimate(name, build, |row| self.rate_of_plain(row), (2, ""));
            add(what, rate(Build::Baseline), rate(Build::Current));
        }
        // The plugins of another build do not time their checks, so these figures are about the source tree.
        let faster = self.rs256.times_as_fast_as_ring();
        add(
            "RS256 (2048 bits), times as fast as ring",
            none(),
            with_unit(faster, 1, " x"),
        );
        add("ES256 check", none(), microseconds(self.es256.ours));
        for (what, figure) in COSTS {
            add(what, figure(before), figure(&self.costs));
        }
        let reload = |costs: &Costs| with_unit(costs.reload, 2, " s");
        add(
            &format!("CPU of a reload, {ROUTERS} routers with `gateway`"),
            reload(before),
            reload(&self.costs),
        );
        Some(table)
    }

    fn estimate<'r>(
        &'r self,
        name: &str,
        build: Build,
        figure: impl Fn(&'r Row) -> Option<Estimate>,
        (digits, unit): (usize, &str),
    ) -> String {
        let row = self.row(name, build, self.connections);
        row.and_then(figure)
            .map_or_else(none, |estimate| format!("{}{unit}", estimate.text(digits)))
    }
}

type Figure = fn(&Costs) -> String;

const COSTS: [(&str, Figure); 8] = [
    ("`gateway`, module", |costs| kilobytes(costs, Guest::GATEWAY)),
    ("`jwt`, module", |costs| kilobytes(costs, Guest::JWT)),
    ("`oAuthClientCredentials`, module", |costs| {
        kilobytes(costs, Guest::OAUTH_CLIENT_CREDENTIALS)
    }),
    ("`gateway`, memory per request in flight", |costs| {
        with_unit(costs.in_flight.gateway, 0, " KiB")
    }),
    ("a new instance of `gateway`", |costs| {
        microseconds(costs.instance_start.gateway)
    }),
    ("a new instance of `jwt`", |costs| {
        microseconds(costs.instance_start.jwt)
    }),
    ("a new instance of `oAuthClientCredentials`", |costs| {
        microseconds(costs.instance_start.oauth)
    }),
    ("a new instance of `pathRewrite`", |costs| {
        microseconds(costs.instance_start.rewrite)
    }),
];

fn kilobytes(costs: &Costs, guest: Guest) -> String {
    with_unit(costs.size(guest).map(|bytes| bytes / 1000.0), 0, " KB")
}

fn microseconds(value: Option<f64>) -> String {
    with_unit(value, 0, " µs")
}

fn with_unit(value: Option<f64>, digits: usize, unit: &str) -> String {
    match value {
        Some(_) => format!("{}{unit}", number(value, digits)),
        None => none(),
    }
}
