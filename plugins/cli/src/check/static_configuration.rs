//! Checks Traefik's static configuration: a plugin that fails to load must stop Traefik, and plugins need a state
//! directory.

use super::document::Node;
use super::files::{Document, Source};
use super::finding::{Finding, Severity, finding};
use super::plugins::{Plugin, registrations};

pub(super) fn check(documents: &[Document], findings: &mut Vec<Finding>) {
    for document in documents.iter().filter(|it| it.source == Source::Static) {
        registered(document, findings);
    }
}

fn registered(document: &Document, findings: &mut Vec<Finding>) {
    let node = &document.node;
    let ours: Vec<_> = registrations(node)
        .filter_map(|(name, place, plugin)| {
            let module = plugin.text_of("moduleName").unwrap_or_default();
            Some((name, place, plugin, Plugin::of_module(module)?))
        })
        .collect();
    if ours.is_empty() {
        return;
    }
    let aborts = node.at(&["experimental", "abortOnPluginFailure"]);
    if !aborts.is_some_and(Node::is_true) {
        let sections = ["localPlugins", "plugins"].iter();
        let place = sections
            .filter_map(|section| node.get("experimental")?.entry(section))
            .map(|(place, _)| place)
            .next()
            .unwrap_or(node.place);
        let message = "experimental.abortOnPluginFailure is not true: Traefik starts even if a plugin does not load, and \
                       drops its routers";
        findings.push(finding(&document.file, place, Severity::Warning, message));
    }
    for (name, place, plugin, kind) in ours {
        let mounts = plugin
            .at(&["settings", "mounts"])
            .is_some_and(|mounts| !mounts.items().is_empty());
        if kind.needs_mount() && !mounts {
            let message = format!(
                "{name} has no settings.mounts: the plugin needs a state directory for keys and tokens"
            );
            findings.push(finding(&document.file, place, Severity::Error, message));
        }
    }
}
