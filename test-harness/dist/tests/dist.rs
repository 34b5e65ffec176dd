//! A release is reproducible, complete, and all that a Traefik needs.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use harness::gateway::Gateway;
use harness_build::guests::{Guest, sha256};
use harness_build::operator_tool;
use zip::ZipArchive;

fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().flatten();
    entries
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect()
}

fn names(archive: &Path) -> Vec<String> {
    let archive = ZipArchive::new(File::open(archive).unwrap()).unwrap();
    archive
        .file_names()
        .map(|name| name.unwrap().into_owned())
        .collect()
}

#[test]
fn a_release_is_reproducible_and_its_sums_are_right() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let made = dist::make(one.path()).unwrap();
    assert_eq!(made, dist::make(other.path()).unwrap());
    let written = files(one.path());
    assert_eq!(written, files(other.path()));

    let version = env!("CARGO_PKG_VERSION");
    let sums = String::from_utf8(written["SHA256SUMS"].clone()).unwrap();
    let mut listed = 0;
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").unwrap();
        assert_eq!(sha256(&written[name]), sum, "{name}");
        listed += 1;
    }
    assert_eq!(listed, written.len() - 1, "all but the list itself");
    for plugin in Guest::ALL.map(|guest| guest.folder) {
        let archive = one.path().join(format!("oic-gateway-{plugin}-{version}.zip"));
        assert_eq!(names(&archive), [".traefik.yml", "plugin.wasm"], "{plugin}");
    }
}

#[test]
fn the_archive_is_all_that_a_traefik_needs() {
    let folder = tempfile::tempdir().unwrap();
    dist::make(folder.path()).unwrap();
    let archive = folder
        .path()
        .join(format!("oic-gateway-{}.zip", env!("CARGO_PKG_VERSION")));
    let names = names(&archive);
    for needed in [
        "README.md",
        "LICENSE",
        "docs/options.md",
        "docs/troubleshooting.md",
        "examples/oic-gateway-file/traefik.yml",
        "examples/oic-gateway-kubernetes/manifests/jwt.yml",
        "plugins-local/src/oic-gateway/jwt/plugin.wasm",
        "schemas/kubernetes-middleware.schema.json",
        "share/man/man1/oic-gateway-check.1",
        "share/bash-completion/completions/oic-gateway",
    ] {
        assert!(names.iter().any(|name| name == needed), "{needed} is missing");
    }
    let unpacked = folder.path().join("unpacked");
    let mut zip = ZipArchive::new(File::open(&archive).unwrap()).unwrap();
    zip.extract(&unpacked).unwrap();
    for processor in operator_tool::PROCESSORS {
        assert_static(&unpacked.join(format!("bin/linux-{processor}/oic-gateway")));
    }
    check_an_example(&unpacked);
    let gateway = Gateway::builder()
        .traefik(move |traefik| traefik.plugins_from(unpacked))
        .start();
    assert_eq!(gateway.get_as_client("/echo").send().unwrap().status, 200);
    assert_eq!(gateway.get("/echo").send().unwrap().status, 401);
}

/// Checks that the program does not ask for an interpreter, so that it does not need the machine's C library.
fn assert_static(program: &Path) {
    const PT_INTERP: u32 = 3;
    let bytes = fs::read(program).unwrap();
    assert_eq!(bytes[..6], *b"\x7fELF\x02\x01", "64 bits, little endian");
    let number = |at: usize, size: usize| {
        let bytes = bytes[at..at + size].iter().rev();
        bytes.fold(0, |number, byte| number << 8 | usize::from(*byte))
    };
    let (offset, size, count) = (number(32, 8), number(54, 2), number(56, 2));
    assert!(count > 0);
    for index in 0..count {
        assert_ne!(
            number(offset + index * size, 4),
            PT_INTERP as usize,
            "{}",
            program.display()
        );
    }
}

/// Runs the tool for this machine's processor on an example. It finds a placeholder and no errors.
fn check_an_example(unpacked: &Path) {
    let program = unpacked.join(format!("bin/linux-{}/oic-gateway", std::env::consts::ARCH));
    let example = unpacked.join("examples/oic-gateway-file");
    let output = Command::new(&program)
        .arg("check")
        .args(["traefik.yml", "dynamic.yml"].map(|file| example.join(file)))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("YOUR_DOMAIN looks like a placeholder"), "{said}");
}
