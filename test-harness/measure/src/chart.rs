//! Charts for the reports, drawn with `plotters`. [`Chart`] draws lines in panels that share one x axis, with shaded
//! bands. [`Bars`] draws horizontal bars in groups.
//!
//! ```
//! use measure::chart::{Band, Chart, Line, Panel, Scale};
//!
//! let line = Line::new("requests", vec![(0.0, 10.0), (1.0, 12.0)]);
//! let chart = Chart::new("A run", "seconds").panel(Panel::new("rate, 1/s", Scale::Linear).line(line));
//! assert!(chart.band(Band::new(0.2, 0.5, "outage")).svg().unwrap().starts_with("<svg "));
//! ```

mod bars;
mod lines;
mod paint;

pub use self::bars::Bars;
pub use self::lines::{Band, Chart, Line, Panel, Scale};
pub use self::paint::ChartError;
