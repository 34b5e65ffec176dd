//! Horizontal bars in groups: the rows of a comparison.

use plotters::prelude::{Color as _, Rectangle};
use plotters::style::text_anchor::HPos;

use super::paint::{ChartError, FAINT, INK, Page, WIDTH, colour, document, number, range, write};

/// A title and groups of bars. Each group has one bar per series.
#[derive(Clone, Debug)]
pub struct Bars {
    title: String,
    unit: String,
    series: Vec<String>,
    groups: Vec<(String, Vec<Option<f64>>)>,
}

impl Bars {
    /// Creates a chart without groups. `unit` is written after each value.
    pub fn new(title: &str, unit: &str, series: &[String]) -> Self {
        Self {
            title: title.to_owned(),
            unit: unit.to_owned(),
            series: series.to_vec(),
            groups: Vec::new(),
        }
    }

    /// Adds a group below the others, with one value per series. `None` leaves the bar out.
    pub fn group(mut self, name: &str, values: Vec<Option<f64>>) -> Self {
        self.groups.push((name.to_owned(), values));
        self
    }

    /// Renders the chart as an SVG document.
    ///
    /// # Errors
    /// [`ChartError`].
    pub fn svg(&self) -> Result<String, ChartError> {
        let bars: i32 = self.groups.iter().map(|_| self.group_height()).sum();
        document(TOP + bars + GAP, &self.title, |page| self.draw(page))
    }

    fn draw(&self, page: &Page<'_>) -> Result<(), ChartError> {
        for ((index, name), line) in self.series.iter().enumerate().zip(0..) {
            write(
                page,
                (WIDTH - 16, 8 + 15 * line),
                HPos::Right,
                13,
                &colour(index),
                name,
            )?;
        }
        let values = self.groups.iter().flat_map(|(_, values)| values);
        let most = range(values.flatten().copied()).map_or(1.0, |(_, most)| most);
        let mut top = TOP;
        for (name, values) in &self.groups {
            let middle = top + (self.group_height() - GAP) / 2 - 7;
            write(page, (LEFT - 10, middle), HPos::Right, 13, &INK, name)?;
            for ((index, value), line) in values.iter().enumerate().zip(0..) {
                let Some(value) = value.filter(|value| value.is_finite()) else {
                    continue;
                };
                let (y, length) = (top + BAR * line, length(value, most));
                let bar = [(LEFT, y), (LEFT + length, y + BAR - 2)];
                page.draw(&Rectangle::new(bar, colour(index).filled()))
                    .map_err(ChartError::of)?;
                let text = format!("{} {}", number(short(value)), self.unit);
                write(
                    page,
                    (LEFT + length + 6, y + 1),
                    HPos::Left,
                    12,
                    &FAINT,
                    text.trim(),
                )?;
            }
            top += self.group_height();
        }
        Ok(())
    }

    fn group_height(&self) -> i32 {
        self.series.iter().map(|_| BAR).sum::<i32>() + GAP
    }
}

/// Returns the length of a value's bar, in pixels.
fn length(value: f64, most: f64) -> i32 {
    let share = value.max(0.0) / most.max(f64::MIN_POSITIVE);
    (share * f64::from(WIDTH - LEFT - RIGHT)).max(1.0).round() as i32
}

/// Rounds to three significant digits. Digits before the decimal point stay.
fn short(value: f64) -> f64 {
    let digits = (2.0 - value.abs().max(f64::MIN_POSITIVE).log10().floor()).clamp(0.0, 3.0);
    let factor = 10_f64.powf(digits);
    (value * factor).round() / factor
}

const LEFT: i32 = 190;
const RIGHT: i32 = 100;
const TOP: i32 = 52;
const BAR: i32 = 17;
const GAP: i32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_value_has_a_bar() {
        let series = ["a".to_owned(), "b".to_owned()];
        let svg = Bars::new("t", "ms", &series)
            .group("x < y", vec![Some(10.0), None])
            .group("z", vec![Some(5.0), Some(f64::NAN)])
            .svg()
            .unwrap();
        assert_eq!(svg.matches("<rect").count(), 3, "the page and two bars: {svg}");
        assert!(
            svg.contains("x &lt; y") && svg.contains("10 ms") && !svg.contains("NaN"),
            "{svg}"
        );
        assert_eq!(length(5.0, 10.0) * 2, length(10.0, 10.0));
    }

    #[test]
    fn values_are_short() {
        for (value, expected) in [
            (21_437.4, 21_437.0),
            (1.2345, 1.23),
            (0.0123, 0.012),
            (123.4, 123.0),
            (0.0, 0.0),
        ] {
            assert_eq!(short(value), expected, "{value}");
        }
    }
}
