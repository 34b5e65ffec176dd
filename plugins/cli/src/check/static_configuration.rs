//! Checks Traefik's static configuration: a plugin that fails to load must stop Traefik, and plugins need the mounts
//! that their middlewares use.

use super::document::Node;
use super::files::{Document, Source};
use super::finding::{Finding, Severity, finding};
use super::model::{Model, Used};
use super::plugins::{Plugin, registrations};
use super::target::Target;

pub(super) fn check(documents: &[Document], model: &Model<'_>, findings: &mut Vec<Finding>) {
    for document in documents.iter().filter(|it| it.source == Source::Static) {
        registered(document, model, findings);
    }
}

fn registered(document: &Document, model: &Model<'_>, findings: &mut Vec<Finding>) {
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
        if let Some((severity, message)) = mounts(name, plugin, kind, model) {
            findings.push(finding(&document.file, place, severity, message));
        }
    }
}

/// Compares the mounts of a registered plugin with what its middlewares need.
fn mounts(name: &str, plugin: &Node, kind: Plugin, model: &Model<'_>) -> Option<(Severity, String)> {
    let mounts = plugin.at(&["settings", "mounts"]);
    let mounts = mounts.map(Node::items).unwrap_or_default();
    let middlewares = model.of_plugins().filter(|used| used.name == name);
    let middlewares: Vec<Used<'_, '_>> = middlewares.collect();
    let keeps_state = middlewares.iter().any(|used| kind.keeps_state(used.options));
    if mounts.is_empty() {
        if keeps_state {
            let message = format!(
                "{name} has no settings.mounts: the plugin needs a state directory for keys and tokens"
            );
            return Some((Severity::Error, message));
        }
        if let Some(file) = middlewares.iter().find_map(first_file) {
            let message = format!(
                "{name} has no settings.mounts: the plugin reads {file}, which needs a mount of a directory above it"
            );
            return Some((Severity::Error, message));
        }
        let message = format!(
            "{name} has no settings.mounts: no middleware in these files uses the plugin, and most of its options need a \
             state directory for keys and tokens"
        );
        return (middlewares.is_empty() && kind.may_keep_state()).then_some((Severity::Warning, message));
    }
    let is_read_only = |mount: &Node| mount.text().is_some_and(|text| text.ends_with(":ro"));
    let message = format!(
        "every mount of {name} is read-only (:ro), and its middlewares keep keys and tokens: add a mount of the state \
         directory without :ro"
    );
    (keeps_state && mounts.iter().all(is_read_only)).then_some((Severity::Warning, message))
}

/// Returns the first file that the options refer to.
fn first_file<'d>(used: &Used<'_, 'd>) -> Option<&'d str> {
    let mut references = used.references().into_iter();
    references.find_map(|(.., target)| match target {
        Target::File(path) => Some(path),
        _ => None,
    })
}
