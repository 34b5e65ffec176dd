//! Writes the report to a page of the documentation. Replaces figures and charts; the text around them stays.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::growth::Series;
use super::report::Report;
use super::row::Row;
use super::spec::{DIRECT, label};
use crate::chart::{Bars, Chart, ChartError, Line, Panel, Scale};

/// Why the page could not be written.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The page does not mark the place for the figures.
    #[error("{path} has no lines `{begin}` and `{end}` in this order: put them where these figures belong")]
    NoPlace {
        /// The page.
        path: PathBuf,
        /// The line before the figures.
        begin: String,
        /// The line after them.
        end: String,
    },
    /// A chart could not be drawn.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// A file could not be read or written.
    #[error("could not write {path}: {source}; check that its folder exists and the rights there")]
    Io {
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
}

impl Report {
    /// Writes the figures into `docs/benchmarks.md`, whose other text stays, and the charts into `docs/benchmarks/`. The
    /// comparison with another build is written if there was one. With `only_comparison`, everything else stays.
    pub fn write_page(&self, docs: &Path, only_comparison: bool) -> Result<(), PageError> {
        let page = docs.join(PAGE);
        let mut text = fs::read_to_string(&page).map_err(|source| error(&page, source))?;
        if let Some(table) = self.before_and_after() {
            let part = format!("{}\n\n{table}", self.circumstances());
            text = with_part(&text, COMPARISON, &part).ok_or_else(|| no_place(&page, COMPARISON))?;
        }
        if !only_comparison {
            let charts = self.charts()?;
            for (name, part) in [(SUMMARY, self.summary()), (FIGURES, self.section(&charts))] {
                text = with_part(&text, name, &part).ok_or_else(|| no_place(&page, name))?;
            }
            let folder = docs.join(CHARTS);
            fs::create_dir_all(&folder).map_err(|source| error(&folder, source))?;
            for (file, svg) in charts {
                let path = folder.join(file);
                fs::write(&path, svg).map_err(|source| error(&path, source))?;
            }
        }
        fs::write(&page, text).map_err(|source| error(&page, source))
    }

    fn section(&self, charts: &[(&str, String)]) -> String {
        let images: String = charts
            .iter()
            .map(|(file, _)| format!("\n![{}]({CHARTS}/{file})\n", file.trim_end_matches(".svg")))
            .collect();
        format!("{}\n\n{}{images}", self.circumstances(), self.tables())
    }

    /// The charts by file name, as SVG documents.
    fn charts(&self) -> Result<Vec<(&'static str, String)>, ChartError> {
        let mut charts = Vec::new();
        if !self.rows.is_empty() {
            charts.push((
                "throughput.svg",
                self.bars("Requests per second", "", rate).svg()?,
            ));
            charts.push((
                "p99.svg",
                self.bars("99 of 100 requests took no longer", "ms", p99_ms)
                    .svg()?,
            ));
            charts.push((
                "cpu.svg",
                self.bars("Gateway's processor time per request", "µs", cpu_us)
                    .svg()?,
            ));
            let above = |row: &Row| self.above_floor(row).map(|above| above.median);
            charts.push((
                "above-floor.svg",
                self.bars(
                    "Processor time per request above that of the host calls alone",
                    "µs",
                    above,
                )
                .svg()?,
            ));
        }
        for series in &self.growth {
            charts.push((series.file, series.chart().svg()?));
        }
        Ok(charts)
    }

    fn bars(&self, title: &str, unit: &str, figure: impl Fn(&Row) -> Option<f64>) -> Bars {
        let connections = self.all_connections();
        let names: Vec<String> = connections
            .iter()
            .map(|count| format!("{count} connections"))
            .collect();
        let mut bars = Bars::new(title, unit, &names);
        let first = connections.first().copied().unwrap_or_default();
        // `direct` is left out, because all other bars would look alike beside it. The table has it.
        let shown = |row: &&Row| row.connections == first && row.name != DIRECT;
        for row in self.rows.iter().filter(shown) {
            let values = connections.iter();
            let values = values.map(|&count| self.row(row.name, row.build, count).and_then(&figure));
            let values: Vec<Option<f64>> = values.collect();
            if values.iter().any(Option::is_some) {
                bars = bars.group(&label(row.name, row.build), values);
            }
        }
        bars
    }
}

impl Series {
    fn chart(&self) -> Chart {
        let line = |name: &str, figure: fn(&super::growth::Point) -> f64| {
            let points = self
                .points
                .iter()
                .map(|point| (point.count as f64, figure(point)));
            Line::new(name, points.collect())
        };
        Chart::new(&format!("Cost with more {}", self.name), self.name)
            .subtitle("all three plugins, 32 connections, tokens seen before")
            .logarithmic_x()
            .panel(
                Panel::new("Traefik's processor time per request, µs", Scale::Linear)
                    .line(line("cpu", |point| point.cpu_us)),
            )
            .panel(Panel::new("requests per second", Scale::Linear).line(line("rate", |point| point.rps)))
            .panel(
                Panel::new("resident memory, MiB", Scale::Linear).line(line("memory", |point| point.rss_mib)),
            )
    }
}

fn rate(row: &Row) -> Option<f64> {
    row.median(|round| Some(round.rps))
}

fn p99_ms(row: &Row) -> Option<f64> {
    row.median(|round| Some(round.p99_us / 1000.0))
}

fn cpu_us(row: &Row) -> Option<f64> {
    row.median(|round| round.cpu_us)
}

/// Puts `part` between the marks of this name. `None` if the marks are missing.
fn with_part(text: &str, name: &str, part: &str) -> Option<String> {
    let (begin, end) = marks(name);
    let (before, rest) = text.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n\n{}\n\n{end}{after}", part.trim()))
}

/// The lines around a part that is written.
fn marks(name: &str) -> (String, String) {
    (
        format!("<!-- `bench` writes: {name} -->"),
        format!("<!-- end of: {name} -->"),
    )
}

fn no_place(path: &Path, name: &str) -> PageError {
    let (begin, end) = marks(name);
    let path = path.to_path_buf();
    PageError::NoPlace { path, begin, end }
}

fn error(path: &Path, source: io::Error) -> PageError {
    let path = path.to_path_buf();
    PageError::Io { path, source }
}

const PAGE: &str = "benchmarks.md";
const CHARTS: &str = "benchmarks";
const SUMMARY: &str = "summary";
const FIGURES: &str = "figures";
const COMPARISON: &str = "before and after";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let (begin, end) = marks(FIGURES);
        let text = format!("# Head\n\n{begin}\nold\n{end}\n\ntail\n");
        let fresh = with_part(&text, FIGURES, "new\n").unwrap();
        assert_eq!(fresh, format!("# Head\n\n{begin}\n\nnew\n\n{end}\n\ntail\n"));
        assert_eq!(with_part(&fresh, FIGURES, "new\n").unwrap(), fresh);
        assert_eq!(with_part(&fresh, SUMMARY, "new"), None);
        assert_eq!(with_part(&format!("{end}{begin}"), FIGURES, "new"), None);
    }

    #[test]
    fn the_page_has_a_place_for_every_part_and_begins_with_the_summary() {
        let page = harness_build::tools::workspace_root().join("docs").join(PAGE);
        let text = fs::read_to_string(page).unwrap();
        for name in [SUMMARY, FIGURES, COMPARISON] {
            assert!(with_part(&text, name, "").is_some(), "{name}");
        }
        let beginning: Vec<&str> = text.lines().take(20).collect();
        assert!(beginning.contains(&marks(SUMMARY).1.as_str()), "{beginning:#?}");
    }
}
