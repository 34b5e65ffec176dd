//! The state directory fails in different ways. The gateway never crashes and never uses a wrong token. At worst it
//! becomes slower and logs a warning, or it refuses requests and says what to do.
//!
//! `configuration.rs` covers a directory that is not mounted or is mounted read-only.

mod media;
mod planted;
mod sharing;
mod trouble;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use harness::client::Response;
use harness::gateway::Gateway;
use harness::idcs::IdcsHandle;
use harness::oic::Verdict;

use crate::support::{Deadline, assert_served};

/// A separate tmpfs, which is unmounted when dropped.
pub(crate) struct Tmpfs {
    folder: tempfile::TempDir,
}

impl Tmpfs {
    /// Returns `None`, and prints why, if mounting is not permitted.
    pub(crate) fn mount(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = mount(&["-t", "tmpfs", "-o", options, "tmpfs"], folder.path());
        if !mounted.status.success() {
            println!(
                "SKIPPED: no tmpfs can be mounted here; run as root, or in `unshare --map-root-user --mount`: {}",
                String::from_utf8_lossy(&mounted.stderr)
            );
            return None;
        }
        Some(Self { folder })
    }

    /// Remounts it with other options. Returns `None` if that is not permitted.
    fn remount(&self, options: &str) -> Option<()> {
        let changed = mount(&["-o", &format!("remount,{options}")], self.path());
        let failed = String::from_utf8_lossy(&changed.stderr);
        if !changed.status.success() {
            println!("SKIPPED: the tmpfs cannot be remounted: {failed}");
        }
        changed.status.success().then_some(())
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn mount(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new("mount");
    command.args(arguments).arg(folder).output().unwrap()
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Unmount lazily, because a Traefik that is about to end may still use it.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

/// Sends a request as a client with a valid token.
fn ask(gateway: &Gateway) -> Response {
    gateway.get_as_client("/echo").send().unwrap()
}

fn assert_serves(gateway: &Gateway, case: &str) {
    let answer = ask(gateway);
    assert_served(&answer, &gateway.traefik, case);
}

/// Sends requests until one succeeds. Before that, the gateway may refuse them as in an outage of the identity
/// provider.
fn serves_within(gateway: &Gateway, time: Duration, case: &str) {
    let deadline = Deadline::after(time);
    loop {
        let answer = ask(gateway);
        if answer.status == 200 {
            return;
        }
        assert_unavailable(&answer, case);
        deadline.pause(&format!("{case}: {}", answer.text()));
    }
}

fn assert_unavailable(answer: &Response, case: &str) {
    assert_eq!(answer.status, 503, "{case}: {}", answer.text());
    let seconds: u64 = answer.header("retry-after").unwrap_or_default().parse().unwrap();
    assert!(seconds >= 1, "{case}");
}

/// Asserts that the backend saw only valid tokens.
fn assert_only_good_tokens(gateway: &Gateway, case: &str) {
    for token in gateway.oic.tokens_seen() {
        assert_eq!(token.verdict, Verdict::Accepted, "{case}: {token:?}");
    }
    assert_eq!(gateway.oic.expired_tokens_seen(), 0, "{case}");
}

/// Makes Traefik create every middleware again.
fn reload(gateway: &mut Gateway) {
    let dynamic = std::fs::read_to_string(gateway.traefik.dir().join("dynamic/dynamic.yml")).unwrap();
    gateway.traefik.write_dynamic(&dynamic).unwrap();
}

/// Returns how often keys and tokens have been fetched so far.
fn calls(idcs: &IdcsHandle) -> (usize, usize) {
    (idcs.jwks_calls(), idcs.token_calls())
}

/// Returns the entries of the directory: their names, and the targets of links.
fn entries(folder: &Path) -> Vec<(String, Option<PathBuf>)> {
    let listed = std::fs::read_dir(folder).into_iter().flatten().flatten();
    listed
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                entry.path().read_link().ok(),
            )
        })
        .collect()
}

fn empty(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        remove(&entry.path());
    }
}

/// Removes a file, link or directory.
fn remove(path: &Path) {
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_dir() => std::fs::remove_dir_all(path).unwrap(),
        Ok(_) => std::fs::remove_file(path).unwrap(),
        Err(_) => {}
    }
}
