//! Tabs before the first character of a line. YAML allows them between lines; Go's readers refuse the file.

use crate::check::place::{Fault, Place};

/// Lines in which tabs mean nothing, or something else. From 1, the last one included.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Continued lines of what is in quotes or brackets.
    pub(super) free: Vec<(usize, usize)>,
    /// Continued lines of blocks of text.
    pub(super) texts: Vec<(usize, usize)>,
}

/// The first tab that Go's readers refuse.
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
