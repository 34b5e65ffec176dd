//! Finds middlewares of ours that no router uses. Such a middleware protects nothing: requests pass without it.

use std::collections::BTreeSet;

use super::finding::{Finding, Severity};
use super::model::{Kind, Model, Reference};
use super::traefik::qualified;

pub(super) fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    // Files with middlewares alone are parts of a configuration, and the routers are in other files.
    if !model.routers.iter().any(|router| router.takes_middlewares()) {
        return;
    }
    let used = used(model);
    for (_, ours) in model.ours().filter(|(_, ours)| !used.contains(ours.id)) {
        let message = format!(
            "no router uses the middleware {}, neither by itself nor through a chain or an entry point: requests pass \
             without it. Add it to the `middlewares` of the routers that need it, or remove it",
            ours.definition.name
        );
        findings.push(ours.finding(ours.definition.place, Severity::Warning, message));
    }
}

/// Returns the IDs of all middlewares that some router, service or entry point uses, and of those in their chains.
fn used(model: &Model<'_>) -> BTreeSet<String> {
    let providers: BTreeSet<&str> = model.routers.iter().map(|router| router.provider).collect();
    let mut open: Vec<String> = Vec::new();
    let ids = |references: &[Reference]| -> Vec<String> {
        references.iter().map(|reference| reference.id.clone()).collect()
    };
    for router in &model.routers {
        open.extend(ids(&router.middlewares));
    }
    for service in model.services.values() {
        open.extend(ids(&service.middlewares));
    }
    for reference in model.entry_points.iter().flat_map(|it| &it.middlewares) {
        // The provider of the router completes the name.
        open.extend(
            providers
                .iter()
                .map(|provider| qualified(&reference.name, provider)),
        );
    }
    let mut used = BTreeSet::new();
    while let Some(id) = open.pop() {
        if let Some(Kind::Chain(parts)) = model.middlewares.get(&id).map(|it| &it.kind)
            && !used.contains(&id)
        {
            open.extend(ids(parts));
        }
        used.insert(id);
    }
    used
}
