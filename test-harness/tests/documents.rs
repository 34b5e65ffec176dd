//! The documents and the code say the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use test_harness::tools::workspace_root;

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
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

/// What stands between `before` and `after`, wherever that is.
fn between<'t>(text: &'t str, before: &str, after: char) -> impl Iterator<Item = &'t str> {
    text.split(before)
        .skip(1)
        .filter_map(move |rest| rest.split(after).next())
}

#[test]
fn every_test_that_the_tables_name_exists() {
    let code = sources(".");
    for (page, least) in [
        ("docs/hub-compatibility.md", 25),
        ("docs/oci-api-gateway.md", 20),
        ("docs/patterns.md", 15),
    ] {
        check_table(&document(page), &code, least);
    }
}

/// Every test that is named exists, at least so many are, and every row names one.
fn check_table(table: &str, code: &str, least: usize) {
    let is_test = |name: &&str| {
        name.matches('_').count() >= 2 && name.bytes().all(|b| b == b'_' || b.is_ascii_lowercase())
    };
    let mut named = 0;
    for name in table.split('`').filter(is_test) {
        assert!(code.contains(&format!("fn {name}()")), "there is no test {name}");
        named += 1;
    }
    assert!(named > least, "{named}");
    let is_row = |line: &&str| line.starts_with("| ") && !line.starts_with("| ---");
    for row in table.lines().filter(is_row) {
        let tested = row.split('|').nth(3).unwrap_or_default().trim();
        let elsewhere = row.contains("see below");
        assert!(!tested.is_empty() || elsewhere, "an open row: {row}");
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
    // Unit tests use these two.
    for other in ["x", "token.refused"] {
        codes.remove(other);
    }
    assert!(codes.len() > 20, "{codes:?}");
    for code in codes {
        assert!(
            page.contains(&format!("`{code}`")),
            "docs/troubleshooting.md lacks {code}"
        );
    }
}

#[test]
fn every_link_leads_to_a_file() {
    for path in files(workspace_root(), "md") {
        let text = fs::read_to_string(&path).unwrap();
        for target in between(&text, "](", ')') {
            let file = target.split('#').next().unwrap();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            let there = path.parent().unwrap().join(file);
            assert!(there.exists(), "{}: {target} leads nowhere", path.display());
        }
    }
}
