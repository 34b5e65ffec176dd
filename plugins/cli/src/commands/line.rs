//! Formats a finding as a line.

use anstyle::{AnsiColor, Style};

use crate::check::finding::{Finding, Severity};

/// Formats a finding with its severity in color. The output stream removes colors if it is not a terminal.
pub(super) fn line(finding: &Finding) -> String {
    let style = match finding.severity {
        Severity::Error => AnsiColor::Red.on_default().bold(),
        Severity::Warning => AnsiColor::Yellow.on_default().bold(),
        Severity::Note => Style::new().dimmed(),
    };
    let (place, severity) = (finding.place, finding.severity.name());
    format!(
        "{}:{}:{}: {style}{severity}{style:#}: {}",
        finding.file.display(),
        place.line,
        place.column,
        finding.message
    )
}
