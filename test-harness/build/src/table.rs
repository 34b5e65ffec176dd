//! The table that a build prints.

use std::fmt::Write;

use harness_build::guests::Report;

/// Formats one row per plugin, with sizes in bytes and whole hashes, so that two builds can be compared.
pub(crate) fn of(reports: &[Report]) -> String {
    let mut text = format!(
        "{:<26} {:>9} {:>12} {:>12}  sha256\n",
        "plugin", "bytes", "memory.copy", "memory.fill"
    );
    for report in reports {
        let _ = writeln!(
            text, // writing to a String does not fail
            "{:<26} {:>9} {:>12} {:>12}  {}",
            report.folder,
            report.size,
            report.replaced.memory_copy,
            report.replaced.memory_fill,
            report.sha256,
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_build::guests::Replaced;

    #[test]
    fn a_row_has_size_replacements_and_hash() {
        let report = Report {
            folder: "jwt".into(),
            size: 123_456,
            sha256: "ab".repeat(32),
            replaced: Replaced {
                memory_copy: 78,
                memory_fill: 9,
            },
        };
        let table = of(&[report]);
        let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(row, ["jwt", "123456", "78", "9", &"ab".repeat(32)]);
    }
}
