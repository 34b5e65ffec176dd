//! Runs the demo as its users do.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use harness_build::guests::{self, Guest, Variant};

/// The sizes of the plugins in the demo's first lines, by name.
fn sizes_shown(screen: &str) -> BTreeMap<String, usize> {
    let line = screen
        .lines()
        .find_map(|line| line.trim().strip_prefix("plugins "));
    let line = line.unwrap_or_else(|| panic!("no sizes in {screen}"));
    let words: Vec<&str> = line.split_whitespace().collect();
    let sizes = words
        .windows(3)
        .filter(|words| words[2].trim_end_matches(',') == "KiB");
    sizes
        .map(|words| (words[0].to_owned(), words[1].parse().unwrap()))
        .collect()
}

#[test]
fn it_ends_well_and_gives_each_plugin_the_size_of_its_own_file() {
    let output = Command::new(env!("CARGO_BIN_EXE_demo")).output().unwrap();
    let screen = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{screen}\n{errors}");
    assert!(screen.contains("What you saw"), "{screen}");

    let root = demo::plugins().unwrap().root;
    let of_files: BTreeMap<String, usize> = demo::SHOWN
        .iter()
        .map(|guest| {
            let file = guests::plugin_dir(&root, guest.folder).join("plugin.wasm");
            let bytes = fs::metadata(&file).unwrap().len() as usize;
            (guest.name.to_owned(), bytes.div_ceil(1024))
        })
        .collect();
    let different: std::collections::BTreeSet<usize> = of_files.values().copied().collect();
    assert_eq!(different.len(), 3, "sizes that are alike would hide a mix-up");
    assert_eq!(sizes_shown(&screen), of_files);
}

/// A plugin that is built without the others has the same bytes, so the demo shows what is released.
#[test]
fn the_plugins_shown_are_those_that_are_handed_out() {
    let folder = tempfile::tempdir().unwrap();
    let all = guests::build(folder.path(), Variant::Plain).unwrap();
    let shown = demo::plugins().unwrap();
    for guest in &demo::SHOWN {
        assert_eq!(shown.report(guest), all.report(guest), "{}", guest.folder);
    }
    assert_eq!(shown.report(&Guest::GATEWAY), None);
}

#[test]
fn the_launcher_compiles_what_the_demo_shows() {
    assert_eq!(demo::SHOWN.map(|guest| guest.folder), launch::PLUGINS);
}

#[test]
fn an_unknown_option_is_refused_by_name() {
    let output = Command::new(env!("CARGO_BIN_EXE_demo"))
        .arg("--serv")
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("--serv is not an option"));
}
