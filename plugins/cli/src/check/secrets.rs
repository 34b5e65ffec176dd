//! Checks references to Kubernetes Secrets that are among the files.

use std::collections::{BTreeMap, BTreeSet};

use super::document::Node;
use super::files::{Document, Source};
use super::finding::{Finding, Severity};
use super::model::Model;
use super::target::Target;

/// The keys of Secrets, by namespace and name.
type Secrets<'d> = BTreeMap<(&'d str, &'d str), BTreeSet<&'d str>>;

pub(super) fn check(documents: &[Document], model: &Model<'_>, findings: &mut Vec<Finding>) {
    let secrets = secrets(documents);
    // Only Kubernetes has Secrets. There, a name begins with the namespace.
    let of_kubernetes = model
        .of_plugins()
        .filter(|used| used.id.ends_with("@kubernetescrd"));
    for used in of_kubernetes {
        let Some((namespace, _)) = used.definition.name.split_once('/') else {
            continue;
        };
        for (option, place, target) in used.references() {
            if let Target::Secret { name, key } = target
                && let Some(keys) = secrets.get(&(namespace, name))
                && !keys.contains(key)
            {
                let message = format!(
                    "{option}: the Secret {namespace}/{name} has no key {key}: Traefik does not create the middleware, and \
                     drops routers that use it"
                );
                findings.push(used.finding(place, Severity::Error, message));
            }
        }
    }
}

fn secrets(documents: &[Document]) -> Secrets<'_> {
    let mut secrets = Secrets::new();
    for document in documents.iter().filter(|it| it.source == Source::Object) {
        let node = &document.node;
        if node.text_of("kind") != Some("Secret") || node.text_of("apiVersion") != Some("v1") {
            continue;
        }
        let metadata = |name| node.at(&["metadata", name]).and_then(Node::text);
        let Some(name) = metadata("name") else { continue };
        let keys = ["data", "stringData"].into_iter();
        let keys = keys.flat_map(|section| node.members_at(&[section]));
        secrets
            .entry((metadata("namespace").unwrap_or("default"), name))
            .or_default()
            .extend(keys.map(|(key, ..)| key));
    }
    secrets
}
