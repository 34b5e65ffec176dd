//! The results of a run: figures for machines, tables for people.

use std::fmt;
use std::time::Duration;

use super::checks::CheckTimes;
use super::costs::Costs;
use super::figures::{Figures, RowFigures, rounded};
use super::growth::Series;
use super::in_flight::InFlight;
use super::machine::Machine;
use super::peer::haproxy;
use super::reload;
use super::row::{Estimate, Round, Row};
use super::settings::{Bench, EACH};
use super::spec::{Build, DIRECT, FEW, PLAIN, floor_of, label};
use super::start::Ready;
use super::table::{Table, none, number};
use harness_build::tools::{ENVOY_VERSION, TRAEFIK_VERSION};

/// Everything that was measured. `Display` formats it as Markdown.
#[derive(Clone, Debug)]
pub struct Report {
    pub(super) rows: Vec<Row>,
    pub(super) rs256: CheckTimes,
    pub(super) es256: CheckTimes,
    pub(super) ready: Ready,
    pub(super) growth: Vec<Series>,
    /// Figures of the build that the run is about.
    pub(super) costs: Costs,
    /// Figures of the build to compare with.
    pub(super) baseline: Option<Costs>,
    /// The number of connections that has the most rounds.
    pub(super) connections: usize,
    machine: Machine,
    rounds: usize,
    round: Duration,
}

impl Report {
    pub(super) fn new(bench: &Bench, machine: Machine, rows: Vec<Row>) -> Self {
        Self {
            rows,
            rs256: CheckTimes::default(),
            es256: CheckTimes::default(),
            ready: Ready::default(),
            growth: Vec::new(),
            costs: Costs::default(),
            baseline: None,
            connections: bench.connections.first().copied().unwrap_or_default(),
            machine,
            rounds: bench.rounds,
            round: bench.round,
        }
    }

    /// The machine-readable figures. They leave out the row `direct`, which is not a gateway.
    pub fn figures(&self) -> Figures {
        let of = |build| -> Vec<RowFigures> {
            let rows = self.rows.iter();
            let rows = rows.filter(|row| row.build == build && row.name != DIRECT);
            rows.map(|row| self.row_figures(row)).collect()
        };
        let baseline = of(Build::Baseline);
        let one_digit = |value: Option<f64>| value.map(|value| rounded(value, 1));
        Figures {
            rows: of(Build::Current),
            rs256_us: self.rs256,
            es256_us: self.es256.ours.map(|_| self.es256),
            kib_per_request_in_flight: InFlight {
                jwt: one_digit(self.costs.in_flight.jwt),
                three: one_digit(self.costs.in_flight.three),
                gateway: one_digit(self.costs.in_flight.gateway),
                plain: self.costs.in_flight.plain,
            },
            ready_ms: one_digit(self.ready.three),
            instance_start_us: one_digit(self.costs.instance_start.slowest()),
            reload_cpu_s: self.costs.reload.map(|seconds| rounded(seconds, 3)),
            baseline: (!baseline.is_empty()).then_some(baseline),
        }
    }

    /// The row of this name. Floors and other gateways have the current build only.
    pub(super) fn row(&self, name: &str, build: Build, connections: usize) -> Option<&Row> {
        let is_it = |row: &&Row| row.name == name && row.connections == connections;
        self.rows.iter().filter(is_it).find(|row| row.build == build)
    }

    /// Requests per second, as a share of those of the plain gateway.
    pub(super) fn rate_of_plain(&self, row: &Row) -> Option<Estimate> {
        row.rate_of(self.row(PLAIN, Build::Current, row.connections)?)
    }

    /// Processor time per request above the host calls alone, in microseconds.
    pub(super) fn above_floor(&self, row: &Row) -> Option<Estimate> {
        row.cpu_above(self.row(floor_of(row.name)?, Build::Current, row.connections)?)
    }

    /// The numbers of connections, ascending.
    pub(super) fn all_connections(&self) -> Vec<usize> {
        let mut all: Vec<usize> = self.rows.iter().map(|row| row.connections).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn row_figures(&self, row: &Row) -> RowFigures {
        let figure = |figure: fn(&Round) -> Option<f64>| row.median(figure).map(|value| rounded(value, 1));
        let above_floor = self.above_floor(row);
        RowFigures {
            name: row.name.to_owned(),
            connections: row.connections,
            rps: figure(|round| Some(round.rps)),
            ratio_to_plain: self.rate_of_plain(row).map(|ratio| rounded(ratio.median, 3)),
            p50_us: figure(|round| Some(round.p50_us)),
            p99_us: figure(|round| Some(round.p99_us)),
            cpu_us_per_request: figure(|round| round.cpu_us),
            cpu_us_above_floor: above_floor.map(|above| rounded(above.median, 1)),
            cpu_us_above_floor_interval: above_floor
                .and_then(|above| above.interval)
                .map(|(lower, upper)| [rounded(lower, 1), rounded(upper, 1)]),
        }
    }

    /// The machine, the programs, and how often each row was measured.
    pub(super) fn circumstances(&self) -> String {
        let haproxy = haproxy::version().map(|version| format!(", HAProxy {version}"));
        let fewer = match self.all_connections().len() {
            0 | 1 => String::new(),
            _ => format!(
                " ({} with more than {} connections)",
                self.rounds.div_ceil(EACH),
                self.connections
            ),
        };
        format!(
            "{}; Traefik {TRAEFIK_VERSION}, Envoy {ENVOY_VERSION}{}; median of {} rounds of {:.1} s{fewer}; {FEW} tokens in \
             the rows whose tokens were seen before.",
            self.machine,
            haproxy.unwrap_or_default(),
            self.rounds,
            self.round.as_secs_f64(),
        )
    }

    /// The tables of the rows and of everything else.
    pub(super) fn tables(&self) -> String {
        let mut text = String::new();
        for connections in self.all_connections() {
            text += &format!("### {connections} connections\n\n{}\n\n", self.table(connections));
        }
        text += &format!("### Costs\n\n{}\n", self.costs_table());
        for series in &self.growth {
            text += &format!("\n### More {}\n\n{}\n", series.name, Self::growth_table(series));
        }
        text
    }

    fn table(&self, connections: usize) -> Table {
        let mut table = Table::new(&[
            "row",
            "requests/s",
            "of plain",
            "spread",
            "p50 ms",
            "p99 ms",
            "p99 of plain",
            "CPU µs",
            "CPU µs above floor",
            "RSS MiB",
        ]);
        let p99 = |row: &Row| row.median(|round| Some(round.p99_us));
        let plain = self.row(PLAIN, Build::Current, connections).and_then(p99);
        for row in self.rows.iter().filter(|row| row.connections == connections) {
            let mut cells = vec![label(row.name, row.build)];
            if let Some(reason) = &row.absent {
                cells.push(reason.clone());
                table.add(cells);
                continue;
            }
            let ms = |us: Option<f64>| number(us.map(|us| us / 1000.0), 2);
            cells.extend([
                number(row.median(|round| Some(round.rps)), 0),
                number(self.rate_of_plain(row).map(|ratio| ratio.median), 2),
                row.spread()
                    .map_or_else(none, |share| format!("{:.0} %", share * 100.0)),
                ms(row.median(|round| Some(round.p50_us))),
                ms(p99(row)),
                number(p99(row).zip(plain).map(|(own, plain)| own / plain), 2),
                number(row.median(|round| round.cpu_us), 1),
                self.above_floor(row).map_or_else(none, |above| above.text(1)),
                number(row.median(|round| round.rss_mib), 0),
            ]);
            table.add(cells);
        }
        table
    }

    fn costs_table(&self) -> Table {
        let mut table = Table::new(&["what", "figure"]);
        let Costs {
            in_flight,
            instance_start: start,
            reload,
            ..
        } = &self.costs;
        let (rs256, es256, routers) = (&self.rs256, &self.es256, reload::ROUTERS);
        let reloads = format!("processor time of a reload, {routers} routers with gateway");
        for (what, value, digits, unit) in [
            ("RS256 check, ours", rs256.ours, 0, "µs"),
            ("RS256 check, ring", rs256.ring, 0, "µs"),
            ("RS256 check, jwt-simple", rs256.jwt_simple, 0, "µs"),
            ("ES256 check, ours", es256.ours, 0, "µs"),
            ("ES256 check, ring", es256.ring, 0, "µs"),
            ("ES256 check, jwt-simple", es256.jwt_simple, 0, "µs"),
            (
                "memory per request in flight, no plugin",
                in_flight.plain,
                0,
                "KiB",
            ),
            ("memory per request in flight, jwt", in_flight.jwt, 0, "KiB"),
            (
                "memory per request in flight, three plugins",
                in_flight.three,
                0,
                "KiB",
            ),
            (
                "memory per request in flight, gateway",
                in_flight.gateway,
                0,
                "KiB",
            ),
            (
                "Traefik's start until it answers, no plugin",
                self.ready.plain,
                0,
                "ms",
            ),
            ("the same, three plugins", self.ready.three, 0, "ms"),
            ("the same, gateway", self.ready.gateway, 0, "ms"),
            ("a new instance, jwt", start.jwt, 0, "µs"),
            ("a new instance, oAuthClientCredentials", start.oauth, 0, "µs"),
            ("a new instance, pathRewrite", start.rewrite, 0, "µs"),
            ("a new instance, gateway", start.gateway, 0, "µs"),
            (&reloads, *reload, 2, "s"),
        ] {
            let figure = match value {
                Some(_) => format!("{} {unit}", number(value, digits)),
                None => "not measured".to_owned(),
            };
            table.add(vec![what.to_owned(), figure]);
        }
        table
    }

    fn growth_table(series: &Series) -> Table {
        let mut table = Table::new(&[series.name, "requests/s", "CPU µs", "RSS MiB"]);
        for point in &series.points {
            table.add(vec![
                point.count.to_string(),
                number(Some(point.rps), 0),
                number(Some(point.cpu_us), 1),
                number(Some(point.rss_mib), 0),
            ]);
        }
        table
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            Some(self.circumstances()),
            Some(self.summary()),
            Some(self.tables().trim_end().to_owned()),
            self.before_and_after()
                .map(|table| format!("### Before and after\n\n{table}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        writeln!(formatter, "{}", parts.join("\n\n").trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::spec::THREE_FLOOR;
    use serde_json::json;

    fn row(name: &'static str, build: Build, rps: Option<f64>) -> Row {
        let round = |rps| Round {
            rps,
            p50_us: 1500.0,
            p99_us: 6000.0,
            cpu_us: (name != DIRECT).then_some(80.04),
            rss_mib: Some(100.4),
        };
        Row {
            name,
            build,
            connections: 32,
            rounds: rps.map(round).into_iter().collect(),
            absent: rps.is_none().then(|| "not measured".to_owned()),
        }
    }

    fn report() -> Report {
        let bench = Bench {
            round: Duration::from_secs(3),
            rounds: 5,
            connections: vec![32],
            only: vec![],
            plugins: None,
            baseline: None,
            growth: false,
        };
        let rows = vec![
            row(DIRECT, Build::Current, Some(90_000.0)),
            row(PLAIN, Build::Current, Some(20_000.0)),
            row("chain_warm", Build::Current, Some(18_500.0)),
            row("envoy_cached", Build::Current, None),
        ];
        Report::new(&bench, Machine::default(), rows)
    }

    #[test]
    fn the_figures_for_machines_have_this_shape() {
        let figures = serde_json::to_value(report().figures()).unwrap();
        let row = |name, rps, ratio, cpu| {
            let present = rps != json!(null);
            json!({
                "name": name, "connections": 32, "rps": rps, "ratio_to_plain": ratio,
                "p50_us": present.then_some(1500.0), "p99_us": present.then_some(6000.0), "cpu_us_per_request": cpu,
            })
        };
        let expected = json!({
            "rows": [
                row("plain", json!(20_000.0), json!(1.0), json!(80.0)),
                row("chain_warm", json!(18_500.0), json!(0.925), json!(80.0)),
                row("envoy_cached", json!(null), json!(null), json!(null)),
            ],
            "rs256_us": { "ours": null, "ring": null, "jwt_simple": null },
            "kib_per_request_in_flight": { "jwt": null, "three": null, "gateway": null },
            "ready_ms": null,
            "instance_start_us": null,
        });
        assert_eq!(figures, expected);
    }

    #[test]
    fn another_build_stands_beside() {
        let mut report = report();
        report
            .rows
            .push(row("chain_warm", Build::Baseline, Some(10_000.0)));
        let figures = report.figures();
        assert_eq!(figures.rows.len(), 3);
        assert_eq!(figures.baseline.unwrap()[0].ratio_to_plain, Some(0.5));
        assert!(report.to_string().contains("| chain_warm (baseline) |"));
    }

    #[test]
    fn the_table_says_what_is_missing_and_why() {
        let text = report().to_string();
        let line = |name: &str| {
            let line = text
                .lines()
                .find(|line| line.starts_with(&format!("| {name} ")))
                .unwrap();
            line.split('|')
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            line("chain_warm"),
            [
                "chain_warm",
                "18500",
                "0.93",
                "0 %",
                "1.50",
                "6.00",
                "1.00",
                "80.0",
                "–",
                "100"
            ]
        );
        assert_eq!(line("direct")[7], "–");
        assert_eq!(line("envoy_cached"), ["envoy_cached", "not measured"]);
        assert_eq!(
            line("a new instance, jwt"),
            ["a new instance, jwt", "not measured"]
        );
    }

    #[test]
    fn processor_time_above_the_floor_stands_beside_its_row() {
        let mut report = report();
        let mut floor = row(THREE_FLOOR, Build::Current, Some(19_000.0));
        floor.rounds[0].cpu_us = Some(70.0);
        report.rows.push(floor);
        let figures = serde_json::to_value(report.figures()).unwrap();
        assert_eq!(figures["rows"][1]["cpu_us_above_floor"], 10.0, "{figures:#}");
        assert_eq!(
            figures["rows"][0].get("cpu_us_above_floor"),
            None,
            "plain has no floor"
        );
        let text = report.to_string();
        let line = text
            .lines()
            .find(|line| line.starts_with("| chain_warm "))
            .unwrap();
        assert!(line.contains(" 80.0 |               10.0 | "), "{line}");
    }

    #[test]
    fn the_summary_is_a_sentence_and_a_table_of_what_was_measured() {
        let mut report = report();
        report
            .rows
            .push(row("gateway_warm", Build::Current, Some(15_000.0)));
        let text = report.summary();
        assert!(
            text.starts_with("With `gateway`, Traefik serves 0.75 of the requests"),
            "{text}"
        );
        assert!(
            text.contains("| Traefik without a check ") && text.contains(" 1.00 |"),
            "{text}"
        );
        assert!(!text.contains("Envoy"), "{text}");
    }

    #[test]
    fn two_builds_stand_side_by_side() {
        let mut report = report();
        assert!(report.before_and_after().is_none());
        report.baseline = Some(Costs {
            reload: Some(2.2),
            ..Costs::default()
        });
        report.costs.reload = Some(1.75);
        report
            .rows
            .push(row("chain_warm", Build::Baseline, Some(10_000.0)));
        let text = report.to_string();
        let cells = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(&format!("| {name} ")));
            let cells = line.unwrap_or_default().split('|').skip(2).map(str::trim);
            cells.take(2).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            cells("CPU of a reload, 50 routers with `gateway`"),
            ["2.20 s", "1.75 s"]
        );
        assert_eq!(cells("`chain_warm`, requests/s of plain"), ["0.50", "0.93"]);
        assert_eq!(cells("`gateway`, module"), ["–", "–"]);
    }
}
