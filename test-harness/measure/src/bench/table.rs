//! Tables that read well as Markdown and as plain text.

use std::fmt;

/// A table. The first column is text, the others are numbers.
pub(super) struct Table {
    rows: Vec<Vec<String>>,
    columns: usize,
}

impl Table {
    pub(super) fn new(head: &[&str]) -> Self {
        Self {
            rows: vec![head.iter().map(|&cell| cell.to_owned()).collect()],
            columns: head.len(),
        }
    }

    /// Adds a row. Missing cells at the end stay empty.
    pub(super) fn add(&mut self, mut cells: Vec<String>) {
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

/// Formats a figure with this many decimals, or a dash if there is none.
pub(super) fn number(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(none, |value| format!("{value:.digits$}"))
}

/// Stands for a figure that was not measured.
pub(super) fn none() -> String {
    "–".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(&["row", "µs"]);
        table.add(vec!["plain".into(), number(Some(12.34), 1)]);
        table.add(vec!["absent".into()]);
        let expected = "\
| row    |   µs |
| ------ | ---: |
| plain  | 12.3 |
| absent |      |";
        assert_eq!(table.to_string(), expected);
        assert_eq!(number(None, 1), "–");
    }
}
