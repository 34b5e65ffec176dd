//! Checks that the variables in `env:NAME` are among those that Traefik gives the plugin.

use std::collections::{BTreeMap, BTreeSet};

use super::document::Node;
use super::files::{Document, Source};
use super::finding::{Finding, Severity};
use super::model::Model;
use super::plugins::registrations;
use super::target::Target;

pub(super) fn check(documents: &[Document], model: &Model<'_>, findings: &mut Vec<Finding>) {
    let listed = listed(documents);
    for (_, used) in model.ours() {
        // In labels, Compose itself replaces variables, and this check reads them as `env:NAME`.
        let listed = listed.get(used.name).filter(|_| !used.id.ends_with("@docker"));
        let Some(listed) = listed else { continue };
        for (option, place, target) in used.references() {
            if let Target::Variable(variable) = target
                && is_reference(option)
                && !listed.contains(variable)
            {
                let message = format!(
                    "{option}: the plugin does not see the variable {variable}: list it under \
                     experimental.localPlugins.{}.settings.envs; Traefik gives plugins no other variable",
                    used.name
                );
                findings.push(used.finding(place, Severity::Error, message));
            }
        }
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
