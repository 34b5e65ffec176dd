//! Charts as SVG, written by hand: lines in panels above each other that share one x axis, with shaded bands
//! ([`Chart`]), and bars in groups ([`Bars`]).
//!
//! In scope: what a report of a long run or a comparison needs, readable on light and on dark pages without scripts
//! or fonts of its own. Out of scope: interaction, other kinds of charts.
//!
//! ```
//! use measure::chart::{Band, Chart, Line, Panel, Scale};
//!
//! let line = Line::new("requests", vec![(0.0, 10.0), (1.0, 12.0)]);
//! let chart = Chart::new("A run", "seconds").panel(Panel::new("rate, 1/s", Scale::Linear).line(line));
//! assert!(chart.band(Band::new(0.2, 0.5, "outage")).svg().starts_with("<svg "));
//! ```

mod bars;

use std::fmt::Write as _;

pub use bars::Bars;

/// A title, bands, and panels on a common x axis.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    title: String,
    subtitle: String,
    x_unit: String,
    logarithmic_x: bool,
    panels: Vec<Panel>,
    bands: Vec<Band>,
}

/// One y axis and what is drawn on it.
#[derive(Clone, Debug)]
pub struct Panel {
    title: String,
    scale: Scale,
    lines: Vec<Line>,
}

/// How values become heights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// From zero to the largest value.
    Linear,
    /// By their logarithm, over the decades that occur; values that are not positive are left out.
    Logarithmic,
}

/// Points in the order of their x. A y that is no finite number is a gap.
#[derive(Clone, Debug)]
pub struct Line {
    name: String,
    points: Vec<(f64, f64)>,
}

/// A stretch of the x axis, shaded in every panel and named above them.
#[derive(Clone, Debug)]
pub struct Band {
    from: f64,
    until: f64,
    label: String,
}

impl Chart {
    /// An empty chart. `x_unit` is written at the x axis.
    pub fn new(title: &str, x_unit: &str) -> Self {
        Self {
            title: title.to_owned(),
            x_unit: x_unit.to_owned(),
            ..Self::default()
        }
    }

    /// A smaller line below the title.
    pub fn subtitle(mut self, text: &str) -> Self {
        text.clone_into(&mut self.subtitle);
        self
    }

    /// Spreads the x axis by the logarithm; every x must be positive then.
    pub fn logarithmic_x(mut self) -> Self {
        self.logarithmic_x = true;
        self
    }

    /// Adds a panel below the others.
    pub fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }

    /// Shades a stretch.
    pub fn band(mut self, band: Band) -> Self {
        self.bands.push(band);
        self
    }

    /// The chart as a document of its own.
    pub fn svg(&self) -> String {
        let labels = if self.bands.is_empty() { 0.0 } else { BAND_LABELS };
        let top = HEADER + labels;
        let height = top + (PANEL + PANEL_GAP) * self.panels.len() as f64 + FOOTER;
        let x = self.x_axis();
        let mut svg = Svg::new(WIDTH, height, &self.title);
        svg.text(LEFT, 28.0, "start", "ink", 18.0, &self.title);
        svg.text(LEFT, 48.0, "start", "faint", 12.0, &self.subtitle);
        let bottom = height - FOOTER - PANEL_GAP;
        for band in &self.bands {
            let (from, until) = (x.place(band.from), x.place(band.until));
            svg.rect(from, top, (until - from).max(1.5), bottom - top, "band");
            svg.slanted_text(from + 3.0, top - 6.0, &band.label);
        }
        for (number, panel) in self.panels.iter().enumerate() {
            let panel_top = top + (PANEL + PANEL_GAP) * number as f64;
            panel.draw(&mut svg, &x, panel_top);
        }
        for tick in x.ticks(12.0) {
            svg.text(
                x.place(tick),
                bottom + 18.0,
                "middle",
                "faint",
                11.0,
                &number_text(tick),
            );
        }
        svg.text(WIDTH - RIGHT, bottom + 36.0, "end", "faint", 11.0, &self.x_unit);
        svg.finish()
    }

    fn x_axis(&self) -> Axis {
        let points = self.panels.iter().flat_map(|panel| &panel.lines);
        let points = points.flat_map(|line| line.points.iter().map(|(x, _)| *x));
        let bands = self.bands.iter().flat_map(|band| [band.from, band.until]);
        let logarithmic = self.logarithmic_x;
        let all = points
            .chain(bands)
            .map(|x| if logarithmic { x.log10() } else { x });
        let (least, most) = range(all).unwrap_or((0.0, 1.0));
        Axis {
            logarithmic,
            ..Axis::linear(least, most, (LEFT, WIDTH - RIGHT))
        }
    }
}

impl Panel {
    /// An empty panel; the title should name the unit.
    pub fn new(title: &str, scale: Scale) -> Self {
        Self {
            title: title.to_owned(),
            scale,
            lines: Vec::new(),
        }
    }

    /// Adds a line; the first six have colours of their own.
    pub fn line(mut self, line: Line) -> Self {
        self.lines.push(line);
        self
    }

    fn draw(&self, svg: &mut Svg, x: &Axis, top: f64) {
        let y = self.y_axis(top + PANEL_TITLE, top + PANEL);
        svg.text(LEFT, top + 13.0, "start", "ink", 12.0, &self.title);
        for tick in y.ticks(4.0) {
            let height = y.place(tick);
            svg.line(LEFT, height, WIDTH - RIGHT, height, "grid");
            svg.text(LEFT - 8.0, height + 4.0, "end", "faint", 11.0, &number_text(tick));
        }
        let mut legend = WIDTH - RIGHT;
        for (number, line) in self.lines.iter().enumerate().rev() {
            let colour = COLOURS.get(number % COLOURS.len()).copied().unwrap_or_default();
            svg.path(&line.path(x, &y), colour.0);
            if self.lines.len() > 1 {
                svg.text(legend, top + 13.0, "end", colour.0, 12.0, &line.name);
                legend -= line.name.chars().count() as f64 * 7.0 + 14.0;
            }
        }
    }

    fn y_axis(&self, top: f64, bottom: f64) -> Axis {
        let values = self
            .lines
            .iter()
            .flat_map(|line| line.points.iter().map(|(_, y)| *y));
        match self.scale {
            Scale::Linear => {
                let most = range(values).map_or(1.0, |(_, most)| most).max(f64::MIN_POSITIVE);
                let step = step(most, 4.0);
                Axis::linear(0.0, (most / step).ceil() * step, (bottom, top))
            }
            Scale::Logarithmic => {
                let (least, most) = range(values.filter(|value| *value > 0.0)).unwrap_or((1.0, 10.0));
                let (least, most) = (least.log10().floor(), most.log10().ceil());
                Axis {
                    logarithmic: true,
                    ..Axis::linear(least, most.max(least + 1.0), (bottom, top))
                }
            }
        }
    }
}

impl Line {
    /// A line and its name in the legend.
    pub fn new(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.to_owned(),
            points,
        }
    }

    fn path(&self, x: &Axis, y: &Axis) -> String {
        let mut path = String::new();
        let mut pen_down = false;
        for (at, value) in &self.points {
            let (left, height) = (x.place(*at), y.place(*value));
            if height.is_finite() {
                let command = if pen_down { 'L' } else { 'M' };
                let _ = write!(path, "{command}{left:.1} {height:.1}"); // writing to a String does not fail
            }
            pen_down = height.is_finite();
        }
        path
    }
}

impl Band {
    /// From one x to another, with a short name.
    pub fn new(from: f64, until: f64, label: &str) -> Self {
        Self {
            from,
            until,
            label: label.to_owned(),
        }
    }
}

/// A range of values, or of their decimal logarithms, and the range of pixels it is spread over.
struct Axis {
    least: f64,
    most: f64,
    pixels: (f64, f64),
    logarithmic: bool,
}

impl Axis {
    fn linear(least: f64, most: f64, pixels: (f64, f64)) -> Self {
        Self {
            least,
            most,
            pixels,
            logarithmic: false,
        }
    }

    /// Not finite for a value that has no place on a logarithmic axis.
    fn place(&self, value: f64) -> f64 {
        let value = if self.logarithmic { value.log10() } else { value };
        let share = (value - self.least) / (self.most - self.least).max(f64::MIN_POSITIVE);
        self.pixels.0 + share * (self.pixels.1 - self.pixels.0)
    }

    /// Round values, about so many. A logarithmic axis has its decades.
    fn ticks(&self, about: f64) -> Vec<f64> {
        let step = if self.logarithmic {
            1.0
        } else {
            step(self.most - self.least, about)
        };
        let first = (self.least / step).ceil();
        let ticks = (0..MOST_TICKS).map(|number| (first + f64::from(number)) * step);
        let ticks = ticks.take_while(|tick| *tick <= self.most + step / 1000.0);
        ticks
            .map(|tick| if self.logarithmic { 10_f64.powf(tick) } else { tick })
            .collect()
    }
}

/// 1, 2 or 5 times a power of ten, so that about so many of it make `span`.
fn step(span: f64, about: f64) -> f64 {
    let rough = span.max(f64::MIN_POSITIVE) / about;
    let power = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|factor| rough <= factor * power * 1.26);
    factor.unwrap_or(10.0) * power
}

fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .filter(|value| value.is_finite())
        .fold(None, |range: Option<(f64, f64)>, value| {
            let (least, most) = range.unwrap_or((value, value));
            Some((least.min(value), most.max(value)))
        })
}

/// Without digits that a tick does not need.
fn number_text(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The document as it is written. Attributes hold the colours of light pages; the style sheet overrides them on
/// dark ones, and viewers that know no style sheets still draw.
struct Svg {
    text: String,
}

impl Svg {
    fn new(width: f64, height: f64, title: &str) -> Self {
        let mut text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\" font-family=\"system-ui, sans-serif\">\n<title>{}</title>\n\
             <style>@media (prefers-color-scheme: dark) {{\n",
            escaped(title)
        );
        for (class, _, dark) in ROLES {
            let property = if is_stroke(class) { "stroke" } else { "fill" };
            let _ = writeln!(text, ".{class} {{ {property}: {dark} }}");
        }
        for (class, _, dark) in COLOURS {
            let _ = writeln!(
                text,
                "path.{class} {{ stroke: {dark} }} text.{class} {{ fill: {dark} }}"
            );
        }
        text.push_str("}</style>\n");
        let mut svg = Self { text };
        svg.rect(0.0, 0.0, width, height, "page");
        svg
    }

    fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, class: &str) {
        let _ = writeln!(
            self.text,
            "<rect class=\"{class}\" fill=\"{}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>",
            light(class)
        );
    }

    fn line(&mut self, x1: f64, y1: f64, x2: f64, y2: f64, class: &str) {
        let _ = writeln!(
            self.text,
            "<line class=\"{class}\" stroke=\"{}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>",
            light(class)
        );
    }

    fn path(&mut self, path: &str, class: &str) {
        let _ = writeln!(
            self.text,
            "<path class=\"{class}\" stroke=\"{}\" fill=\"none\" stroke-width=\"1.5\" stroke-linejoin=\"round\" d=\"{path}\"/>",
            light(class)
        );
    }

    fn text(&mut self, x: f64, y: f64, anchor: &str, class: &str, size: f64, text: &str) {
        let _ = writeln!(
            self.text,
            "<text class=\"{class}\" fill=\"{}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" font-size=\"{size}\">{}</text>",
            light(class),
            escaped(text)
        );
    }

    /// Up and to the right, so that neighbours do not collide.
    fn slanted_text(&mut self, x: f64, y: f64, text: &str) {
        let _ = writeln!(
            self.text,
            "<text class=\"faint\" fill=\"{}\" transform=\"translate({x:.1} {y:.1}) rotate(-55)\" font-size=\"11\">{}</text>",
            light("faint"),
            escaped(text)
        );
    }

    fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn light(class: &str) -> &'static str {
    let known = ROLES.iter().chain(&COLOURS).find(|(name, ..)| *name == class);
    known.map_or("#000000", |(_, light, _)| light)
}

fn is_stroke(class: &str) -> bool {
    class == "grid"
}

type Tone = (&'static str, &'static str, &'static str);

/// Class, colour on light pages, colour on dark pages.
const ROLES: [Tone; 5] = [
    ("page", "#ffffff", "#0d1117"),
    ("ink", "#1f2328", "#e6edf3"),
    ("faint", "#59636e", "#9198a1"),
    ("grid", "#e4e7eb", "#262c36"),
    ("band", "#fdf0d5", "#2f2712"),
];

/// Told apart by people who see few colours, too.
const COLOURS: [Tone; 6] = [
    ("c0", "#0072b2", "#58a6ff"),
    ("c1", "#d55e00", "#ff9e4a"),
    ("c2", "#009e73", "#3fd2a3"),
    ("c3", "#aa3377", "#e58cc0"),
    ("c4", "#8a6d00", "#e3c44b"),
    ("c5", "#555555", "#bbbbbb"),
];

const WIDTH: f64 = 1120.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 72.0;
const HEADER: f64 = 60.0;
/// Room for the bands' names.
const BAND_LABELS: f64 = 100.0;
const PANEL: f64 = 130.0;
const PANEL_TITLE: f64 = 22.0;
const PANEL_GAP: f64 = 22.0;
const FOOTER: f64 = 46.0;
const MOST_TICKS: u32 = 40;

#[cfg(test)]
mod tests {
    use super::*;

    fn path_of(points: &[(f64, f64)], scale: Scale) -> String {
        let chart = Chart::new("t", "s").panel(Panel::new("p", scale).line(Line::new("l", points.to_vec())));
        let svg = chart.svg();
        let (_, path) = svg.split_once(" d=\"").unwrap();
        path.split_once('"').unwrap().0.to_owned()
    }

    #[test]
    fn a_value_that_is_no_number_is_a_gap() {
        let path = path_of(
            &[(0.0, 1.0), (1.0, f64::NAN), (2.0, 1.0), (3.0, 2.0)],
            Scale::Linear,
        );
        assert_eq!(path.matches('M').count(), 2, "{path}");
        assert_eq!(path.matches('L').count(), 1, "{path}");
    }

    #[test]
    fn a_logarithmic_panel_leaves_out_what_has_no_logarithm() {
        let path = path_of(&[(0.0, 0.0), (1.0, 10.0), (2.0, 1000.0)], Scale::Logarithmic);
        assert_eq!(
            (path.matches('M').count(), path.matches('L').count()),
            (1, 1),
            "{path}"
        );
    }

    #[test]
    fn a_logarithmic_x_axis_gives_every_decade_the_same_room() {
        let line = Line::new("l", vec![(1.0, 1.0), (10.0, 1.0), (100.0, 1.0)]);
        let chart = Chart::new("t", "s").panel(Panel::new("p", Scale::Linear).line(line));
        let axis = chart.logarithmic_x().x_axis();
        let places: Vec<f64> = [1.0, 10.0, 100.0].iter().map(|x| axis.place(*x)).collect();
        assert!(
            (places[1] - places[0] - (places[2] - places[1])).abs() < 1e-9,
            "{places:?}"
        );
    }

    #[test]
    fn ticks_are_round_and_few() {
        for (least, most, expected) in [
            (0.0, 100.0, &[0.0, 20.0, 40.0, 60.0, 80.0, 100.0][..]),
            (0.0, 60.0, &[0.0, 20.0, 40.0, 60.0]),
            (0.0, 0.5, &[0.0, 0.1, 0.2, 0.3, 0.4, 0.5]),
            (3.0, 9.0, &[4.0, 6.0, 8.0]),
        ] {
            let ticks = Axis::linear(least, most, (0.0, 1.0)).ticks(4.0);
            let close = ticks.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9);
            assert!(
                close && ticks.len() == expected.len(),
                "{least} to {most}: {ticks:?}"
            );
        }
        let decades = Axis {
            logarithmic: true,
            ..Axis::linear(-1.0, 2.0, (0.0, 1.0))
        };
        assert_eq!(decades.ticks(4.0).len(), 4);
    }

    #[test]
    fn nothing_to_draw_is_drawn_all_the_same() {
        for chart in [
            Chart::new("", ""),
            Chart::new("", "").panel(Panel::new("", Scale::Linear)),
            Chart::new("", "").panel(Panel::new("", Scale::Logarithmic)),
            Chart::new("", "").panel(Panel::new("", Scale::Linear).line(Line::new("", vec![(0.0, 0.0)]))),
        ] {
            let svg = chart.svg();
            assert!(
                svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"),
                "{svg}"
            );
        }
    }

    #[test]
    fn texts_cannot_break_the_document() {
        let svg = Chart::new("a < b & c", "s")
            .band(Band::new(0.0, 1.0, "<x>"))
            .svg();
        assert!(
            svg.contains("a &lt; b &amp; c") && svg.contains("&lt;x&gt;"),
            "{svg}"
        );
    }

    #[test]
    fn every_colour_has_one_for_dark_pages() {
        let svg = Chart::new("t", "s").svg();
        let (_, style) = svg.split_once("prefers-color-scheme: dark").unwrap();
        for (class, _, dark) in ROLES.iter().chain(&COLOURS) {
            assert!(
                style.contains(&format!(".{class} {{")) && style.contains(dark),
                "{class}"
            );
        }
    }
}
