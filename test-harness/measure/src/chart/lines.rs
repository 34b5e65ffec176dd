//! Line charts in panels.

use std::ops::Range;

use plotters::prelude::{
    ChartBuilder, Color as _, IntoFont as _, LineSeries, PathElement, RGBColor, Rectangle,
    SeriesLabelPosition, WHITE,
};
use plotters::style::text_anchor::HPos;

use super::paint::{ChartError, FAINT, Page, WIDTH, colour, document, number, range, write, write_upwards};

/// A title, bands, and panels that share an x axis.
#[derive(Clone, Debug, Default)]
pub struct Chart {
    title: String,
    subtitle: String,
    x_unit: String,
    x_scale: Scale,
    panels: Vec<Panel>,
    bands: Vec<Band>,
}

/// One y axis and the lines on it.
#[derive(Clone, Debug)]
pub struct Panel {
    title: String,
    scale: Scale,
    lines: Vec<Line>,
}

/// How values map to positions on an axis.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Positions are proportional to the values. A y axis starts at zero.
    #[default]
    Linear,
    /// Positions follow the logarithm. Values that are not positive are left out.
    Logarithmic,
}

/// A named series of points, ordered by x. A y that is not a finite number leaves a gap.
#[derive(Clone, Debug)]
pub struct Line {
    name: String,
    points: Vec<(f64, f64)>,
}

/// A range on the x axis, shaded in every panel and labelled above them.
#[derive(Clone, Debug)]
pub struct Band {
    from: f64,
    until: f64,
    label: String,
}

impl Chart {
    /// Creates an empty chart. `x_unit` labels the x axis.
    pub fn new(title: &str, x_unit: &str) -> Self {
        Self {
            title: title.to_owned(),
            x_unit: x_unit.to_owned(),
            ..Self::default()
        }
    }

    /// Sets a smaller line of text below the title.
    pub fn subtitle(mut self, text: &str) -> Self {
        text.clone_into(&mut self.subtitle);
        self
    }

    /// Makes the x axis logarithmic. Every x must then be positive.
    pub fn logarithmic_x(mut self) -> Self {
        self.x_scale = Scale::Logarithmic;
        self
    }

    /// Adds a panel below the others.
    pub fn panel(mut self, panel: Panel) -> Self {
        self.panels.push(panel);
        self
    }

    /// Adds a shaded band.
    pub fn band(mut self, band: Band) -> Self {
        self.bands.push(band);
        self
    }

    /// Renders the chart as an SVG document.
    ///
    /// # Errors
    /// [`ChartError`].
    pub fn svg(&self) -> Result<String, ChartError> {
        let labels = if self.bands.is_empty() { 0 } else { BAND_LABELS };
        let panels: i32 = self.panels.iter().map(|_| PANEL).sum();
        let top = HEADER + labels;
        document(top + panels, &self.title, |page| {
            write(page, (16, 38), HPos::Left, 13, &FAINT, &self.subtitle)?;
            let (_, body) = page.split_vertically(top);
            let areas = body.split_evenly((self.panels.len().max(1), 1));
            for (index, (panel, area)) in self.panels.iter().zip(&areas).enumerate() {
                panel.draw(area, self)?;
                if index == 0 {
                    self.name_bands(page, top)?;
                }
            }
            Ok(())
        })
    }

    fn name_bands(&self, page: &Page<'_>, bottom: i32) -> Result<(), ChartError> {
        let x = self.x_range();
        let width = f64::from(WIDTH - LEFT - MARGIN);
        for band in &self.bands {
            let share = (self.x_scale.position(band.from) - x.start) / (x.end - x.start);
            let left = LEFT + (share * width).round() as i32;
            write_upwards(page, (left, bottom), &band.label)?;
        }
        Ok(())
    }

    fn x_range(&self) -> Range<f64> {
        let lines = self.panels.iter().flat_map(|panel| &panel.lines);
        let points = lines.flat_map(|line| line.points.iter().map(|(x, _)| *x));
        let bands = self.bands.iter().flat_map(|band| [band.from, band.until]);
        let positions = points.chain(bands).map(|x| self.x_scale.position(x));
        not_empty(range(positions).unwrap_or((0.0, 1.0)))
    }
}

impl Panel {
    /// Creates an empty panel. The title should name the unit.
    pub fn new(title: &str, scale: Scale) -> Self {
        Self {
            title: title.to_owned(),
            scale,
            lines: Vec::new(),
        }
    }

    /// Adds a line.
    pub fn line(mut self, line: Line) -> Self {
        self.lines.push(line);
        self
    }

    fn draw(&self, area: &Page<'_>, chart: &Chart) -> Result<(), ChartError> {
        let (x, y) = (chart.x_range(), self.y_range());
        let mut plot = ChartBuilder::on(area)
            .caption(&self.title, ("sans-serif", 14).into_font())
            .margin_right(MARGIN)
            .x_label_area_size(34)
            .y_label_area_size(LEFT)
            .build_cartesian_2d(x, y.clone())
            .map_err(ChartError::of)?;
        plot.configure_mesh()
            .disable_x_mesh()
            .light_line_style(WHITE)
            .bold_line_style(GRID)
            .x_labels(12)
            .y_labels(5)
            .x_desc(&chart.x_unit)
            .x_label_formatter(&|place| chart.x_scale.label(*place))
            .y_label_formatter(&|place| self.scale.label(*place))
            .draw()
            .map_err(ChartError::of)?;
        plot.draw_series(chart.bands.iter().map(|band| {
            let [from, until] = [band.from, band.until].map(|x| chart.x_scale.position(x));
            Rectangle::new([(from, y.start), (until, y.end)], BAND.mix(0.6).filled())
        }))
        .map_err(ChartError::of)?;
        for (index, line) in self.lines.iter().enumerate() {
            let style = colour(index).stroke_width(2);
            for (part, points) in line.parts(chart.x_scale, self.scale).into_iter().enumerate() {
                let series = plot
                    .draw_series(LineSeries::new(points, style))
                    .map_err(ChartError::of)?;
                if part == 0 {
                    series.label(&line.name).legend(move |(left, height)| {
                        PathElement::new([(left, height), (left + 18, height)], style)
                    });
                }
            }
        }
        if self.lines.len() > 1 {
            plot.configure_series_labels()
                .position(SeriesLabelPosition::UpperRight)
                .background_style(WHITE.mix(0.8))
                .draw()
                .map_err(ChartError::of)?;
        }
        Ok(())
    }

    fn y_range(&self) -> Range<f64> {
        let values = self
            .lines
            .iter()
            .flat_map(|line| line.points.iter().map(|(_, y)| *y));
        let (least, most) = range(values.map(|y| self.scale.position(y))).unwrap_or((0.0, 1.0));
        match self.scale {
            Scale::Linear => not_empty((0.0, most * 1.1)),
            Scale::Logarithmic => not_empty((least.floor(), most.ceil())),
        }
    }
}

impl Line {
    /// Creates a line with its name in the legend.
    pub fn new(name: &str, points: Vec<(f64, f64)>) -> Self {
        Self {
            name: name.to_owned(),
            points,
        }
    }

    /// Splits the line at its gaps and converts its points to positions on the axes.
    fn parts(&self, x: Scale, y: Scale) -> Vec<Vec<(f64, f64)>> {
        let positions: Vec<(f64, f64)> = self
            .points
            .iter()
            .map(|(left, height)| (x.position(*left), y.position(*height)))
            .collect();
        positions
            .split(|(left, height)| !(left.is_finite() && height.is_finite()))
            .filter(|part| !part.is_empty())
            .map(<[_]>::to_vec)
            .collect()
    }
}

impl Band {
    /// Creates a band from one x to another, with a short label.
    pub fn new(from: f64, until: f64, label: &str) -> Self {
        Self {
            from,
            until,
            label: label.to_owned(),
        }
    }
}

impl Scale {
    /// Returns the position of a value on the axis. It is not finite if the value has no place there.
    fn position(self, value: f64) -> f64 {
        match self {
            Self::Linear => value,
            Self::Logarithmic => value.log10(),
        }
    }

    /// Returns the label at a position. A logarithmic axis labels only powers of ten.
    fn label(self, position: f64) -> String {
        match self {
            Self::Linear => number(position),
            Self::Logarithmic if (position - position.round()).abs() < 1e-6 => number(10_f64.powf(position)),
            Self::Logarithmic => String::new(),
        }
    }
}

/// Returns a range that is not empty, because an axis needs some length.
fn not_empty((least, most): (f64, f64)) -> Range<f64> {
    match most > least {
        true => least..most,
        false => least..least + 1.0,
    }
}

const HEADER: i32 = 62;
const BAND_LABELS: i32 = 110;
const PANEL: i32 = 190;
const LEFT: i32 = 70;
const MARGIN: i32 = 24;
const GRID: RGBColor = RGBColor(0xe4, 0xe7, 0xeb);
const BAND: RGBColor = RGBColor(0xfd, 0xe8, 0xb8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_divides_a_line_and_a_logarithm_has_no_place_for_zero() {
        let line = Line::new("a", vec![(1.0, 1.0), (2.0, f64::NAN), (3.0, 10.0), (4.0, 0.0)]);
        let parts = |scale| line.parts(Scale::Linear, scale);
        assert_eq!(
            parts(Scale::Linear),
            [vec![(1.0, 1.0)], vec![(3.0, 10.0), (4.0, 0.0)]]
        );
        assert_eq!(parts(Scale::Logarithmic), [vec![(1.0, 0.0)], vec![(3.0, 1.0)]]);
    }

    #[test]
    fn the_document_has_all_names_and_no_number_that_is_none() {
        let panel = |title, scale| {
            Panel::new(title, scale)
                .line(Line::new("p50 < p99", vec![(0.0, 1.0), (1.0, 20.0)]))
                .line(Line::new("p99", vec![(0.0, 0.0), (1.0, f64::NAN)]))
        };
        let svg = Chart::new("A run", "seconds")
            .subtitle("short")
            .panel(panel("latency", Scale::Logarithmic))
            .panel(panel("again", Scale::Linear))
            .panel(Panel::new("empty", Scale::Logarithmic))
            .band(Band::new(0.2, 0.4, "outage"))
            .svg()
            .unwrap();
        for text in [
            "A run",
            "short",
            "seconds",
            "latency",
            "empty",
            "p50 &lt; p99",
            "outage",
        ] {
            assert!(svg.contains(text), "{text}: {svg}");
        }
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }

    #[test]
    fn a_logarithmic_axis_names_powers_of_ten() {
        assert_eq!(Scale::Logarithmic.label(2.0), "100");
        assert_eq!(Scale::Logarithmic.label(-1.0), "0.1");
        assert_eq!(Scale::Logarithmic.label(0.5), "");
        assert_eq!(Scale::Linear.label(0.5), "0.5");
    }
}
