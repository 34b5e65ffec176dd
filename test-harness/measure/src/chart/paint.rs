//! Shared by both kinds of charts: the page, its colours and its text.

use plotters::coord::Shift;
use plotters::prelude::{
    DrawingArea, FontTransform, IntoDrawingArea as _, IntoFont as _, RGBColor, SVGBackend, Text, TextStyle,
    WHITE,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Why a chart could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("could not draw the chart: {0}")]
pub struct ChartError(String);

impl ChartError {
    pub(super) fn of(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// An area to draw on, in pixels.
pub(super) type Page<'p> = DrawingArea<SVGBackend<'p>, Shift>;

/// Width of a page, in pixels.
pub(super) const WIDTH: i32 = 1120;

/// Creates an SVG document with this height and title. `draw` adds the content.
pub(super) fn document(
    height: i32,
    title: &str,
    draw: impl FnOnce(&Page<'_>) -> Result<(), ChartError>,
) -> Result<String, ChartError> {
    let mut svg = String::new();
    {
        let size = (WIDTH.unsigned_abs(), height.unsigned_abs());
        let page = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        page.fill(&WHITE).map_err(ChartError::of)?;
        write(&page, (16, 12), HPos::Left, 20, &INK, title)?;
        draw(&page)?;
        page.present().map_err(ChartError::of)?;
    }
    Ok(svg)
}

/// Writes `text` beside this point. The top of the text is at the point's height.
pub(super) fn write(
    page: &Page<'_>,
    at: (i32, i32),
    side: HPos,
    size: i32,
    colour: &RGBColor,
    text: &str,
) -> Result<(), ChartError> {
    let style = TextStyle::from(("sans-serif", size).into_font())
        .color(colour)
        .pos(Pos::new(side, VPos::Top));
    page.draw(&Text::new(text.to_owned(), at, style))
        .map_err(ChartError::of)
}

/// Writes `text` upwards from this point.
pub(super) fn write_upwards(page: &Page<'_>, at: (i32, i32), text: &str) -> Result<(), ChartError> {
    let font = ("sans-serif", 12).into_font().transform(FontTransform::Rotate270);
    let style = TextStyle::from(font).color(&FAINT);
    page.draw(&Text::new(text.to_owned(), at, style))
        .map_err(ChartError::of)
}

/// Returns the colour of a line or bar by its index. Colour-blind readers can tell the colours apart.
pub(super) fn colour(number: usize) -> RGBColor {
    const COLOURS: [RGBColor; 4] = [
        RGBColor(0x00, 0x72, 0xb2),
        RGBColor(0xd5, 0x5e, 0x00),
        RGBColor(0x00, 0x9e, 0x73),
        RGBColor(0xaa, 0x33, 0x77),
    ];
    COLOURS.get(number % COLOURS.len()).copied().unwrap_or(INK)
}

/// Formats a number with at most three decimals.
pub(super) fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Returns the smallest and the largest finite value.
pub(super) fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .filter(|value| value.is_finite())
        .fold(None, |range: Option<(f64, f64)>, value| {
            let (least, most) = range.unwrap_or((value, value));
            Some((least.min(value), most.max(value)))
        })
}

/// The colour of titles and names.
pub(super) const INK: RGBColor = RGBColor(0x1f, 0x23, 0x28);
/// The colour of secondary text.
pub(super) const FAINT: RGBColor = RGBColor(0x59, 0x63, 0x6e);
