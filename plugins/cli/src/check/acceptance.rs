//! Finds `jwt` without any rule about which tokens it accepts, beyond their signature.

use super::document::{Content, Node};
use super::finding::{Finding, Severity};
use super::model::Model;
use super::plugins::Plugin;

pub(super) fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for (plugin, used) in model.ours() {
        let jwt = match plugin {
            Plugin::Jwt => Some((used.place, used.options)),
            Plugin::Gateway if used.options.given("jwt").is_some() => used.options.entry("jwt"),
            _ => None,
        };
        if let Some((place, options)) = jwt
            && !is_restricted(options)
        {
            let message = "jwt accepts every token of the issuer, also those for other applications: add at least \
                           `audiences`, or another of `tenant`, `issuers`, `requiredScopes`, `claims` and `authorize` \
                           [docs/options.md#jwt]";
            findings.push(used.finding(place, Severity::Warning, message));
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
