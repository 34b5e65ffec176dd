//! Finds services and entry points that a router of the file provider names and no file defines. Middlewares are
//! checked in `routes`.

use std::collections::BTreeSet;

use super::files::{Document, Source};
use super::finding::{Finding, Severity, finding};
use super::model::Model;

pub(super) fn check(documents: &[Document], model: &Model<'_>, findings: &mut Vec<Finding>) {
    let entry_points = entry_points(documents);
    for router in model.routers.iter().filter(|router| router.provider == "file") {
        let mut warn = |message: String| {
            findings.push(finding(&router.file, router.place, Severity::Warning, message));
        };
        for service in &router.services {
            let id = service.trim_end_matches("/tcp");
            // Other providers' services are not known here.
            if let Some(name) = id.strip_suffix("@file")
                && !model.services.contains_key(service)
            {
                warn(format!(
                    "the service {name} of router {} is defined in none of these files: if Traefik does not find it \
                     either, it drops the router, and a broader router takes the requests unchecked",
                    router.name
                ));
            }
        }
        let Some(entry_points) = &entry_points else {
            continue;
        };
        for name in &router.entry_points {
            if !entry_points.contains(name.as_str()) {
                warn(format!(
                    "the entry point {name} of router {} is not in the static configuration: Traefik does not take \
                     requests for the router there",
                    router.name
                ));
            }
        }
    }
}

/// Returns the names of all entry points, or `None` if they are not known. The values of a chart do not name them all.
fn entry_points(documents: &[Document]) -> Option<BTreeSet<&str>> {
    let documents = documents.iter().filter(|it| it.source == Source::Static);
    // Traefik itself adds this one for its API.
    const INTERNAL: &str = "traefik";
    let mut names = BTreeSet::new();
    for document in documents {
        if document.chart_mounts.is_some() {
            return None;
        }
        names.extend(document.node.members_at(&["entryPoints"]).map(|(name, ..)| name));
    }
    let is_known = !names.is_empty();
    names.insert(INTERNAL);
    is_known.then_some(names)
}
