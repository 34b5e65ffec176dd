//! Checks the installation files as far as possible on a machine without a cluster or a container runtime.

use std::fs;
use std::process::Command;

use harness_build::tools::{TRAEFIK_VERSION, workspace_root};
use serde_json::Value;

fn example(path: &str) -> String {
    let path = workspace_root().join("examples").join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&example(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the directory that the file example mounts into the plugins.
fn state_directory() -> String {
    let traefik = yaml("oic-gateway-file/traefik.yml");
    let jwt = &traefik["experimental"]["localPlugins"]["jwt"];
    jwt["settings"]["mounts"][0].as_str().unwrap().to_owned()
}

#[test]
fn the_systemd_unit_is_one_and_makes_the_state_directory() {
    let unit = example("systemd/traefik-oic.service");
    let name = state_directory().strip_prefix("/var/lib/").unwrap().to_owned();
    assert!(unit.contains(&format!("\nStateDirectory={name}\n")), "{name}");
    assert!(unit.contains("\nStateDirectoryMode=0700\n"));
    // systemd requires that the program exists.
    let unit = unit.replace("/usr/local/bin/traefik ", "/bin/true ");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traefik-oic.service");
    fs::write(&file, unit).unwrap();
    let output = match Command::new("systemd-analyze").arg("verify").arg(&file).output() {
        Ok(output) => output,
        Err(error) => {
            eprintln!("SKIPPED: systemd-analyze does not run here ({error})");
            return;
        }
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let about_it: Vec<&str> = said.lines().filter(|line| line.contains("traefik-oic")).collect();
    assert!(about_it.is_empty(), "{about_it:#?}");
}

#[test]
fn the_containers_have_the_tested_traefik_and_what_the_plugins_need() {
    let tag = format!("traefik:v{TRAEFIK_VERSION}");
    let compose = yaml("docker-compose/compose.yml");
    let traefik = &compose["services"]["traefik"];
    assert_eq!(traefik["image"], tag.as_str());
    let state = format!("{}:", state_directory());
    let in_memory = traefik["tmpfs"][0].as_str().unwrap();
    assert!(
        in_memory.starts_with(&state) && in_memory.contains("mode=0700"),
        "{in_memory}"
    );
    let user = traefik["user"].as_str().unwrap();
    let (uid, gid) = user.split_once(':').unwrap();
    assert!(
        in_memory.contains(&format!("uid={uid},gid={gid}")),
        "{in_memory} does not belong to {user}"
    );
    let mounted = |inside: &str| {
        let volumes = traefik["volumes"].as_array().unwrap();
        volumes
            .iter()
            .filter_map(Value::as_str)
            .any(|it| it.ends_with(&format!(":{inside}:ro")))
    };
    assert!(mounted("/plugins-local") && mounted("/etc/traefik/traefik.yml") && mounted("/dynamic.yml"));
    let dynamic = example("oic-gateway-file/dynamic.yml");
    for name in traefik["environment"]
        .as_object()
        .unwrap()
        .keys()
        .filter(|name| name.starts_with("OIC_"))
    {
        assert!(dynamic.contains(&format!("env:{name}")), "{name} is not used");
        // The file contains no secret. The value comes from the environment, and without it the container does not
        // start.
        assert_eq!(traefik["environment"][name], format!("${{{name}:?}}"));
    }
    let dockerfile = example("oic-gateway-kubernetes/Dockerfile");
    assert!(dockerfile.contains(&format!("FROM {tag}\n")));
    // The tag contains the versions of Traefik and of the plugins, so that a rollback finds the old image.
    let tag = format!("v{TRAEFIK_VERSION}-oic{}", env!("CARGO_PKG_VERSION"));
    for values in ["values.yml", "production/values.yml"] {
        let values = yaml(&format!("oic-gateway-kubernetes/{values}"));
        assert_eq!(values["image"]["tag"], tag);
        assert_eq!(values["versionOverride"], format!("v{TRAEFIK_VERSION}"));
    }
}

#[test]
fn the_charts_values_hold_no_secret() {
    for values in ["values.yml", "production/values.yml"] {
        let values = example(&format!("oic-gateway-kubernetes/{values}")).to_lowercase();
        for word in ["secret:", "password", "clientsecret", "token:"] {
            assert!(!values.contains(word), "{word}");
        }
    }
}

#[test]
fn every_example_says_how_its_mounted_directories_are_made_and_none_is_lost_at_a_reboot() {
    let examples = workspace_root().join("examples");
    let mut seen = 0;
    for entry in fs::read_dir(&examples).unwrap() {
        let folder = entry.unwrap().file_name().into_string().unwrap();
        if !examples.join(&folder).join("traefik.yml").exists() {
            continue;
        }
        let readme = example(&format!("{folder}/README.md"));
        let settings = yaml(&format!("{folder}/traefik.yml"));
        for plugin in settings["experimental"]["localPlugins"]
            .as_object()
            .unwrap()
            .values()
        {
            let mounts = plugin["settings"]["mounts"].as_array();
            for mount in mounts.into_iter().flatten().filter_map(Value::as_str) {
                let directory = mount.split(':').next().unwrap();
                let makes_it = readme
                    .lines()
                    .any(|line| line.contains("install -d") && line.contains(directory));
                let as_elsewhere = directory == state_directory() && readme.contains("(../oic-gateway-file");
                assert!(makes_it || as_elsewhere, "{folder}: nothing creates {directory}");
                // A directory in memory is empty after a reboot, and Traefik drops a router whose directory is missing.
                for memory in ["/run/", "/tmp/", "/var/run/", "/dev/shm/"] {
                    assert!(!directory.starts_with(memory), "{folder}: {directory}");
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 15, "{seen}");
}
