//! The look of the demo: a few shapes, coloured on a terminal only.

use std::fmt::Display;
use std::io::IsTerminal as _;
use std::time::Duration;

/// The screen on which the demo is shown.
pub(super) struct Screen {
    coloured: bool,
}

impl Screen {
    /// Uses colours if stdout is a terminal and `NO_COLOR` is not set.
    pub(super) fn of_stdout() -> Self {
        Self {
            coloured: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
        }
    }

    /// Prints the title of a part.
    pub(super) fn title(&self, text: &str) {
        println!("\n{}", self.painted(BOLD, text));
    }

    /// Prints a name and a value.
    pub(super) fn fact(&self, name: &str, value: &str, took: Option<Duration>) {
        println!("  {}", self.timed(&format!("{name:<11} {value}"), took));
    }

    /// Prints a step of the request.
    pub(super) fn step(&self, number: usize, who: &str, what: &str, took: Option<Duration>) {
        let numbered = format!("{number} {who:<23} {what}");
        println!("  {}", self.timed(&numbered, took));
    }

    /// Prints a line with the time that it took.
    pub(super) fn timed_line(&self, text: &str, took: Duration) {
        println!("  {}", self.timed(text, Some(took)));
    }

    /// Prints what went in or out in a step.
    pub(super) fn detail(&self, text: &str) {
        println!("      {}", self.painted(DIM, text));
    }

    /// Prints a line.
    pub(super) fn plain(&self, text: &str) {
        println!("  {text}");
    }

    /// Formats a status: green below 400, yellow from there on.
    pub(super) fn status(&self, status: u16) -> String {
        let colour = if status < 400 { GREEN } else { YELLOW };
        self.painted(colour, &status)
    }

    fn timed(&self, text: &str, took: Option<Duration>) -> String {
        match took {
            Some(took) => {
                let gap = " ".repeat(WIDTH.saturating_sub(visible(text)));
                format!(
                    "{text}{gap} {}",
                    self.painted(CYAN, &format!("{:>8}", milliseconds(took)))
                )
            }
            None => text.to_owned(),
        }
    }

    fn painted(&self, colour: &str, text: &(impl Display + ?Sized)) -> String {
        if self.coloured {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_string()
        }
    }
}

/// `1.2 ms`, or `3.4 s` from a second on.
pub(super) fn milliseconds(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{:.1} ms", time.as_secs_f64() * 1000.0)
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

/// Counts the characters that take room on the screen.
fn visible(text: &str) -> usize {
    let mut in_colour = false;
    text.chars()
        .filter(|&character| {
            let hidden = in_colour || character == '\x1b';
            in_colour = hidden && character != 'm';
            !hidden
        })
        .count()
}

/// The column of the times.
const WIDTH: usize = 88;
const BOLD: &str = "1";
const DIM: &str = "2";
const GREEN: &str = "32";
const YELLOW: &str = "33";
const CYAN: &str = "36";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short() {
        for (micros, expected) in [(1234, "1.2 ms"), (999_900, "999.9 ms"), (61_000_000, "61.0 s")] {
            assert_eq!(milliseconds(Duration::from_micros(micros)), expected);
        }
    }

    #[test]
    fn colours_take_no_room() {
        let screen = Screen { coloured: true };
        assert_eq!(visible(&format!("a {} b", screen.status(200))), 7);
    }

    #[test]
    fn colours_are_for_terminals() {
        assert_eq!(Screen { coloured: false }.status(200), "200");
        assert_eq!(Screen { coloured: true }.status(200), "\x1b[32m200\x1b[0m");
    }
}
