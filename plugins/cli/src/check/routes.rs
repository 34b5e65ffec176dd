//! Finds routers that let requests through unchecked. Traefik drops a router if it cannot find or create one of its
//! middlewares. The requests then go to the next router that matches.

use std::collections::BTreeSet;

use super::document::Node;
use super::finding::{Finding, Severity, finding};
use super::model::{Definition, Kind, Model, Reference, Router, Step, Way};
use super::plugins::Plugin;

/// What a middleware does, as far as it matters here. Warnings say jwt for every kind of guard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Role {
    /// It requires a valid token or credentials.
    guards: bool,
    /// It adds the gateway's own token.
    lends: bool,
    /// It changes the path.
    rewrites: bool,
    /// It decides by the path.
    judges_paths: bool,
}

pub(super) fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    definitions(model, findings);
    for router in &model.routers {
        references(model, router, findings);
        for way in model.ways(router) {
            order(model, router, &way, findings);
        }
    }
    ways_around(model, findings);
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

/// Reports routers without a guard whose backends other routers guard.
fn ways_around(model: &Model<'_>, findings: &mut Vec<Finding>) {
    struct Judged<'m> {
        router: &'m Router,
        backends: BTreeSet<String>,
        /// Whether some way is guarded, and an entry point of a way that is not.
        some_guarded: bool,
        open_at: Option<Option<String>>,
    }
    let is_guarded = |way: &Way<'_>| way.steps.iter().any(|step| role_of(model, step).guards);
    let judged: Vec<Judged<'_>> = model
        .routers
        .iter()
        .map(|router| {
            let ways = model.ways(router);
            let open = ways.iter().find(|way| !is_guarded(way));
            Judged {
                router,
                backends: model.backends(router),
                some_guarded: ways.iter().any(is_guarded),
                open_at: open.map(|way| way.entry_point.map(str::to_owned)),
            }
        })
        .collect();
    for it in &judged {
        let Some(entry_point) = &it.open_at else { continue };
        let other = judged
            .iter()
            .find(|other| other.some_guarded && !other.backends.is_disjoint(&it.backends));
        let Some(other) = other else { continue };
        let at = entry_point
            .as_ref()
            .map(|name| format!(" on entry point {name}"))
            .unwrap_or_default();
        let message = format!(
            "router {}{at} leads to the same backend as {} without jwt: requests that {} does not take, for example because \
             Traefik has dropped it, pass here unchecked",
            it.router.name, other.router.name, other.router.name
        );
        findings.push(finding(
            &it.router.file,
            it.router.place,
            Severity::Warning,
            message,
        ));
    }
}

fn role_of(model: &Model<'_>, step: &Step) -> Role {
    let definition = model.middlewares.get(&step.reference.id);
    definition
        .map(|definition| role(model, definition))
        .unwrap_or_default()
}

fn role(model: &Model<'_>, definition: &Definition<'_>) -> Role {
    match &definition.kind {
        Kind::Plugin { name, options, .. } => match model.plugins.ours(name) {
            Some(plugin) => role_of_plugin(plugin, options),
            None => Role::default(),
        },
        Kind::Other(kind) => Role {
            rewrites: [
                "addPrefix",
                "stripPrefix",
                "stripPrefixRegex",
                "replacePath",
                "replacePathRegex",
            ]
            .contains(kind),
            ..Role::default()
        },
        Kind::Chain(_) | Kind::Broken(_) => Role::default(),
    }
}

fn role_of_plugin(plugin: Plugin, options: &Node) -> Role {
    let guard = Role {
        guards: true,
        ..Role::default()
    };
    match plugin {
        Plugin::Jwt => Role {
            judges_paths: options.get("authorize").is_some(),
            ..guard
        },
        // These plugins have their own rules for callers' tokens.
        Plugin::OAuthIntrospection | Plugin::OAuthTokenExchange => guard,
        Plugin::OAuthClientCredentials => oauth(options),
        Plugin::BasicCredentials => {
            let lets_all_in = options.get("allowAnonymous").is_some_and(Node::is_true);
            Role {
                guards: !lets_all_in,
                lends: lets_all_in,
                ..Role::default()
            }
        }
        Plugin::PathRewrite => Role {
            rewrites: true,
            ..Role::default()
        },
        Plugin::Gateway => {
            let token = options.given("oAuthClientCredentials");
            let token = token.map(oauth).unwrap_or_default();
            let jwt = options.given("jwt");
            Role {
                guards: jwt.is_some() || token.guards,
                lends: token.lends,
                rewrites: options.given("pathRewrite").is_some(),
                judges_paths: jwt.is_some_and(|jwt| jwt.get("authorize").is_some()),
            }
        }
    }
}

/// Without a client in the options, callers bring a client and its secret, and the provider checks them. Otherwise the
/// gateway lends its own token.
fn oauth(options: &Node) -> Role {
    let own = ["clientID", "clientId", "clientSecret"];
    let own = own.iter().any(|option| options.get(option).is_some());
    Role {
        guards: !own,
        lends: own,
        ..Role::default()
    }
}
