//! The resource usage of a process so far, read from /proc.

use std::fs;
use std::io;
use std::time::Duration;

/// A process, given by its ID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process(pub u32);

impl Process {
    /// Returns the processor time of all threads, in user and kernel mode, since the process started. The resolution is
    /// that of `/proc/PID/stat`, usually 10 ms.
    pub fn cpu_time(self) -> io::Result<Duration> {
        let stat = fs::read_to_string(self.path("stat"))?;
        let ticks =
            ticks(&stat).ok_or_else(|| io::Error::other("/proc/PID/stat does not read as expected"))?;
        Ok(Duration::from_secs_f64(
            ticks as f64 / rustix::param::clock_ticks_per_second() as f64,
        ))
    }

    /// Returns the resident memory in KiB.
    pub fn rss_kib(self) -> io::Result<u64> {
        self.status_kib("VmRSS:")
    }

    /// Returns the peak resident memory since the process started, in KiB.
    pub fn peak_rss_kib(self) -> io::Result<u64> {
        self.status_kib("VmHWM:")
    }

    /// Returns the number of open file descriptors, including sockets.
    pub fn open_fds(self) -> io::Result<usize> {
        Ok(fs::read_dir(self.path("fd"))?.count())
    }

    /// Returns the text of `/proc/PID/maps`.
    pub fn maps(self) -> io::Result<String> {
        fs::read_to_string(self.path("maps"))
    }

    fn status_kib(self, field: &str) -> io::Result<u64> {
        let status = fs::read_to_string(self.path("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok())
            .ok_or_else(|| io::Error::other("the process has ended"))
    }

    fn path(self, file: &str) -> String {
        format!("/proc/{}/{file}", self.0)
    }
}

/// Returns the sum of `utime` and `stime`, which are fields 14 and 15 of `stat` in proc(5).
fn ticks(stat: &str) -> Option<u64> {
    // The second field is the name of the program in parentheses. It may contain any character.
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;
    use std::time::Instant;

    #[test]
    fn both_kinds_of_time_count_whatever_the_program_is_called() {
        let stat = "12 (a) b) R 1 2 3 4 5 6 7 8 9 10 700 42 0 0 20 0";
        assert_eq!(ticks(stat), Some(742));
        assert_eq!(ticks("12 (a) R 1"), None);
    }

    #[test]
    fn work_shows_as_processor_time_and_memory_as_memory() {
        let this = Process(std::process::id());
        let before = this.cpu_time().unwrap();
        let started = Instant::now();
        let mut sum = 0_u64;
        while this.cpu_time().unwrap() == before {
            sum = (0..1000).fold(sum, |sum, number| black_box(sum ^ number));
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "the processor time does not grow"
            );
        }
        assert!(this.rss_kib().unwrap() > 100);
    }
}
