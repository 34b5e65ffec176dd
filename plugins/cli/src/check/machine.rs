//! Checks files and directories that the configuration names: mounts of plugins and `file:` references. A missing one
//! is only a note, because the check may run on another machine than Traefik.

use std::collections::BTreeSet;
use std::path::Path;

use super::document::Node;
use super::files::{Document, Source};
use super::finding::{Finding, Severity, finding};
use super::model::{Kind, Model};
use super::plugins::registrations;

pub(super) fn check(documents: &[Document], model: &Model<'_>, findings: &mut Vec<Finding>) {
    for document in documents.iter().filter(|it| it.source == Source::Static) {
        mounts(document, findings);
    }
    for definition in model.middlewares.values() {
        let Kind::Plugin { name, options, .. } = definition.kind else {
            continue;
        };
        if model.plugins.ours(name).is_none() {
            continue;
        }
        options.each_text("", &mut |option, text, place| {
            let path = text
                .strip_prefix("file:")
                .or((option == "jwksFile").then_some(text));
            let Some(path) = path.map(Path::new).filter(|path| path.is_absolute()) else {
                return;
            };
            if !path.exists() {
                let message = format!(
                    "{} does not exist on this machine; if Traefik runs here, the plugin refuses requests",
                    path.display()
                );
                findings.push(finding(definition.file, place, Severity::Note, message));
            }
        });
    }
}

fn mounts(document: &Document, findings: &mut Vec<Finding>) {
    let mut seen = BTreeSet::new();
    for (_, _, plugin) in registrations(&document.node) {
        for mount in plugin
            .at(&["settings", "mounts"])
            .into_iter()
            .flat_map(Node::items)
        {
            let text = mount.text().unwrap_or_default();
            let folder = text.split(':').next().unwrap_or_default();
            if folder.is_empty() || Path::new(folder).is_dir() || !seen.insert(folder) {
                continue;
            }
            let message = format!(
                "the directory {folder} does not exist on this machine. Where Traefik runs, create it before Traefik starts: \
                 otherwise Traefik starts, drops every router with this plugin, and a broader router takes the requests \
                 unchecked. abortOnPluginFailure does not prevent this"
            );
            findings.push(finding(&document.file, mount.place, Severity::Note, message));
        }
    }
}
