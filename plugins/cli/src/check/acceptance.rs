//! Finds `jwt` without any rule about which tokens it accepts, beyond their signature.

use super::document::{Content, Node};
use super::finding::{Finding, Severity, finding};
use super::model::{Kind, Model};
use super::plugins::Plugin;

pub(super) fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for definition in model.middlewares.values() {
        let Kind::Plugin { name, place, options } = definition.kind else {
            continue;
        };
        let jwt = match model.plugins.ours(name) {
            Some(Plugin::Jwt) => Some((place, options)),
            Some(Plugin::Gateway) if options.given("jwt").is_some() => options.entry("jwt"),
            _ => None,
        };
        if let Some((place, options)) = jwt
            && !is_restricted(options)
        {
            let message = "jwt accepts every token of the issuer, also those for other applications: add at least \
                           `audiences`, or another of `tenant`, `issuers`, `requiredScopes`, `claims` and `authorize` \
                           [docs/options.md#jwt]";
            findings.push(finding(definition.file, place, Severity::Warning, message));
        }
    }
}

fn is_restricted(options: &Node) -> bool {
    const RULES: [&str; 7] = [
        "audiences",
        "tenant",
        "issuers",
        "requiredScopes",
        "claims",
        "verifyClaims",
        "authorize",
    ];
    let is_empty = |node: &Node| matches!(&node.content, Content::List(items) if items.is_empty());
    let is_given = |name: &&str| options.given(name).is_some_and(|rule| !is_empty(rule));
    let issuers = options.items_of("trustedIssuers");
    let names_issuers = !issuers.is_empty() && issuers.iter().all(|entry| entry.given("issuer").is_some());
    RULES.iter().any(is_given) || names_issuers
}
