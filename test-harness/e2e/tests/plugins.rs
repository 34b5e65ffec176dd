//! Checks that the list of plugins is complete, and that the built plugins have the layout that Traefik requires, run
//! in its runtime, and are reproducible.

use std::fs;
use std::process::Command;

use harness_build::guests::{self, Guest, Variant};
use harness_build::{operator_tool, tools};

/// Most things are derived from the list in the code. This test checks what is written by hand.
#[test]
fn every_plugin_is_in_the_list_and_has_a_schema_and_a_page() {
    let root = tools::workspace_root();
    let mut folders: Vec<String> = fs::read_dir(root.join("plugins"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|folder| folder.join(".traefik.yml").is_file())
        .map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    folders.sort_unstable();
    assert_eq!(folders, Guest::ALL.map(|guest| guest.folder));

    let options = fs::read_to_string(root.join("docs/options.md")).unwrap();
    let schemas = tempfile::tempdir().unwrap();
    let written = Command::new(operator_tool::program().unwrap())
        .args(["schema", "--out"])
        .arg(schemas.path())
        .status()
        .unwrap();
    assert!(written.success());
    for guest in Guest::ALL {
        let name = guest.name;
        assert!(
            options.contains(&format!("\n## `{name}`\n")),
            "docs/options.md does not describe {name}"
        );
        assert!(
            schemas.path().join(format!("{name}.schema.json")).is_file(),
            "the schema of {name} is missing"
        );
    }
}

#[test]
fn every_plugin_lies_where_traefik_looks_and_passes_the_check() {
    let artifacts = guests::artifacts().unwrap();
    assert_eq!(artifacts.plugins.len(), Guest::ALL.len());
    for (guest, report) in Guest::ALL.iter().zip(&artifacts.plugins) {
        let dir = guests::plugin_dir(&artifacts.root, guest.folder);
        let wasm = fs::read(dir.join("plugin.wasm")).unwrap();
        guests::check(&wasm, Some(guest.budget)).unwrap();
        assert_eq!(
            (report.size, &report.sha256),
            (wasm.len(), &guests::sha256(&wasm))
        );

        let manifest: serde_json::Value =
            serde_saphyr::from_str(&fs::read_to_string(dir.join(".traefik.yml")).unwrap()).unwrap();
        let module_name = guest.module_name();
        for (field, expected) in [
            ("type", "middleware"),
            ("runtime", "wasm"),
            ("wasmPath", "plugin.wasm"),
            ("import", module_name.as_str()),
        ] {
            assert_eq!(manifest[field], expected, "{field} of {}", guest.folder);
        }
        assert!(manifest["testData"].is_object());
    }
}

/// Uses the plugin with the most components: C code, TLS, and signatures.
#[test]
fn a_build_from_scratch_gives_the_same_bytes() {
    let jwt = guests::Program {
        package: "jwt",
        bin: "plugin-jwt",
    };
    let elsewhere = tempfile::tempdir().unwrap();
    let fresh = guests::compile(tools::workspace_root(), elsewhere.path(), &[jwt], Variant::Plain).unwrap();
    let lowered = guests::lower_and_check("jwt", &fs::read(&fresh[0]).unwrap(), false).unwrap();
    let usual = &guests::artifacts().unwrap().plugins;
    let usual = usual.iter().find(|plugin| plugin.folder == "jwt").unwrap();
    assert_eq!(guests::sha256(&lowered.wasm), usual.sha256);
}

/// A plugin that traps on request must never be released.
#[test]
fn only_plugins_built_for_it_trap_on_request() {
    let has_traps = |artifacts: &guests::Artifacts, guest: &Guest| {
        let wasm = fs::read(guests::plugin_dir(&artifacts.root, guest.folder).join("plugin.wasm")).unwrap();
        const MARKER: &[u8] = b"a test asked for this trap"; // of every panic in the crate `trap`
        wasm.windows(MARKER.len()).any(|part| part == MARKER)
    };
    let (plain, trapping) = (
        guests::artifacts().unwrap(),
        guests::trapping_artifacts().unwrap(),
    );
    for guest in &Guest::ALL {
        assert!(!has_traps(plain, guest), "{}", guest.folder);
    }
    for guest in &Guest::MAIN {
        assert!(has_traps(trapping, guest), "{}", guest.folder);
    }
}
