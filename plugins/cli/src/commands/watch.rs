//! `check --watch`: checks again whenever a file changes.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::interrupt;
use super::line::line;
use crate::check::check;
use crate::check::finding::Finding;
use crate::check::report::Counts;

const PERIOD: Duration = Duration::from_secs(1);
/// How often to look for Ctrl-C.
const STEP: Duration = Duration::from_millis(50);

/// Prints all findings once, and afterwards those that appear or disappear.
pub(super) fn run(files: &[PathBuf]) -> io::Result<()> {
    let interrupted = interrupt::flag()?;
    let (mut before, mut shown) = (None, BTreeSet::new());
    while !interrupted.load(Ordering::Relaxed) {
        let now = versions(files);
        if before.as_ref() != Some(&now) {
            let findings = check(files);
            let counts = Counts::of(&findings);
            let findings: BTreeSet<Finding> = findings.into_iter().collect();
            let time = humantime::format_rfc3339_seconds(SystemTime::now());
            anstream::println!("{time}  {counts}");
            for finding in findings.difference(&shown) {
                anstream::println!("{}", line(finding));
            }
            for finding in shown.difference(&findings) {
                anstream::println!("gone: {}", line(finding));
            }
            (before, shown) = (Some(now), findings);
        }
        let end = Instant::now() + PERIOD;
        while Instant::now() < end && !interrupted.load(Ordering::Relaxed) {
            thread::sleep(STEP);
        }
    }
    Ok(())
}

/// Returns what reveals a change of each file: its time and size. `None` if the file cannot be read.
fn versions(files: &[PathBuf]) -> Vec<Option<(SystemTime, u64)>> {
    let version = |file: &Path| {
        let metadata = file.metadata().ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    };
    files.iter().map(|file| version(file)).collect()
}
