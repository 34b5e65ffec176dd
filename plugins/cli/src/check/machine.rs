//! Checks files and directories that the configuration names: mounts of plugins and `file:` references. A missing one
//! is only a note, because the check may run on another machine than Traefik.

use std::path::Path;

use super::document::Node;
use super::files::{Document, Source};
use super::finding::{Finding, Severity, finding};
use super::model::Model;
use super::place::Place;
use super::plugins::registrations;
use super::target::Target;

pub(super) fn check(documents: &[Document], model: &Model<'_>, findings: &mut Vec<Finding>) {
    for document in documents.iter().filter(|it| it.source == Source::Static) {
        mounts(document, findings);
    }
    for (_, used) in model.ours() {
        for (_, place, target) in used.references() {
            if let Target::File(path) = target
                && path.starts_with('/')
                && !Path::new(path).exists()
            {
                let message = format!(
                    "{path} does not exist on this machine; if Traefik runs here, the plugin refuses requests"
                );
                findings.push(used.finding(place, Severity::Note, message));
            }
        }
    }
}

/// Reports all mounts of a file that do not exist here, at the first one.
fn mounts(document: &Document, findings: &mut Vec<Finding>) {
    let mut missing: Vec<(&str, Place)> = Vec::new();
    let registered = registrations(&document.node);
    let mounts = registered.filter_map(|(_, _, plugin)| plugin.at(&["settings", "mounts"]));
    for mount in mounts.flat_map(Node::items) {
        let text = mount.text().unwrap_or_default();
        let folder = text.split(':').next().unwrap_or_default();
        let is_known = missing.iter().any(|(known, _)| *known == folder);
        if !folder.is_empty() && !is_known && !exists(folder, document.chart_mounts.as_deref()) {
            missing.push((folder, mount.place));
        }
    }
    let Some((_, place)) = missing.first() else {
        return;
    };
    let folders: Vec<&str> = missing.iter().map(|(folder, _)| *folder).collect();
    let (does, it) = match folders.len() {
        1 => ("does", "it"),
        _ => ("do", "them"),
    };
    let message = format!(
        "{} {does} not exist on this machine: where Traefik runs, create {it} before Traefik starts, or it drops the \
         routers of the plugins",
        folders.join(", ")
    );
    findings.push(finding(&document.file, *place, Severity::Note, message));
}

/// Returns whether the directory exists here, or in the container that the chart creates.
fn exists(folder: &str, chart_mounts: Option<&[String]>) -> bool {
    let mut mounted = chart_mounts.into_iter().flatten();
    mounted.any(|mount| Path::new(folder).starts_with(mount)) || Path::new(folder).is_dir()
}
