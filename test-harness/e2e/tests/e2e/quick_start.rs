//! Runs the commands of docs/quick-start.md in a shell, without changes.

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use harness_build::guests;
use harness_build::tools::{self, workspace_root};

/// Returns the commands of the page in order, without those that need a release archive.
fn commands() -> String {
    let page = fs::read_to_string(workspace_root().join("docs/quick-start.md")).unwrap();
    let (mut commands, mut rest) = (String::new(), &*page);
    while let Some((before, after)) = rest.split_once("```sh\n") {
        let (block, after) = after.split_once("```").unwrap();
        if !before.trim_end().ends_with("needs the release archive -->") {
            commands += block;
        }
        rest = after;
    }
    commands
}

fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port().to_string()
}

#[test]
fn the_quick_start_does_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let plugins = guests::artifacts().unwrap().root.join("plugins-local");
    std::os::unix::fs::symlink(plugins, folder.path().join("plugins-local")).unwrap();
    let traefik = tools::traefik().unwrap();
    let path = format!(
        "{}:{}",
        traefik.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let (gateway, backend) = (free_port(), free_port());
    // A reader waits five seconds. The test may wait longer.
    let ready = "for _ in $(seq 150); do \
                 [ \"$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:8080/echo)\" = 401 ] && break; sleep 0.2; done";
    let commands = commands();
    assert!(commands.contains("\nsleep 5\n"));
    let commands = commands
        .replace("\nsleep 5\n", &format!("\n{ready}\n"))
        .replace("8080", &gateway)
        .replace("8081", &backend);
    let script = format!("trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{commands}");
    let output = Command::new("bash")
        .args(["-euc", &script])
        .current_dir(folder.path())
        .env("PATH", path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let log = fs::read_to_string(folder.path().join("traefik.log")).unwrap_or_default();
    for expected in [
        "\"reason\":\"missing_token\"",
        "\"reason\":\"invalid_token\"",
        "called /ic/api/integration/v2/flows/rest/project/DEMO/ECHO/1.0/hello without a token",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}\n{log}");
    }
    assert!(
        output.status.success(),
        "{}\n{log}",
        String::from_utf8_lossy(&output.stderr)
    );
}
