//! Finds tabs before the first character of a line. YAML allows them between lines, but Go's parsers refuse the file.

use crate::check::place::{Fault, Place};

/// Lines in which tabs are allowed or have another meaning. Lines count from 1, and ranges are inclusive.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Continuation lines within quotes or brackets.
    pub(super) free: Vec<(usize, usize)>,
    /// Continuation lines of blocks of text.
    pub(super) texts: Vec<(usize, usize)>,
}

/// Returns the first tab that Go's parsers refuse.
pub(super) fn refused(text: &str, lines: &Lines) -> Option<Fault> {
    let within = |ranges: &[(usize, usize)], line| {
        ranges
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&line))
    };
    for (index, content) in text.lines().enumerate() {
        let line = index + 1;
        let rest = content.trim_start_matches([' ', '\t']);
        let lead = content.strip_suffix(rest).unwrap_or_default();
        let Some(column) = lead.find('\t') else { continue };
        if within(&lines.free, line) {
            continue;
        }
        let is_between = (rest.is_empty() || rest.starts_with('#')) && !within(&lines.texts, line);
        if column == 0 || is_between {
            let place = Place {
                line: line as u64,
                column: column as u64 + 1,
            };
            return Some(Fault::new(
                place,
                "found a tab character that violates indentation",
            ));
        }
    }
    None
}
