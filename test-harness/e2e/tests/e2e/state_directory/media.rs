//! The file systems that the directory may be on.

use harness::gateway::Gateway;

use super::{Tmpfs, ask, assert_only_good_tokens, assert_serves, calls, reload};
use crate::support::plugin_lines;

#[test]
fn keys_and_tokens_outlast_a_restart_on_disk_and_in_memory() {
    let disk = tempfile::tempdir().unwrap();
    let tmpfs = Tmpfs::mount("size=1m");
    let memory = tmpfs.as_ref().map(Tmpfs::path);
    for folder in std::iter::once(disk.path()).chain(memory) {
        let case = folder.display().to_string();
        let mut gateway = Gateway::builder().state(folder).start();
        assert_serves(&gateway, &case);
        gateway.traefik.restart().unwrap();
        assert_serves(&gateway, &case);
        assert_eq!(calls(&gateway.idcs), (1, 1), "{case}");
        assert_only_good_tokens(&gateway, &case);
    }
}

#[test]
fn on_a_file_system_mounted_read_only_every_instance_fetches_for_itself() {
    let Some(tmpfs) = Tmpfs::mount("size=64k,ro") else {
        return;
    };
    let gateway = Gateway::builder().state(tmpfs.path()).start();
    assert_serves(&gateway, "read-only");
    assert_only_good_tokens(&gateway, "read-only");
    let log = gateway.traefik.log();
    for middleware in ["jwt@file", "oauth@file"] {
        let told = plugin_lines(&log).find(|line| {
            let parts = [middleware, "code=state.failed", "cannot be written"];
            parts.iter().all(|part| line.contains(part))
        });
        assert!(told.is_some(), "{middleware}: {log}");
    }
}

#[test]
fn a_mounted_folder_that_is_not_there_takes_the_router_away_until_it_is_made_and_traefik_reloads() {
    // Traefik causes this before any of our code runs. `abortOnPluginFailure` is enabled here and does not help.
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("state");
    let mut gateway = Gateway::builder().state(&folder).start();
    assert_serves(&gateway, "there");
    std::fs::remove_dir_all(&folder).unwrap();
    reload(&mut gateway);
    let lost = ask(&gateway);
    assert_eq!(lost.status, 404, "{}", lost.text());
    assert!(lost.text().starts_with("404 page not found"), "{}", lost.text());
    let log = gateway.traefik.log();
    assert!(
        log.lines()
            .any(|line| line.contains(r#""level":"error""#) && line.contains("unable to preopen directory")),
        "{log}"
    );
    std::fs::create_dir(&folder).unwrap();
    reload(&mut gateway);
    assert_serves(&gateway, "there again");
}
