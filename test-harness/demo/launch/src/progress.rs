//! Progress that never falls silent, even when the work does.

use std::io::{IsTerminal as _, Write, stderr};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// The longest time without a sign of life.
pub const LONGEST_SILENCE: Duration = Duration::from_secs(5);

/// The time between two lines in a log. The rest of [`LONGEST_SILENCE`] is a margin for a busy machine.
const LINE_EVERY: Duration = Duration::from_secs(3);

/// The time between two updates of the line on a terminal.
const REDRAW_EVERY: Duration = Duration::from_millis(250);

/// The longest line. Longer ones would wrap on a usual terminal, which could then not overwrite them.
const WIDTH: usize = 79;

/// The part of a line for the state, next to the seconds.
pub(crate) const ROOM: usize = WIDTH - 10;

/// Work that goes on elsewhere, with its own clock.
pub trait Work {
    /// How long the work has been going on.
    fn elapsed(&self) -> Duration;

    /// The state in a few words.
    fn state(&self) -> String;

    /// Waits for news for at most `at_most`. Returns false when the work has ended.
    fn goes_on(&mut self, at_most: Duration) -> bool;
}

/// Shows progress.
pub struct Display<W> {
    out: W,
    is_terminal: bool,
}

impl Display<std::io::Stderr> {
    /// A display on stderr: one line that is redrawn on a terminal, or a line every few seconds elsewhere.
    pub fn stderr() -> Self {
        Self::new(stderr(), stderr().is_terminal())
    }
}

impl<W: Write> Display<W> {
    /// Creates a display that writes to `out`.
    pub const fn new(out: W, is_terminal: bool) -> Self {
        Self { out, is_terminal }
    }

    /// Shows the progress of `work` until it ends.
    pub fn follow(&mut self, work: &mut impl Work) {
        let every = if self.is_terminal {
            REDRAW_EVERY
        } else {
            LINE_EVERY
        };
        let mut next = Duration::ZERO;
        loop {
            let now = work.elapsed();
            if now >= next {
                self.show(&line(now, &work.state()));
                next = now + every;
            }
            if !work.goes_on(next.saturating_sub(now)) {
                break;
            }
        }
        if self.is_terminal {
            self.write("\r\x1b[K");
        }
    }

    fn show(&mut self, line: &str) {
        if self.is_terminal {
            // Return to the start of the line, so that whatever is printed next overwrites it.
            self.write(&format!("\r\x1b[K{line}\r"));
        } else {
            self.write(&format!("{line}\n"));
        }
    }

    /// Writes `text`. Ignores errors, because a closed display is no reason to stop the work.
    fn write(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes());
        let _ = self.out.flush();
    }
}

/// `  12 s  compiling`
fn line(elapsed: Duration, state: &str) -> String {
    cut(&format!("{:>4} s  {state}", elapsed.as_secs()), WIDTH)
}

/// Shortens a text that is longer than `width`.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Does `work` and shows progress on stderr meanwhile. Shows nothing if the work ends at once.
pub fn during<T>(what: &str, work: impl FnOnce() -> T) -> T {
    const AT_ONCE: Duration = Duration::from_secs(1);
    let (done, ended) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let begun = Instant::now();
            let mut closure = Closure { what, begun, ended };
            if closure.goes_on(AT_ONCE) {
                Display::stderr().follow(&mut closure);
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// A closure that another thread runs.
struct Closure<'w> {
    what: &'w str,
    begun: Instant,
    ended: Receiver<()>,
}

impl Work for Closure<'_> {
    fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    fn state(&self) -> String {
        self.what.to_owned()
    }

    fn goes_on(&mut self, at_most: Duration) -> bool {
        self.ended.recv_timeout(at_most) == Err(RecvTimeoutError::Timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::cell::{Cell, RefCell};
    use std::rc::Rc;

    /// Work that reports nothing until it ends. Only waiting advances its clock.
    struct Silent {
        clock: Rc<Cell<Duration>>,
        takes: Duration,
        /// The interval between news that do not change anything.
        noise: Option<Duration>,
    }

    impl Work for Silent {
        fn elapsed(&self) -> Duration {
            self.clock.get()
        }

        fn state(&self) -> String {
            "compiling".to_owned()
        }

        fn goes_on(&mut self, at_most: Duration) -> bool {
            let waited = self.noise.map_or(at_most, |noise| noise.min(at_most));
            // A wait of zero would never end.
            self.clock
                .set(self.clock.get() + waited.max(Duration::from_millis(1)));
            self.clock.get() < self.takes
        }
    }

    /// Records when something was written.
    struct Notes {
        clock: Rc<Cell<Duration>>,
        written: Rc<RefCell<Vec<(Duration, String)>>>,
    }

    impl Write for Notes {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let text = String::from_utf8_lossy(bytes).into_owned();
            self.written.borrow_mut().push((self.clock.get(), text));
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn shown(is_terminal: bool, takes: Duration, noise: Option<Duration>) -> Vec<(Duration, String)> {
        let clock = Rc::new(Cell::new(Duration::ZERO));
        let written = Rc::new(RefCell::new(Vec::new()));
        let notes = Notes {
            clock: Rc::clone(&clock),
            written: Rc::clone(&written),
        };
        let mut work = Silent { clock, takes, noise };
        Display::new(notes, is_terminal).follow(&mut work);
        written.take()
    }

    #[test]
    fn silent_work_is_never_silent_for_longer_than_promised() {
        let takes = Duration::from_secs(600);
        for is_terminal in [false, true] {
            for noise in [
                None,
                Some(Duration::from_millis(70)),
                Some(Duration::from_secs(2)),
            ] {
                let shown = shown(is_terminal, takes, noise);
                let times = shown.iter().map(|(at, _)| *at);
                let mut before = Duration::ZERO;
                for at in times.chain([takes]) {
                    assert!(at - before <= LONGEST_SILENCE, "{before:?} to {at:?}, {noise:?}");
                    before = at;
                }
                assert_eq!(shown[0].0, Duration::ZERO, "the first word comes at once");
            }
        }
    }

    #[test]
    fn news_do_not_flood_a_log() {
        let shown = shown(false, Duration::from_secs(60), Some(Duration::from_millis(10)));
        assert_eq!(shown.len(), 20);
    }

    #[test]
    fn a_log_gets_plain_lines_and_a_terminal_one_line_that_goes_away() {
        let log = shown(false, Duration::from_secs(1), None);
        assert_eq!(log[0].1, "   0 s  compiling\n");
        let terminal = shown(true, Duration::from_secs(1), None);
        assert_eq!(terminal[0].1, "\r\x1b[K   0 s  compiling\r");
        assert_eq!(terminal.last().unwrap().1, "\r\x1b[K");
    }

    #[test]
    fn a_long_state_is_cut_to_one_line() {
        let line = line(Duration::from_secs(7), &"é".repeat(200));
        assert_eq!(line.chars().count(), WIDTH);
        assert!(line.ends_with('…'));
    }
}
