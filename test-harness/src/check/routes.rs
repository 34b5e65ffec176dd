//! Routers that would open when they should close. Traefik drops a router whose middleware it does not find or cannot
//! make; its requests go to the next one that matches.

use std::collections::HashMap;

use super::document::Node;
use super::{
    Definition, Document, Finding, Place, Severity, finding, kind, middlewares, namespace, qualified,
};

/// A router, wherever it is defined.
struct Router<'d> {
    document: &'d Document,
    name: String,
    place: Place,
    /// As [`Definition::name`] has them.
    middlewares: Vec<(String, Place)>,
    services: Vec<String>,
}

/// What a middleware does, as far as it matters here. The words of warnings say jwt for whatever guards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Role {
    /// Asks for a good token.
    guards: bool,
    /// Lends the gateway's own token.
    lends: bool,
}

pub(super) fn check(documents: &[Document], findings: &mut Vec<Finding>) {
    let definitions = middlewares(documents);
    let roles: HashMap<&str, Role> = definitions
        .iter()
        .map(|definition| (definition.name.as_str(), role(definition)))
        .collect();
    let routers: Vec<Router<'_>> = documents.iter().flat_map(routers).collect();
    for router in &routers {
        let mut warn = |place, message: String| {
            findings.push(finding(&router.document.file, place, Severity::Warning, message));
        };
        let mut guarded = false;
        for (name, place) in &router.middlewares {
            let Some(role) = roles.get(name.as_str()) else {
                if !name.contains('@') {
                    warn(
                        *place,
                        format!(
                            "{name} is defined in none of these files: if Traefik does not find it either it drops the \
                             router, and a broader one takes its requests, unchecked"
                        ),
                    );
                }
                continue;
            };
            if role.lends && !role.guards && !guarded {
                let problem = match router.middlewares.iter().any(|(other, _)| guards(&roles, other)) {
                    true => {
                        "comes before jwt, which then sees the gateway's own token and lets everybody pass"
                    }
                    false => "stands without jwt: everybody who reaches the router gets the gateway's rights",
                };
                warn(*place, format!("{name} {problem}"));
            }
            guarded |= role.guards;
        }
    }
    for router in &routers {
        let guarded = router.middlewares.iter().any(|(name, _)| guards(&roles, name));
        if guarded {
            continue;
        }
        let same = routers.iter().find(|other| {
            other
                .services
                .iter()
                .any(|service| router.services.contains(service))
                && other.middlewares.iter().any(|(name, _)| guards(&roles, name))
        });
        if let Some(other) = same {
            let message = format!(
                "router {} leads to the same backend as {} without jwt: what {} does not take, be it that Traefik drops \
                 it, passes here unchecked",
                router.name, other.name, other.name
            );
            findings.push(finding(
                &router.document.file,
                router.place,
                Severity::Warning,
                message,
            ));
        }
    }
    for document in documents {
        static_configuration(document, findings);
    }
}

fn guards(roles: &HashMap<&str, Role>, name: &str) -> bool {
    roles.get(name).is_some_and(|role| role.guards)
}

fn role(definition: &Definition<'_>) -> Role {
    let has = |way: &[&str]| definition.spec.at(way).is_some();
    fn of_plugin(name: &str) -> [Vec<&str>; 2] {
        [vec!["plugin", name], vec!["plugin", "gateway", name]]
    }
    // Callers bring client and secret, and the provider judges them; or the gateway has its own.
    let (mut asks_callers, mut has_client) = (false, false);
    for way in of_plugin("oAuthClientCredentials") {
        if let Some(options) = definition.spec.at(&way) {
            let own = ["clientID", "clientId", "clientSecret"];
            let own = own.iter().any(|option| options.get(option).is_some());
            asks_callers |= !own;
            has_client |= own;
        }
    }
    let basic = definition.spec.at(&["plugin", "basicCredentials"]);
    let lets_all_in =
        basic.is_some_and(|options| options.get("allowAnonymous").map(Node::to_json) == Some(true.into()));
    Role {
        guards: of_plugin("jwt").iter().any(|way| has(way))
            || has(&["plugin", "oAuthIntrospection"])
            // Has rules of its own for callers' tokens.
            || has(&["plugin", "oAuthTokenExchange"])
            || (basic.is_some() && !lets_all_in)
            || asks_callers,
        lends: has_client || lets_all_in,
    }
}

fn routers(document: &Document) -> Vec<Router<'_>> {
    let node = &document.node;
    let mut found = Vec::new();
    for (name, place, router) in node.at(&["http", "routers"]).into_iter().flat_map(Node::members) {
        let names = router.get("middlewares").into_iter().flat_map(Node::items);
        found.push(Router {
            document,
            name: name.to_owned(),
            place,
            middlewares: names
                .filter_map(|node| Some((node.text()?.trim_end_matches("@file").to_owned(), node.place)))
                .collect(),
            services: router
                .get("service")
                .and_then(Node::text)
                .map(str::to_owned)
                .into_iter()
                .collect(),
        });
    }
    if kind(node) == Some("IngressRoute") {
        let own = namespace(node);
        let name = node
            .at(&["metadata", "name"])
            .and_then(Node::text)
            .unwrap_or_default();
        let named = |node: &Node| {
            let namespace = node.get("namespace").and_then(Node::text).unwrap_or(own);
            node.get("name")
                .and_then(Node::text)
                .map(|name| qualified(namespace, name))
        };
        for route in node.at(&["spec", "routes"]).into_iter().flat_map(Node::items) {
            let list = |name| route.get(name).into_iter().flat_map(Node::items);
            found.push(Router {
                document,
                name: qualified(own, name),
                place: route.place,
                middlewares: list("middlewares")
                    .filter_map(|node| Some((named(node)?, node.place)))
                    .collect(),
                services: list("services").filter_map(named).collect(),
            });
        }
    }
    found
}

/// Traefik's own file: that a plugin that does not load stops it, and that plugins have a state directory.
fn static_configuration(document: &Document, findings: &mut Vec<Finding>) {
    let Some(experimental) = document.node.get("experimental") else {
        return;
    };
    let Some((place, plugins)) = experimental.entry("localPlugins") else {
        return;
    };
    let ours = |node: &Node, folder: &str| {
        node.get("moduleName").and_then(Node::text) == Some(&format!("oic-gateway/{folder}"))
    };
    let all = [
        "basic-credentials",
        "gateway",
        "jwt",
        "oauth-client-credentials",
        "oauth-introspection",
        "oauth-token-exchange",
        "path-rewrite",
    ];
    if !plugins
        .members()
        .any(|(_, _, node)| all.iter().any(|folder| ours(node, folder)))
    {
        return;
    }
    let aborts = experimental.get("abortOnPluginFailure").map(Node::to_json);
    if aborts != Some(true.into()) {
        let message = "experimental.abortOnPluginFailure is not true: Traefik starts even when a plugin does not load, and \
                       drops its routers";
        findings.push(finding(&document.file, place, Severity::Warning, message));
    }
    for (name, place, plugin) in plugins.members() {
        let needs = [
            "jwt",
            "oauth-client-credentials",
            "oauth-introspection",
            "oauth-token-exchange",
            "gateway",
        ];
        let mounts = plugin
            .at(&["settings", "mounts"])
            .is_some_and(|mounts| !mounts.items().is_empty());
        if needs.iter().any(|folder| ours(plugin, folder)) && !mounts {
            let message =
                format!("{name} has no settings.mounts: it needs a state directory for keys and tokens");
            findings.push(finding(&document.file, place, Severity::Error, message));
        }
    }
}
