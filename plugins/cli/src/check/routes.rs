//! Finds middlewares that Traefik cannot find or create, and middlewares in the wrong order. Traefik drops a router whose
//! middleware is missing. The requests then go to the next router that matches.

use super::finding::{Finding, Severity, finding};
use super::model::{Kind, Model, Reference, Router, Step, Way};
use super::role::{Role, role_of};

pub(super) fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    definitions(model, findings);
    for router in &model.routers {
        references(model, router, findings);
        for way in model.ways(router) {
            order(model, router, &way, findings);
        }
    }
}

/// Reports middlewares that Traefik cannot create.
fn definitions(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for definition in model.middlewares.values() {
        let mut warn = |place, message: String| {
            findings.push(finding(definition.file, place, Severity::Warning, message));
        };
        match &definition.kind {
            Kind::Broken(why) => warn(
                definition.place,
                format!(
                    "middleware {} {why}: Traefik drops routers that use it, and a broader router takes the requests unchecked",
                    definition.name
                ),
            ),
            Kind::Plugin { name, place, .. }
                if model.plugins.is_complete && model.plugins.module(name).is_none() =>
            {
                warn(
                    *place,
                    format!(
                        "no plugin is registered under the name {name} (experimental.localPlugins): Traefik drops routers that \
                         use it, and a broader router takes the requests unchecked"
                    ),
                );
            }
            Kind::Chain(parts) => {
                for part in parts {
                    missing(model, part, findings);
                }
            }
            _ => {}
        }
    }
}

/// Reports middlewares and parents that a router uses but no file defines.
fn references(model: &Model<'_>, router: &Router, findings: &mut Vec<Finding>) {
    for reference in &router.middlewares {
        missing(model, reference, findings);
    }
    for step in model.ways(router).into_iter().flat_map(|way| way.steps) {
        if step.chain.is_none() {
            missing(model, &step.reference, findings);
        }
        if step.is_circle {
            let message = format!(
                "the chain {} contains itself: Traefik drops the router, and a broader router takes the requests \
                 unchecked",
                step.reference.name
            );
            findings.push(finding(
                &step.reference.file,
                step.reference.place,
                Severity::Warning,
                message,
            ));
        }
    }
    for parent in &router.parents {
        if model.parents(parent).next().is_none() {
            let message = format!(
                "the parent {parent} of router {} is defined in none of these files, so this check does not know what it guards",
                router.name
            );
            findings.push(finding(&router.file, router.place, Severity::Warning, message));
        }
    }
}

fn missing(model: &Model<'_>, reference: &Reference, findings: &mut Vec<Finding>) {
    if model.middlewares.contains_key(&reference.id) {
        return;
    }
    let name = &reference.name;
    let provider = reference.id.rsplit('@').next().unwrap_or_default();
    // Labels are known if the files include a Compose file.
    let is_read = match provider {
        "file" | "kubernetescrd" => true,
        provider => model.routers.iter().any(|router| router.provider == provider),
    };
    let (severity, message) = match provider {
        _ if is_read && provider != "kubernetes" => (
            Severity::Warning,
            format!(
                "{name} is defined in none of these files: if Traefik does not find it either, it drops the router, and a \
                 broader router takes the requests unchecked"
            ),
        ),
        "kubernetes" => (
            Severity::Warning,
            format!(
                "{name} does not name a middleware of Kubernetes: write NAMESPACE-{name}@kubernetescrd. Traefik drops the \
                 router, and a broader router takes the requests unchecked"
            ),
        ),
        _ => (
            Severity::Note,
            format!("{name} is defined by another provider ({provider}), which this check does not read"),
        ),
    };
    findings.push(finding(&reference.file, reference.place, severity, message));
}

/// Checks the order of the middlewares on a way.
fn order(model: &Model<'_>, router: &Router, way: &Way<'_>, findings: &mut Vec<Finding>) {
    let roles: Vec<(&Step, Role)> = way
        .steps
        .iter()
        .map(|step| (step, role_of(model, step)))
        .collect();
    let (mut guarded, mut rewritten_by): (bool, Option<&str>) = (false, None);
    for (step, role) in &roles {
        let name = shown(step, router, way);
        let mut warn = |message: String| {
            let Reference { file, place, .. } = &step.reference;
            findings.push(finding(file, *place, Severity::Warning, message));
        };
        if role.lends && !role.guards && !guarded {
            warn(match roles.iter().any(|(_, other)| other.guards) {
                true => format!(
                    "{name} comes before jwt: jwt then sees the gateway's own token and lets every request pass"
                ),
                false => format!(
                    "{name} is used without jwt: every request to the router gets the gateway's rights"
                ),
            });
        }
        if let (Some(earlier), true) = (rewritten_by, role.judges_paths) {
            warn(format!(
                "{name} comes after {earlier}, which changes the path: the rules of `authorize` see the changed path. Put \
                 {earlier} after {name}, or write the rules for the changed path"
            ));
        }
        guarded |= role.guards;
        if role.rewrites {
            rewritten_by.get_or_insert(&step.reference.name);
        }
    }
}

/// Names a step, with the chain, router, or entry point that adds it.
fn shown(step: &Step, router: &Router, way: &Way<'_>) -> String {
    let mut shown = step.reference.name.clone();
    if let Some(chain) = &step.chain {
        shown = format!("{shown} (of the chain {chain}, on router {})", router.name);
    }
    if let Some(entry_point) = way.entry_point {
        shown = format!("{shown} on entry point {entry_point}");
    }
    shown
}
