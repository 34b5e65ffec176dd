//! `build`: the plugins as files, and a table of what came out.

use std::fmt::Write;
use std::path::Path;

use crate::guests::{self, GuestError, Report, Variant};

pub(super) fn run(out: &Path, keep_names: bool) -> Result<(), GuestError> {
    let variant = if keep_names {
        Variant::WithNames
    } else {
        Variant::Plain
    };
    guests::show_progress();
    let built = guests::build(out, variant)?;
    print!("{}", table(&built.plugins));
    println!("written to {}", out.join("plugins-local/src").display());
    Ok(())
}

/// Sizes in bytes, hashes in full: they are what two builds are compared by.
fn table(reports: &[Report]) -> String {
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
    use crate::guests::Replaced;

    #[test]
    fn a_row_tells_size_replacements_and_hash() {
        let report = Report {
            folder: "jwt".into(),
            size: 123_456,
            sha256: "ab".repeat(32),
            replaced: Replaced {
                memory_copy: 78,
                memory_fill: 9,
            },
        };
        let table = table(&[report]);
        let row: Vec<&str> = table.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(row, ["jwt", "123456", "78", "9", &"ab".repeat(32)]);
    }
}
