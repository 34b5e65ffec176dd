//! Checks that the documents match the code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use harness_build::tools::workspace_root;
use serde_json::Value;

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    // The folder for hosted services may be missing.
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && name != "target" && !name.starts_with('.') {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    found
}

fn sources(folder: &str) -> String {
    let paths = files(&workspace_root().join(folder), "rs");
    let texts = paths.iter().map(|path| fs::read_to_string(path).unwrap());
    texts.collect::<Vec<_>>().join("\n")
}

fn document(path: &str) -> String {
    fs::read_to_string(workspace_root().join(path)).unwrap()
}

/// Returns every text between `before` and the next `after`.
fn between<'t>(text: &'t str, before: &str, after: char) -> impl Iterator<Item = &'t str> {
    text.split(before)
        .skip(1)
        .filter_map(move |rest| rest.split(after).next())
}

/// Returns the pages of `docs/` with their paths in the workspace.
fn pages() -> Vec<(PathBuf, String)> {
    let paths = files(&workspace_root().join("docs"), "md");
    let pages = paths.into_iter().map(|path| {
        let text = fs::read_to_string(&path).unwrap();
        (path, text)
    });
    pages.collect()
}

/// A comment at the end of these pages, which readers do not see, lists the tests for each row of their tables.
#[test]
fn every_row_of_a_comparison_has_a_test_that_exists() {
    let code = sources(".");
    for (page, least) in [
        ("docs/hub-compatibility.md", 25),
        ("docs/oci-api-gateway.md", 19),
        ("docs/patterns.md", 15),
    ] {
        let text = document(page);
        let (text, list) = text
            .split_once("<!-- The tests behind the rows above.")
            .unwrap_or_else(|| panic!("{page} has no list of tests"));
        let mut rows = BTreeSet::new();
        for line in list.lines() {
            let Some((row, tests)) = line.split_once(" => ") else {
                continue;
            };
            for test in tests.split(", ") {
                assert!(
                    code.contains(&format!("fn {test}()")),
                    "{page}: test {test} does not exist"
                );
            }
            rows.insert(row);
        }
        assert!(rows.len() > least, "{page}: {}", rows.len());
        // These tables compare options and patterns. Other tables, such as "what to do", do not need a test.
        let tables = [
            "Hub's option",
            "OCI's field",
            "OCI's policy on a route",
            "pattern",
        ];
        let mut compares = false;
        for line in text.lines() {
            let Some(cell) = line.strip_prefix("| ").and_then(|line| line.split(" | ").next()) else {
                compares = false;
                continue;
            };
            if tables.contains(&cell) {
                compares = true;
            } else if compares && cell != "---" && !line.contains("see below") {
                assert!(rows.contains(cell), "{page}: the row {cell} lists no test");
            }
        }
    }
}

#[test]
fn every_page_says_for_whom_it_is() {
    for (path, text) in pages() {
        let first = text.split("\n\n").nth(1).unwrap_or_default();
        assert!(first.starts_with("For "), "{}: {first}", path.display());
    }
}

#[test]
fn every_reason_and_every_event_is_explained() {
    let page = document("docs/troubleshooting.md");
    let code = sources("plugins");
    let mut codes = BTreeSet::new();
    for level in ["debug", "info", "warn", "error"] {
        codes.extend(between(&code, &format!("Event::{level}(\""), '"'));
    }
    let problems = document("plugins/lib/middleware/src/problem.rs");
    let (_, reasons) = problems.split_once("pub const fn code").unwrap();
    let (reasons, _) = reasons.split_once("pub const fn status").unwrap();
    codes.extend(between(reasons, "=> \"", '"'));
    // Only unit tests use these two codes.
    for other in ["x", "token.refused"] {
        codes.remove(other);
    }
    assert!(codes.len() > 20, "{codes:?}");
    for code in codes {
        assert!(
            page.contains(&format!("`{code}`")),
            "docs/troubleshooting.md does not explain {code}"
        );
    }
}

/// What the release archive contains besides the plugins. Its documents may not link to anything else.
const SHIPPED: [&str; 5] = ["README.md", "CHANGELOG.md", "LICENSE", "docs", "examples"];

#[test]
fn every_link_leads_to_something_that_ships() {
    let root = workspace_root();
    let ships = |path: &Path| {
        let inside = path.strip_prefix(root).unwrap();
        SHIPPED.iter().any(|shipped| inside.starts_with(shipped))
    };
    let mut documents = files(root, "md");
    documents.extend(files(&root.join(".github"), "md"));
    for path in documents {
        let text = fs::read_to_string(&path).unwrap();
        for target in between(&text, "](", ')') {
            if target.contains("://") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let there = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            let Ok(there) = there.canonicalize() else {
                panic!("{}: the link {target} is broken", path.display());
            };
            assert!(
                ships(&there) || !ships(&path),
                "{}: {target} is not in the release archive",
                path.display()
            );
            if !anchor.is_empty() {
                let page = fs::read_to_string(&there).unwrap();
                assert!(
                    headings(&page).any(|heading| heading == anchor),
                    "{}: the heading of {target} does not exist",
                    path.display()
                );
            }
        }
    }
}

/// Returns the anchors of a page's headings, as GitHub generates them.
fn headings(page: &str) -> impl Iterator<Item = String> {
    let lines = page.lines().filter(|line| line.starts_with('#'));
    lines.map(|line| {
        let text = line.trim_start_matches('#').trim().to_lowercase();
        let kept = text
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    })
}

/// Checks that the diagram in docs/architecture.md shows which crate depends on which. Arrows that follow from other
/// arrows may be left out.
#[test]
fn the_drawing_of_the_crates_is_true() {
    let real = dependencies();
    let page = document("docs/architecture.md");
    let drawing = between(&page, "```mermaid", '`').next().unwrap();
    let mut drawn: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let names = |text: &str| {
        let names = text.split('&').map(|name| name.trim().to_owned());
        names.collect::<Vec<_>>()
    };
    for line in drawing.lines() {
        let Some((from, to)) = line.split_once(" --> ") else {
            continue;
        };
        for from in names(from) {
            drawn.entry(from).or_default().extend(names(to));
        }
    }
    let packages: BTreeSet<&String> = real.keys().collect();
    let boxes: BTreeSet<String> = drawing
        .lines()
        .filter_map(|line| line.strip_prefix("        "))
        .map(|line| line.trim().to_owned())
        .collect();
    // These are test doubles for unit tests. Crates depend on them only in their tests.
    let missing: Vec<&&String> = packages
        .iter()
        .filter(|name| ***name != "test-doubles" && !boxes.contains(**name))
        .collect();
    assert!(missing.is_empty(), "crates missing from the diagram: {missing:?}");
    for name in &boxes {
        assert!(
            real.contains_key(name),
            "{name} is in the diagram but does not exist"
        );
        let (in_fact, on_paper) = (reached(&real, name), reached(&drawn, name));
        assert_eq!(
            on_paper, in_fact,
            "dependencies of {name}: left the diagram, right the workspace"
        );
    }
}

/// Returns the workspace crates that each crate depends on. For crates below `test-harness`, this includes the
/// dependencies of their tests.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version=1", "--offline"])
        .current_dir(workspace_root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let names: BTreeSet<String> = packages.iter().map(|package| text(&package["name"])).collect();
    let dependencies = packages.iter().map(|package| {
        let tests_others = text(&package["manifest_path"]).contains("/test-harness/");
        let on = package["dependencies"].as_array().unwrap().iter();
        let on = on.filter(|it| tests_others || it["kind"] != "dev");
        let on = on.map(|it| text(&it["name"])).filter(|name| names.contains(name));
        (text(&package["name"]), on.collect())
    });
    dependencies.collect()
}

/// Returns everything that can be reached from `name`.
fn reached(graph: &BTreeMap<String, BTreeSet<String>>, name: &str) -> BTreeSet<String> {
    let (mut found, mut open) = (BTreeSet::new(), vec![name.to_owned()]);
    while let Some(next) = open.pop() {
        for on in graph.get(&next).into_iter().flatten() {
            if found.insert(on.clone()) {
                open.push(on.clone());
            }
        }
    }
    found
}
