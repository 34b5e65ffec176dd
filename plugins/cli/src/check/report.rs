//! Summaries of findings: a line with their counts, and JSON for scripts.

use std::fmt;

use serde_json::{Value, json};

use super::finding::{Finding, Severity};

/// The number of findings of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// The number of errors.
    pub errors: usize,
    /// The number of warnings.
    pub warnings: usize,
    /// The number of notes.
    pub notes: usize,
}

impl Counts {
    /// Counts the findings.
    pub fn of(findings: &[Finding]) -> Self {
        let count = |severity| findings.iter().filter(|it| it.severity == severity).count();
        Self {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            notes: count(Severity::Note),
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = [
            (self.errors, "error"),
            (self.warnings, "warning"),
            (self.notes, "note"),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| match count {
            1 => format!("1 {name}"),
            count => format!("{count} {name}s"),
        })
        .collect();
        match parts.as_slice() {
            [] => f.write_str("nothing found"),
            parts => f.write_str(&parts.join(", ")),
        }
    }
}

/// Returns the findings as JSON. `docs/check.md` describes the format, which must stay stable.
pub fn json(findings: &[Finding]) -> Value {
    let counts = Counts::of(findings);
    let findings: Vec<Value> = findings
        .iter()
        .map(|finding| {
            json!({
                "file": finding.file.to_string_lossy(),
                "line": finding.place.line,
                "column": finding.place.column,
                "severity": finding.severity.name(),
                "message": finding.message,
            })
        })
        .collect();
    json!({
        "findings": findings,
        "errors": counts.errors,
        "warnings": counts.warnings,
        "notes": counts.notes,
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::finding::finding;
    use super::super::place::Place;
    use super::*;

    #[test]
    fn the_counts_read_as_a_line() {
        let counts = |errors, warnings, notes| {
            Counts {
                errors,
                warnings,
                notes,
            }
            .to_string()
        };
        assert_eq!(counts(0, 0, 0), "nothing found");
        assert_eq!(counts(1, 0, 3), "1 error, 3 notes");
        assert_eq!(counts(2, 1, 1), "2 errors, 1 warning, 1 note");
    }

    #[test]
    fn the_shape_of_json_is_the_documented_one() {
        let place = Place { line: 3, column: 5 };
        let warning = finding(Path::new("a.yml"), place, Severity::Warning, "is odd");
        assert_eq!(
            json(&[warning]),
            json!({
                "findings": [
                    { "file": "a.yml", "line": 3, "column": 5, "severity": "warning", "message": "is odd" },
                ],
                "errors": 0,
                "warnings": 1,
                "notes": 0,
            })
        );
        assert_eq!(json(&[])["findings"], json!([]));
    }
}
