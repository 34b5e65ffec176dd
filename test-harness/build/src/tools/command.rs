//! Commands, and what they print.

use std::process::{Command, Output};

use super::error::ToolError;

/// Runs a command to its end. In an error, `cure` tells the reader what to do.
pub(crate) fn run(command: &mut Command, cure: &str) -> Result<Output, ToolError> {
    let line = command_line(command);
    let output = command.output().map_err(|source| ToolError::CommandMissing {
        command: line.clone(),
        cure: cure.into(),
        source,
    })?;
    if output.status.success() {
        return Ok(output);
    }
    let printed = [output.stdout, output.stderr].concat();
    Err(ToolError::CommandFailed {
        command: line,
        status: output.status.to_string(),
        cure: cure.into(),
        output: last_lines(&String::from_utf8_lossy(&printed), 30),
    })
}

/// Formats a command as one would type it.
pub fn command_line(command: &Command) -> String {
    std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|part| part.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Returns the last `count` lines of a text. In a log, they say what went wrong.
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .iter()
        .skip(lines.len().saturating_sub(count))
        .copied()
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_lines_are_the_end_of_a_text() {
        for (text, count, expected) in [
            ("", 2, ""),
            ("a", 2, "a"),
            ("a\nb\nc", 2, "b\nc"),
            ("a\nb\n", 1, "b"),
        ] {
            assert_eq!(last_lines(text, count), expected, "{text:?}, {count}");
        }
    }

    #[test]
    fn a_failing_command_reports_its_line_its_output_and_the_cure() {
        let error = run(Command::new("sh").args(["-c", "echo why >&2; exit 3"]), "do this")
            .unwrap_err()
            .to_string();
        for part in ["sh -c", "why", "do this", "3"] {
            assert!(error.contains(part), "{part:?} is missing in {error:?}");
        }
    }
}
