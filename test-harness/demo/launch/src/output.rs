//! Reads from a build's output how far it is.

/// The output of a build so far.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// All lines except those that were overwritten.
    text: String,
    /// The last line, as far as it has arrived.
    open: String,
    state: State,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing has been printed yet.
    #[default]
    Starting,
    /// The last line that was printed.
    Says(String),
    /// The finished and total units of a cargo build, and one that is being compiled.
    Compiling { done: usize, of: usize, now: String },
}

impl Output {
    /// Reads the next piece of output.
    pub fn read(&mut self, piece: &str) {
        for character in piece.chars() {
            match character {
                '\n' => {
                    let line = self.take_line();
                    if !line.trim().is_empty() {
                        self.text.push_str(line.trim_end());
                        self.text.push('\n');
                    }
                    self.look_at(line.trim());
                }
                // Progress: the next line overwrites this one.
                '\r' => {
                    let line = self.take_line();
                    self.look_at(line.trim());
                }
                character => self.open.push(character),
            }
        }
    }

    fn take_line(&mut self) -> String {
        without_escapes(&std::mem::take(&mut self.open))
    }

    fn look_at(&mut self, line: &str) {
        if let Some(compiling) = bar(line) {
            self.state = compiling;
        } else if !line.is_empty() && !line.starts_with("Compiling ") {
            // A bar says more than the crate names between two bars.
            self.state = State::Says(line.to_owned());
        }
    }

    /// Returns the state in a few words.
    pub fn state(&self) -> String {
        match &self.state {
            State::Starting => "starting".to_owned(),
            State::Says(line) => line.clone(),
            State::Compiling { done, of, now } => format!("{} {done}/{of} {now}", drawn(*done, *of)),
        }
    }

    /// Returns the last `count` lines, without those that were overwritten.
    pub fn last_lines(&self, count: usize) -> String {
        let lines: Vec<&str> = self.text.lines().collect();
        let from = lines.len().saturating_sub(count);
        lines.get(from..).unwrap_or_default().join("\n")
    }
}

/// Parses cargo's `Building [====>   ] 35/98: ring, syn`.
fn bar(line: &str) -> Option<State> {
    let (_, after) = line.strip_prefix("Building [")?.split_once(']')?;
    let (counts, now) = after.split_once(':').unwrap_or((after, ""));
    let (done, of) = counts.trim().split_once('/')?;
    Some(State::Compiling {
        done: done.parse().ok()?,
        of: of.parse().ok()?,
        now: now.split(',').next().unwrap_or_default().trim().to_owned(),
    })
}

/// Draws a bar of fixed width.
fn drawn(done: usize, of: usize) -> String {
    const WIDTH: usize = 12;
    let full = (WIDTH * done.min(of)).checked_div(of).unwrap_or_default();
    format!("[{}{}]", "=".repeat(full), " ".repeat(WIDTH - full))
}

/// Removes the sequences that colour a terminal or clear a line.
fn without_escapes(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\x1b' {
            plain.push(character);
        } else if characters.next() == Some('[') {
            // A control sequence ends with a letter.
            characters.by_ref().find(char::is_ascii_alphabetic);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(pieces: &[&str]) -> Output {
        let mut output = Output::default();
        pieces.iter().for_each(|piece| output.read(piece));
        output
    }

    #[test]
    fn a_progress_bar_tells_how_far_cargo_is_even_in_pieces() {
        let output = after(&[
            "   Compiling ring v0.17.14\n    Building [====>      ] 3",
            "5/98: ring, syn\r",
        ]);
        assert_eq!(output.state(), "[====        ] 35/98 ring");
        assert_eq!(output.last_lines(9), "   Compiling ring v0.17.14");
        let output = after(&["Downloading 3 crates\rDownloading 2 crates\r\x1b[K"]);
        assert_eq!(
            (output.state(), output.last_lines(9)),
            ("Downloading 2 crates".to_owned(), String::new())
        );
    }

    #[test]
    fn what_else_is_printed_is_the_state_and_is_kept() {
        let output = after(&[
            "fetching Traefik 3.7.15 (once) ...\n",
            "\x1b[K\x1b[1mBlocking\x1b[0m waiting\n",
        ]);
        assert_eq!(output.state(), "Blocking waiting");
        assert_eq!(output.last_lines(1), "Blocking waiting");
        assert_eq!(
            output.last_lines(2),
            "fetching Traefik 3.7.15 (once) ...\nBlocking waiting"
        );
    }

    #[test]
    fn bars_are_whole_at_both_ends_and_nothing_else_is_a_bar() {
        assert_eq!(
            (drawn(0, 0), drawn(9, 9)),
            (format!("[{}]", " ".repeat(12)), format!("[{}]", "=".repeat(12)))
        );
        for line in [
            "Building",
            "Building [=> ] many",
            "Compiling a/b: c",
            "Building [=> ] 1/x: y",
        ] {
            assert_eq!(bar(line), None, "{line}");
        }
        assert_eq!(after(&[]).state(), "starting");
    }
}
