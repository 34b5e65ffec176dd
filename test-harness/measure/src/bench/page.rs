//! Writes the report to a page of the documentation. Replaces figures and charts; the text around them stays.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::growth::Series;
use super::report::Report;
use super::rows::{DIRECT, Row, label};
use crate::chart::{Bars, Chart, ChartError, Line, Panel, Scale};

/// Why the page could not be written.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The page does not mark the place for the figures.
    #[error("{0} has no lines `{BEGIN}` and `{END}` in this order: put them where the figures belong")]
    NoPlace(PathBuf),
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
    /// Writes the figures into `docs/benchmarks.md`, whose other text stays, and the charts into `docs/benchmarks/`.
    pub fn write_page(&self, docs: &Path) -> Result<(), PageError> {
        let page = docs.join(PAGE);
        let text = fs::read_to_string(&page).map_err(|source| error(&page, source))?;
        let charts = self.charts()?;
        let fresh =
            with_figures(&text, &self.section(&charts)).ok_or_else(|| PageError::NoPlace(page.clone()))?;
        let folder = docs.join(CHARTS);
        fs::create_dir_all(&folder).map_err(|source| error(&folder, source))?;
        for (file, svg) in charts {
            let path = folder.join(file);
            fs::write(&path, svg).map_err(|source| error(&path, source))?;
        }
        fs::write(&page, fresh).map_err(|source| error(&page, source))
    }

    fn section(&self, charts: &[(&str, String)]) -> String {
        let images: String = charts
            .iter()
            .map(|(file, _)| format!("\n![{}]({CHARTS}/{file})\n", file.trim_end_matches(".svg")))
            .collect();
        format!("{self}{images}")
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
        }
        for series in &self.growth {
            charts.push((series.file, series.chart().svg()?));
        }
        Ok(charts)
    }

    fn bars(&self, title: &str, unit: &str, figure: fn(&Row) -> Option<f64>) -> Bars {
        let connections = self.connections();
        let names: Vec<String> = connections
            .iter()
            .map(|count| format!("{count} connections"))
            .collect();
        let mut bars = Bars::new(title, unit, &names);
        let first = connections.first().copied().unwrap_or_default();
        // `direct` is left out, because all other bars would look alike beside it. The table has it.
        let shown = |row: &&Row| row.connections == first && row.name != DIRECT;
        for row in self.rows.iter().filter(shown) {
            let values = connections.iter().map(|&count| {
                let same = |other: &&Row| {
                    other.connections == count && other.name == row.name && other.build == row.build
                };
                self.rows.iter().find(same).and_then(figure)
            });
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

/// Puts `figures` between the two marks. `None` if the marks are missing.
fn with_figures(text: &str, figures: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", figures.trim()))
}

fn error(path: &Path, source: io::Error) -> PageError {
    let path = path.to_path_buf();
    PageError::Io { path, source }
}

const PAGE: &str = "benchmarks.md";
const CHARTS: &str = "benchmarks";
const BEGIN: &str = "<!-- figures: `bench` writes what is between here -->";
const END: &str = "<!-- and here -->";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let text = format!("# Head\n\n{BEGIN}\nold\n{END}\n\ntail\n");
        let fresh = with_figures(&text, "new\n").unwrap();
        assert_eq!(fresh, format!("# Head\n\n{BEGIN}\n\nnew\n\n{END}\n\ntail\n"));
        assert_eq!(with_figures(&fresh, "new\n").unwrap(), fresh);
        assert_eq!(with_figures("no marks", "new"), None);
        assert_eq!(with_figures(&format!("{END}{BEGIN}"), "new"), None);
    }

    #[test]
    fn the_page_has_a_place_for_figures() {
        let page = harness_build::tools::workspace_root().join("docs").join(PAGE);
        let text = fs::read_to_string(page).unwrap();
        assert!(with_figures(&text, "").is_some());
    }
}
