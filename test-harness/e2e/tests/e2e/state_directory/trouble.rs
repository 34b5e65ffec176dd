//! Failures that begin while Traefik runs, and failures that exist when it starts and do not end.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use harness::gateway::Gateway;
use harness::idcs::Idcs;
use harness::load::{Load, get_with_bearer};

use super::{Tmpfs, assert_only_good_tokens, assert_serves, calls, entries, reload};
use crate::support::{Deadline, keep_instances, plugin_lines};

/// A way to lose the directory and to get it back.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Loss {
    /// It is deleted. A new directory with the same name is a different directory.
    Deleted,
    /// It is mounted read-only.
    ReadOnly,
    /// No more entries can be created.
    NoEntries,
}

#[test]
fn when_the_directory_is_lost_every_instance_goes_on_for_itself() {
    for loss in [Loss::Deleted, Loss::ReadOnly, Loss::NoEntries] {
        let Some(tmpfs) = Tmpfs::mount("size=1m,nr_inodes=200") else {
            return;
        };
        let folder = tmpfs.path().join("state");
        let idcs = Idcs::builder()
            .set(|switches| switches.default_ttl = TTL_SECONDS)
            .start();
        let mut gateway = Gateway::in_front_of(idcs)
            .state(&folder)
            .traefik(keep_instances)
            .start();
        let case = format!("{loss:?}");
        fill_instances(&gateway);
        let before = calls(&gateway.idcs);

        if loss.begin(&tmpfs, &folder).is_none() {
            continue;
        }
        // This is twice the lifetime of what is in memory. No request may fail, neither on an old instance nor on a new
        // one.
        let end = Deadline::after(Duration::from_secs(2 * u64::from(TTL_SECONDS)));
        while !end.has_passed() {
            let token = gateway.idcs.client_token().mint();
            let lost = Load::to(&gateway.traefik.url())
                .requests(64)
                .concurrency(8)
                .run(move |_| get_with_bearer("/echo", &token));
            assert!(
                lost.all_have_status(200),
                "{case}: {lost}\n{}",
                gateway.traefik.log()
            );
        }
        assert!(calls(&gateway.idcs).1 > before.1, "{case}: tokens were renewed");
        let log = gateway.traefik.log();
        assert!(
            plugin_lines(&log).any(|line| line.contains("code=state.failed") && line.contains(loss.named())),
            "{case}: {log}"
        );

        loss.end(&tmpfs, &folder);
        if loss == Loss::Deleted {
            assert_serves(&gateway, "Traefik still has the deleted one open");
            reload(&mut gateway);
        }
        let deadline = Deadline::after(Duration::from_secs(2 * u64::from(TTL_SECONDS)));
        let kept = || entries(&folder).iter().any(|(name, _)| is_token(name));
        while !kept() {
            assert_serves(&gateway, &format!("{case} is over"));
            deadline.pause(&format!("{case}: tokens are shared again"));
        }
        assert_only_good_tokens(&gateway, &case);
    }
}

/// Returns whether `name` is the name of a token and not of another entry that belongs to it.
fn is_token(name: &str) -> bool {
    name.starts_with("token-") && !name.contains('.')
}

impl Loss {
    fn begin(self, tmpfs: &Tmpfs, folder: &Path) -> Option<()> {
        match self {
            Self::Deleted => std::fs::remove_dir_all(folder).unwrap(),
            Self::ReadOnly => tmpfs.remount("ro")?,
            Self::NoEntries => {
                let spare = tmpfs.path().join("filler");
                std::fs::create_dir(&spare).unwrap();
                let made =
                    (0..1000).take_while(|number| File::create(spare.join(number.to_string())).is_ok());
                assert!(made.count() < 1000, "the file system has room for too many files");
            }
        }
        Some(())
    }

    fn end(self, tmpfs: &Tmpfs, folder: &Path) {
        match self {
            Self::Deleted => std::fs::create_dir(folder).unwrap(),
            Self::ReadOnly => tmpfs.remount("rw").unwrap(),
            Self::NoEntries => std::fs::remove_dir_all(tmpfs.path().join("filler")).unwrap(),
        }
    }

    /// Returns how the log describes the loss.
    fn named(self) -> &'static str {
        match self {
            Self::Deleted => "was removed",
            Self::ReadOnly => "cannot be written",
            Self::NoEntries => "is full",
        }
    }
}

#[test]
fn on_a_full_disk_every_instance_fetches_for_itself_until_there_is_room() {
    let Some(tmpfs) = Tmpfs::mount("size=64k") else {
        return;
    };
    let filler = tmpfs.path().join("filler");
    let full = File::create(&filler).unwrap().write_all(&[0; 100_000]);
    assert!(full.is_err(), "64 KiB take 100,000 bytes");
    let idcs = Idcs::builder().set(|switches| switches.default_ttl = 2).start();
    let gateway = Gateway::in_front_of(idcs).state(tmpfs.path()).start();
    assert_serves(&gateway, "full");
    let told = |log: &str| {
        plugin_lines(log).any(|line| line.contains("code=state.failed") && line.contains("is full"))
    };
    assert!(told(&gateway.traefik.log()), "{}", gateway.traefik.log());
    let kept = || entries(tmpfs.path()).iter().any(|(name, _)| is_token(name));
    assert!(!kept(), "{:?}", entries(tmpfs.path()));

    std::fs::remove_file(&filler).unwrap();
    let deadline = Deadline::after(Duration::from_secs(20));
    while !kept() {
        assert_serves(&gateway, "room again");
        deadline.pause("the next token is kept for all");
    }
    assert_only_good_tokens(&gateway, "full");
}

/// Fills many instances with keys and a token, so that a single client always reaches one of them.
fn fill_instances(gateway: &Gateway) {
    const INSTANCES: usize = 16;
    let token = gateway.idcs.client_token().mint();
    let report = Load::to(&gateway.traefik.url())
        .burst(INSTANCES)
        .run(move |_| get_with_bearer("/echo/slow?ms=500", &token));
    assert!(report.all_have_status(200), "{report}");
}

/// Long enough to lose the directory while the token is still valid.
const TTL_SECONDS: u32 = 4;
