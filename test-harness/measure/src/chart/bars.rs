//! Horizontal bars in groups: rows of a comparison.

use super::{COLOURS, Svg, WIDTH, number_text, range};

/// A title and groups of bars, one bar of a group for each series.
#[derive(Clone, Debug)]
pub struct Bars {
    title: String,
    unit: String,
    series: Vec<String>,
    groups: Vec<(String, Vec<Option<f64>>)>,
}

impl Bars {
    /// Bars without a group yet; the unit stands behind every value.
    pub fn new(title: &str, unit: &str, series: &[String]) -> Self {
        Self {
            title: title.to_owned(),
            unit: unit.to_owned(),
            series: series.to_vec(),
            groups: Vec::new(),
        }
    }

    /// Adds a group below the others, with a value for each series; `None` leaves its bar out.
    pub fn group(mut self, name: &str, values: Vec<Option<f64>>) -> Self {
        self.groups.push((name.to_owned(), values));
        self
    }

    /// The chart as a document of its own.
    pub fn svg(&self) -> String {
        let group_height = BAR * self.series.len() as f64 + GAP;
        let height = TOP + group_height * self.groups.len() as f64 + GAP;
        let mut svg = Svg::new(WIDTH, height, &self.title);
        svg.text(16.0, 28.0, "start", "ink", 18.0, &self.title);
        let mut legend = WIDTH - 16.0;
        for (number, name) in self.series.iter().enumerate().rev() {
            svg.text(legend, 28.0, "end", colour(number), 12.0, name);
            legend -= name.chars().count() as f64 * 7.0 + 14.0;
        }
        let values = self
            .groups
            .iter()
            .flat_map(|(_, values)| values.iter().flatten().copied());
        let most = range(values).map_or(1.0, |(_, most)| most).max(f64::MIN_POSITIVE);
        for (place, (name, values)) in self.groups.iter().enumerate() {
            let top = TOP + group_height * place as f64;
            let middle = top + BAR * self.series.len() as f64 / 2.0 + 4.0;
            svg.text(LEFT - 10.0, middle, "end", "ink", 12.0, name);
            for (number, value) in values.iter().enumerate() {
                let Some(value) = value.filter(|value| value.is_finite()) else {
                    continue;
                };
                let (y, width) = (
                    top + BAR * number as f64,
                    (value.max(0.0) / most) * (WIDTH - LEFT - RIGHT),
                );
                svg.rect(LEFT, y, width.max(1.0), BAR - 2.0, colour(number));
                let text = format!("{} {}", number_text(short(value)), self.unit);
                svg.text(
                    LEFT + width + 6.0,
                    y + BAR - 5.0,
                    "start",
                    "faint",
                    11.0,
                    text.trim(),
                );
            }
        }
        svg.finish()
    }
}

/// Three digits are enough in a chart; digits before the point stay.
fn short(value: f64) -> f64 {
    let digits = (2.0 - value.abs().max(f64::MIN_POSITIVE).log10().floor()).clamp(0.0, 3.0);
    let factor = 10_f64.powf(digits);
    (value * factor).round() / factor
}

fn colour(number: usize) -> &'static str {
    COLOURS
        .get(number % COLOURS.len())
        .map_or("c0", |(class, ..)| class)
}

const LEFT: f64 = 190.0;
const RIGHT: f64 = 100.0;
const TOP: f64 = 52.0;
const BAR: f64 = 17.0;
const GAP: f64 = 10.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_bar_of_its_length() {
        let series = ["a".to_owned(), "b".to_owned()];
        let svg = Bars::new("t", "ms", &series)
            .group("x < y", vec![Some(10.0), None])
            .group("z", vec![Some(5.0), Some(f64::NAN)])
            .svg();
        let widths: Vec<f64> = svg
            .lines()
            .filter(|line| line.starts_with("<rect class=\"c"))
            .map(|line| {
                let (_, rest) = line.split_once("width=\"").unwrap();
                rest.split_once('"').unwrap().0.parse().unwrap()
            })
            .collect();
        assert_eq!(widths.len(), 2, "{svg}");
        assert!((widths[0] / widths[1] - 2.0).abs() < 0.01, "{widths:?}");
        assert!(svg.contains("x &lt; y") && svg.contains(">10 ms<") && !svg.contains("NaN"));
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
