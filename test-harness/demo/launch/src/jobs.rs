//! Builds that run side by side, each in its own process.

use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

use crate::output::Output;
use crate::progress::{ROOM, Work, cut};

/// Jobs that have been started. Dropping this ends those that still run.
pub struct Jobs {
    jobs: Vec<Job>,
    news: Receiver<News>,
    teller: Sender<News>,
    begun: Instant,
}

struct Job {
    name: &'static str,
    child: Child,
    output: Output,
    ended: Option<ExitStatus>,
}

struct News {
    job: usize,
    what: What,
}

enum What {
    Printed(String),
    Ended,
}

/// A job that failed.
#[derive(Debug)]
pub struct Failed {
    /// Its name.
    pub name: &'static str,
    /// Its exit status.
    pub status: String,
    /// The end of what it printed.
    pub output: String,
}

impl std::fmt::Display for Failed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{}\n{} failed ({})",
            self.output, self.name, self.status
        )
    }
}

impl std::error::Error for Failed {}

impl Default for Jobs {
    fn default() -> Self {
        Self::new(Instant::now())
    }
}

impl Jobs {
    /// Creates a list without jobs. The time shown counts from `begun`.
    pub fn new(begun: Instant) -> Self {
        let (teller, news) = channel();
        Self {
            jobs: Vec::new(),
            news,
            teller,
            begun,
        }
    }

    /// Starts another job. Its stderr is read, not shown.
    pub fn start(&mut self, name: &'static str, command: &mut Command) -> io::Result<()> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let (job, teller) = (self.jobs.len(), self.teller.clone());
        if let Some(stderr) = child.stderr.take() {
            std::thread::spawn(move || tell(stderr, job, &teller));
        }
        self.jobs.push(Job {
            name,
            child,
            output: Output::default(),
            ended: None,
        });
        Ok(())
    }

    /// Returns the first job that failed.
    pub fn failed(&self) -> Option<Failed> {
        const LINES: usize = 60;
        let failed = |job: &&Job| job.ended.is_some_and(|status| !status.success());
        self.jobs.iter().find(failed).map(|job| Failed {
            name: job.name,
            status: job.ended.map(|status| status.to_string()).unwrap_or_default(),
            output: job.output.last_lines(LINES),
        })
    }

    fn take(&mut self, news: News) {
        let Some(job) = self.jobs.get_mut(news.job) else {
            return;
        };
        match news.what {
            What::Printed(text) => job.output.read(&text),
            // Its stderr is closed, so the job has ended or is about to end.
            What::Ended => job.ended = job.child.wait().ok(),
        }
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        for job in self.jobs.iter_mut().filter(|job| job.ended.is_none()) {
            let _ = job.child.kill(); // it may have ended on its own
            let _ = job.child.wait();
        }
    }
}

impl Work for Jobs {
    fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    fn state(&self) -> String {
        let running: Vec<&Job> = self.jobs.iter().filter(|job| job.ended.is_none()).collect();
        let share = ROOM / running.len().max(1);
        let states: Vec<String> = running
            .iter()
            .map(|job| cut(&format!("{} {}", job.name, job.output.state()), share))
            .collect();
        states.join("  ")
    }

    /// Returns false when all jobs have ended or one has failed.
    fn goes_on(&mut self, at_most: Duration) -> bool {
        match self.news.recv_timeout(at_most) {
            Ok(news) => self.take(news),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        self.failed().is_none() && self.jobs.iter().any(|job| job.ended.is_none())
    }
}

/// Reports what a job prints, and that it has ended.
fn tell(mut stderr: impl Read, job: usize, teller: &Sender<News>) {
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = stderr.read(&mut piece) {
        let text = String::from_utf8_lossy(piece.get(..read).unwrap_or_default()).into_owned();
        if teller
            .send(News {
                job,
                what: What::Printed(text),
            })
            .is_err()
        {
            return;
        }
    }
    let _ = teller.send(News {
        job,
        what: What::Ended,
    }); // fails if nobody listens any more
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn to_the_end(jobs: &mut Jobs) {
        while jobs.goes_on(Duration::from_secs(1)) {}
    }

    #[test]
    fn jobs_run_to_their_end_side_by_side() {
        let mut jobs = Jobs::default();
        let folder = std::env::temp_dir().join(format!("launch-jobs-{}", std::process::id()));
        // Each job waits for a file that the other one makes.
        let script = |own: &str, other: &str| {
            let folder = folder.display();
            format!(
                "mkdir -p {folder} && touch {folder}/{own} && until [ -e {folder}/{other} ]; do sleep 0.01; done"
            )
        };
        jobs.start("one", &mut shell(&script("1", "2"))).unwrap();
        jobs.start("two", &mut shell(&script("2", "1"))).unwrap();
        to_the_end(&mut jobs);
        assert!(jobs.failed().is_none(), "{:?}", jobs.failed());
        assert_eq!(jobs.state(), "");
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_failure_ends_the_work_and_says_what_was_printed() {
        let mut jobs = Jobs::default();
        jobs.start("long", &mut shell("exec sleep 1000")).unwrap();
        jobs.start("bad", &mut shell("echo 'error[E0425]: nothing' >&2; exit 101"))
            .unwrap();
        to_the_end(&mut jobs);
        let failed = jobs.failed().unwrap();
        assert_eq!((failed.name, &*failed.output), ("bad", "error[E0425]: nothing"));
        assert!(failed.to_string().contains("101"), "{failed}");
        assert!(jobs.state().starts_with("long "), "{}", jobs.state());
    }
}
