//! Checks that the variables in `env:NAME` are among those that Traefik gives the plugin.

use std::collections::{BTreeMap, BTreeSet};

use super::document::Node;
use super::files::{Document, Source};
use super::finding::{Finding, Severity, finding};
use super::model::{Kind, Model};
use super::plugins::registrations;

pub(super) fn check(documents: &[Document], model: &Model<'_>, findings: &mut Vec<Finding>) {
    let listed = listed(documents);
    for (id, definition) in &model.middlewares {
        let Kind::Plugin { name, options, .. } = definition.kind else {
            continue;
        };
        // In labels, Compose itself replaces variables, and this check reads them as `env:NAME`.
        if model.plugins.ours(name).is_none() || id.ends_with("@docker") {
            continue;
        }
        let Some(listed) = listed.get(name) else {
            continue;
        };
        options.each_text("", &mut |option, text, place| {
            let Some(variable) = text.strip_prefix("env:") else {
                return;
            };
            if !is_reference(option) || listed.contains(variable) {
                return;
            }
            let message = format!(
                "{option}: the plugin does not see the variable {variable}: list it under \
                 experimental.localPlugins.{name}.settings.envs; Traefik gives plugins no other variable"
            );
            findings.push(finding(definition.file, place, Severity::Error, message));
        });
    }
}

/// Returns the variables that each registered plugin may read.
fn listed(documents: &[Document]) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut listed: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for document in documents.iter().filter(|it| it.source == Source::Static) {
        for (name, _, plugin) in registrations(&document.node) {
            let variables = plugin.at(&["settings", "envs"]).map(Node::items);
            let variables = variables.into_iter().flatten().filter_map(Node::text);
            listed.entry(name).or_default().extend(variables.map(str::trim));
        }
    }
    listed
}

/// Returns whether a plugin resolves `env:` in this option. These options take names and addresses as they are.
fn is_reference(option: &str) -> bool {
    const LITERAL: [&str; 6] = [
        "issuers",
        "audiences",
        "requiredScopes",
        "anyScope",
        "values",
        "jwksUrl",
    ];
    !LITERAL.contains(&option)
}
