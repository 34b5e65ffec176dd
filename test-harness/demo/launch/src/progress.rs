//! Progress that never falls silent, however long the work does.

use std::io::{IsTerminal as _, Write, stderr};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// The promise: no stretch without a sign of life is longer than this.
pub const LONGEST_SILENCE: Duration = Duration::from_secs(5);

/// A log gets a line so often; the rest of [`LONGEST_SILENCE`] is for a busy machine.
const LINE_EVERY: Duration = Duration::from_secs(3);

/// A terminal's one line is drawn anew so often.
const REDRAW_EVERY: Duration = Duration::from_millis(250);

/// No line is longer, so that a terminal can take it back. Few are narrower.
const WIDTH: usize = 79;

/// What a line has for the state, beside the seconds.
pub(crate) const ROOM: usize = WIDTH - 10;

/// Work that goes on elsewhere, with its clock.
pub trait Work {
    /// How long it has been going on.
    fn elapsed(&self) -> Duration;

    /// What is being done, in a few words.
    fn state(&self) -> String;

    /// Waits for news, no longer than `at_most`; `false` when the work has ended.
    fn goes_on(&mut self, at_most: Duration) -> bool;
}

/// Where progress is shown.
pub struct Display<W> {
    out: W,
    is_terminal: bool,
}

impl Display<std::io::Stderr> {
    /// Stderr: one line that is redrawn on a terminal, a line every few seconds elsewhere.
    pub fn stderr() -> Self {
        Self::new(stderr(), stderr().is_terminal())
    }
}

impl<W: Write> Display<W> {
    /// Shows progress on `out`.
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
            // Back to the line's start: whatever is printed next takes this line's place.
            self.write(&format!("\r\x1b[K{line}\r"));
        } else {
            self.write(&format!("{line}\n"));
        }
    }

    /// A display that is gone is no reason to stop the work.
    fn write(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes());
        let _ = self.out.flush();
    }
}

/// `  12 s  compiling`
fn line(elapsed: Duration, state: &str) -> String {
    cut(&format!("{:>4} s  {state}", elapsed.as_secs()), WIDTH)
}

/// The text, with its end left out where it is longer than `width`.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Does `work`, and meanwhile shows on stderr that it goes on. Work that is done at once is not shown.
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

    /// Work that says nothing until it ends, by a clock that only waiting moves.
    struct Silent {
        clock: Rc<Cell<Duration>>,
        takes: Duration,
        /// News that do not change anything come so often.
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
            // A wait of no length would never end.
            self.clock
                .set(self.clock.get() + waited.max(Duration::from_millis(1)));
            self.clock.get() < self.takes
        }
    }

    /// Notes when something was written.
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
