//! The results of a run: figures for machines, tables for people.

use std::fmt;
use std::time::Duration;

use super::figures::{Figures, RowFigures, rounded};
use super::growth::Series;
use super::in_flight::InFlight;
use super::machine::Machine;
use super::rows;
use super::rows::{Build, PLAIN, Row, is_reference, label};
use super::rs256::Rs256;
use super::settings::Bench;
use super::start::{InstanceStart, Ready};
use super::statistics::median;
use harness_build::tools::{ENVOY_VERSION, TRAEFIK_VERSION};

/// Everything that was measured. `Display` formats it as Markdown.
#[derive(Clone, Debug)]
pub struct Report {
    pub(super) rows: Vec<Row>,
    pub(super) rs256: Rs256,
    pub(super) in_flight: InFlight,
    pub(super) ready: Ready,
    pub(super) instance_start: InstanceStart,
    pub(super) growth: Vec<Series>,
    machine: Machine,
    rounds: usize,
    round: Duration,
    tokens: usize,
}

impl Report {
    pub(super) fn new(bench: &Bench, machine: Machine, rows: Vec<Row>) -> Self {
        Self {
            rows,
            rs256: Rs256::default(),
            in_flight: InFlight::default(),
            ready: Ready::default(),
            instance_start: InstanceStart::default(),
            growth: Vec::new(),
            machine,
            rounds: bench.rounds,
            round: bench.round,
            tokens: bench.tokens,
        }
    }

    /// The machine-readable figures. They leave out reference rows such as `direct`.
    pub fn figures(&self) -> Figures {
        let of = |build| -> Vec<RowFigures> {
            let rows = self
                .rows
                .iter()
                .filter(|row| row.build == build && !is_reference(row.name));
            rows.map(|row| self.row_figures(row)).collect()
        };
        let baseline = of(Build::Baseline);
        let one_digit = |value: Option<f64>| value.map(|value| rounded(value, 1));
        Figures {
            rows: of(Build::Current),
            rs256_us: self.rs256,
            kib_per_request_in_flight: InFlight {
                jwt: one_digit(self.in_flight.jwt),
                three: one_digit(self.in_flight.three),
                gateway: one_digit(self.in_flight.gateway),
                plain: self.in_flight.plain,
            },
            ready_ms: one_digit(self.ready.three),
            instance_start_us: one_digit(self.instance_start.slowest()),
            baseline: (!baseline.is_empty()).then_some(baseline),
        }
    }

    /// A row's requests per second relative to those of the plain gateway in the same round; the median over all
    /// rounds. Comparing within a round cancels out changes in the machine's speed.
    pub(super) fn ratio_to_plain(&self, row: &Row) -> Option<f64> {
        let plain = self.plain(row.connections)?;
        let pairs = row.rounds.iter().zip(&plain.rounds);
        median(pairs.map(|(own, plain)| own.rps / plain.rps))
    }

    /// The numbers of connections, ascending.
    pub(super) fn connections(&self) -> Vec<usize> {
        let mut all: Vec<usize> = self.rows.iter().map(|row| row.connections).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    fn plain(&self, connections: usize) -> Option<&Row> {
        self.rows
            .iter()
            .find(|row| row.name == PLAIN && row.connections == connections)
    }

    fn row_figures(&self, row: &Row) -> RowFigures {
        let figure =
            |figure: fn(&rows::Round) -> Option<f64>| row.median(figure).map(|value| rounded(value, 1));
        RowFigures {
            name: row.name.to_owned(),
            connections: row.connections,
            rps: figure(|round| Some(round.rps)),
            ratio_to_plain: self.ratio_to_plain(row).map(|ratio| rounded(ratio, 3)),
            p50_us: figure(|round| Some(round.p50_us)),
            p99_us: figure(|round| Some(round.p99_us)),
            cpu_us_per_request: figure(|round| round.cpu_us),
        }
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
            "RSS MiB",
        ]);
        let p99 = |row: &Row| row.median(|round| Some(round.p99_us));
        let plain = self.plain(connections).and_then(p99);
        for row in self.rows.iter().filter(|row| row.connections == connections) {
            let mut cells = vec![label(row.name, row.build)];
            if let Some(reason) = &row.absent {
                cells.push(reason.clone());
                table.add(cells);
                continue;
            }
            let ms = |us: Option<f64>| number(us.map(|us| us / 1000.0), 2);
            cells.extend([
                number(rps(row), 0),
                number(self.ratio_to_plain(row), 2),
                row.spread()
                    .map_or_else(none, |share| format!("{:.0} %", share * 100.0)),
                ms(row.median(|round| Some(round.p50_us))),
                ms(p99(row)),
                number(p99(row).zip(plain).map(|(own, plain)| own / plain), 2),
                number(row.median(|round| round.cpu_us), 1),
                number(row.median(|round| round.rss_mib), 0),
            ]);
            table.add(cells);
        }
        table
    }

    fn costs(&self) -> Table {
        let mut table = Table::new(&["what", "figure"]);
        let (rs256, in_flight, start) = (&self.rs256, &self.in_flight, &self.instance_start);
        for (what, value, digits, unit) in [
            ("RS256 check, ours", rs256.ours, 0, "µs"),
            ("RS256 check, ring", rs256.ring, 0, "µs"),
            ("RS256 check, jwt-simple", rs256.jwt_simple, 0, "µs"),
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
        writeln!(
            formatter,
            "{}; Traefik {TRAEFIK_VERSION}, Envoy {ENVOY_VERSION}; median of {} rounds of {:.1} s; {} tokens in the \
             rows whose tokens were seen before.",
            self.machine,
            self.rounds,
            self.round.as_secs_f64(),
            self.tokens,
        )?;
        for connections in self.connections() {
            writeln!(
                formatter,
                "\n### {connections} connections\n\n{}",
                self.table(connections)
            )?;
        }
        writeln!(formatter, "\n### Costs\n\n{}", self.costs())?;
        for series in &self.growth {
            writeln!(
                formatter,
                "\n### More {}\n\n{}",
                series.name,
                Self::growth_table(series)
            )?;
        }
        Ok(())
    }
}

fn rps(row: &Row) -> Option<f64> {
    row.median(|round| Some(round.rps))
}

fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(none, |value| format!("{value:.digits$}"))
}

fn none() -> String {
    "–".to_owned()
}

/// A table that reads well as Markdown and as plain text. The first column is text, the others are numbers.
struct Table {
    rows: Vec<Vec<String>>,
    columns: usize,
}

impl Table {
    fn new(head: &[&str]) -> Self {
        Self {
            rows: vec![head.iter().map(|&cell| cell.to_owned()).collect()],
            columns: head.len(),
        }
    }

    /// Adds a row. Missing cells at the end stay empty.
    fn add(&mut self, mut cells: Vec<String>) {
        cells.resize(self.columns, String::new());
        self.rows.push(cells);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..self.columns).map(width).collect();
        for (place, row) in self.rows.iter().enumerate() {
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                match column {
                    0 => write!(formatter, "| {cell:<width$} |")?,
                    _ => write!(formatter, " {cell:>width$} |")?,
                }
            }
            if place == 0 {
                formatter.write_str("\n")?;
                for (column, width) in widths.iter().enumerate() {
                    match column {
                        0 => write!(formatter, "| {} |", "-".repeat(*width))?,
                        _ => write!(formatter, " {}: |", "-".repeat(width.saturating_sub(1)))?,
                    }
                }
            }
            if place + 1 < self.rows.len() {
                formatter.write_str("\n")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::rows::{DIRECT, Round};
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
            absent: rps.is_none().then(|| "not built".to_owned()),
        }
    }

    fn report() -> Report {
        let bench = Bench {
            round: Duration::from_secs(3),
            rounds: 5,
            connections: vec![32],
            tokens: 8,
            only: vec![],
            baseline: None,
            growth: false,
            profiles: None,
        };
        let rows = vec![
            row(DIRECT, Build::Current, Some(90_000.0)),
            row(PLAIN, Build::Current, Some(20_000.0)),
            row("chain_warm", Build::Current, Some(18_500.0)),
            row("gateway_warm", Build::Current, None),
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
                row("gateway_warm", json!(null), json!(null), json!(null)),
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
                "100"
            ]
        );
        assert_eq!(line("direct")[7], "–");
        assert_eq!(line("gateway_warm"), ["gateway_warm", "not built"]);
        assert_eq!(
            line("a new instance, jwt"),
            ["a new instance, jwt", "not measured"]
        );
    }
}
