//! Work that may take minutes the first time: shows on a terminal that something goes on.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Does `work`, and meanwhile counts the seconds on stderr if that is a terminal.
pub(super) fn during<T>(what: &str, work: impl FnOnce() -> T) -> T {
    if !stderr().is_terminal() {
        return work();
    }
    let (done, is_done) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let since = Instant::now();
            while is_done.recv_timeout(Duration::from_secs(1)) == Err(RecvTimeoutError::Timeout) {
                // Back to the line's start: whatever the work itself prints takes this one's place.
                eprint!("\r\x1b[K{what}: {} s\r", since.elapsed().as_secs());
                let _ = stderr().flush(); // only an ornament
            }
            eprint!("\r\x1b[K");
        });
        let result = work();
        drop(done);
        result
    })
}
