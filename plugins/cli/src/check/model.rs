//! A model of what all files together define: middlewares, services, and the routers that use them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::document::Node;
use super::finding::{Finding, Severity, finding};
use super::place::Place;
use super::plugins::{Plugin, Plugins};
use super::target::Target;
use super::traefik::qualified;

/// The contents of all files together.
#[derive(Default)]
pub(super) struct Model<'d> {
    pub(super) plugins: Plugins,
    /// Middlewares by the names that Traefik gives them: `jwt@file`, `apps-jwt@kubernetescrd`.
    pub(super) middlewares: BTreeMap<String, Definition<'d>>,
    pub(super) services: BTreeMap<String, Service>,
    pub(super) routers: Vec<Router>,
    pub(super) entry_points: Vec<EntryPoint>,
}

/// A middleware, from any provider.
pub(super) struct Definition<'d> {
    pub(super) file: &'d Path,
    pub(super) place: Place,
    /// The name in messages: `jwt`, or `apps/jwt` in Kubernetes.
    pub(super) name: String,
    pub(super) kind: Kind<'d>,
}

/// The kind of a middleware.
pub(super) enum Kind<'d> {
    Plugin {
        name: &'d str,
        place: Place,
        options: &'d Node,
    },
    Chain(Vec<Reference>),
    /// One of Traefik's own middlewares, by the name of its setting.
    Other(&'d str),
    /// A middleware that Traefik cannot create.
    Broken(&'static str),
}

/// A reference to a middleware by name.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) id: String,
    /// The name in messages.
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) place: Place,
}

/// The destination of a service.
#[derive(Default)]
pub(super) struct Service {
    /// Hosts and ports.
    pub(super) servers: BTreeSet<String>,
    /// Other services that it consists of.
    pub(super) parts: Vec<String>,
    pub(super) middlewares: Vec<Reference>,
}

/// A router, from any provider.
pub(super) struct Router {
    pub(super) file: PathBuf,
    pub(super) place: Place,
    pub(super) id: String,
    /// The name in messages.
    pub(super) name: String,
    pub(super) provider: &'static str,
    /// Empty if it is not a text in the files.
    pub(super) rule: String,
    pub(super) entry_points: Vec<String>,
    pub(super) middlewares: Vec<Reference>,
    pub(super) services: Vec<String>,
    /// The IDs of its parent routers.
    pub(super) parents: Vec<String>,
}

impl Router {
    /// Returns whether it is a router for HTTP. The TCP routers in the model have no middlewares.
    pub(super) fn takes_middlewares(&self) -> bool {
        !self.id.contains("/tcp")
    }
}

/// An entry point, and the middlewares of all its routers.
pub(super) struct EntryPoint {
    pub(super) name: String,
    pub(super) is_default: bool,
    pub(super) middlewares: Vec<Reference>,
}

/// The middlewares that a request passes on its way through a router.
#[derive(Clone, Default)]
pub(super) struct Way<'m> {
    pub(super) entry_point: Option<&'m str>,
    pub(super) steps: Vec<Step>,
}

/// A middleware on the way of a request.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) reference: Reference,
    /// The chain that adds it.
    pub(super) chain: Option<String>,
    /// Whether it is a chain that contains itself.
    pub(super) is_circle: bool,
}

/// A middleware of a plugin.
#[derive(Clone, Copy)]
pub(super) struct Used<'m, 'd> {
    /// The name that Traefik gives the middleware.
    pub(super) id: &'m str,
    pub(super) definition: &'m Definition<'d>,
    /// The plugin's name in the configuration, and its place.
    pub(super) name: &'d str,
    pub(super) place: Place,
    pub(super) options: &'d Node,
}

impl<'d> Used<'_, 'd> {
    /// Returns the options that refer to something on Traefik's machine: their names, their places, and what they name.
    pub(super) fn references(&self) -> Vec<(&'d str, Place, Target<'d>)> {
        let mut found = Vec::new();
        self.options.each_text("", &mut |option, text, place| {
            found.extend(Target::of(option, text).map(|target| (option, place, target)));
        });
        found
    }

    /// Returns a finding in the file of the middleware.
    pub(super) fn finding(&self, place: Place, severity: Severity, message: impl Into<String>) -> Finding {
        finding(self.definition.file, place, severity, message)
    }
}

const DEEPEST: usize = 20;

impl<'d> Model<'d> {
    /// Returns all middlewares of plugins, ours and others.
    pub(super) fn of_plugins(&self) -> impl Iterator<Item = Used<'_, 'd>> {
        self.middlewares
            .iter()
            .filter_map(|(id, definition)| match definition.kind {
                Kind::Plugin { name, place, options } => Some(Used {
                    id,
                    definition,
                    name,
                    place,
                    options,
                }),
                _ => None,
            })
    }

    /// Returns all middlewares of our plugins.
    pub(super) fn ours(&self) -> impl Iterator<Item = (Plugin, Used<'_, 'd>)> {
        self.of_plugins()
            .filter_map(|used| Some((self.plugins.ours(used.name)?, used)))
    }

    /// Returns the ways through a router: one for each entry point and parent.
    pub(super) fn ways(&self, router: &Router) -> Vec<Way<'_>> {
        self.ways_within(router, DEEPEST)
    }

    fn ways_within(&self, router: &Router, depth: usize) -> Vec<Way<'_>> {
        let Some(depth) = depth.checked_sub(1) else {
            return Vec::new();
        };
        let mut ways = match router.parents.is_empty() {
            true => self.starts(router),
            false => {
                let parents = router.parents.iter().flat_map(|parent| self.parents(parent));
                parents
                    .flat_map(|parent| self.ways_within(parent, depth))
                    .collect()
            }
        };
        let mut last = router.middlewares.clone();
        // If there are several services, they may have different middlewares, and a request may meet any of them. So
        // only the middlewares of a single service count.
        if let [service] = router.services.as_slice()
            && let Some(service) = self.services.get(service)
        {
            last.extend_from_slice(&service.middlewares);
        }
        for way in &mut ways {
            for reference in &last {
                self.follow(reference, None, &mut Vec::new(), &mut way.steps);
            }
        }
        ways
    }

    /// Returns the routers for a parent's ID: one router, or all routers of an IngressRoute.
    pub(super) fn parents<'m>(&'m self, id: &str) -> impl Iterator<Item = &'m Router> {
        let group = format!("{id}#");
        self.routers
            .iter()
            .filter(move |router| router.id == group.trim_end_matches('#') || router.id.starts_with(&group))
    }

    /// Returns the middlewares of the entry points, which run before the router's own.
    fn starts(&self, router: &Router) -> Vec<Way<'_>> {
        let some_default = self.entry_points.iter().any(|it| it.is_default);
        let used: Vec<&EntryPoint> = self
            .entry_points
            .iter()
            .filter(|it| match router.entry_points.is_empty() {
                true => !some_default || it.is_default,
                false => router.entry_points.contains(&it.name),
            })
            .collect();
        if used.iter().all(|it| it.middlewares.is_empty()) {
            return vec![Way::default()];
        }
        used.into_iter()
            .map(|entry_point| {
                let mut way = Way {
                    entry_point: Some(&entry_point.name),
                    steps: Vec::new(),
                };
                for reference in &entry_point.middlewares {
                    let mut reference = reference.clone();
                    reference.id = qualified(&reference.name, router.provider);
                    self.follow(&reference, None, &mut Vec::new(), &mut way.steps);
                }
                way
            })
            .collect()
    }

    /// Adds a middleware to a way, or the middlewares of a chain.
    fn follow(
        &self,
        reference: &Reference,
        chain: Option<&str>,
        within: &mut Vec<String>,
        steps: &mut Vec<Step>,
    ) {
        let is_circle = within.contains(&reference.id);
        match self.middlewares.get(&reference.id) {
            Some(Definition {
                kind: Kind::Chain(parts),
                name,
                ..
            }) if !is_circle && within.len() < DEEPEST => {
                within.push(reference.id.clone());
                for part in parts {
                    self.follow(part, Some(name), within, steps);
                }
                within.pop();
            }
            _ => steps.push(Step {
                reference: reference.clone(),
                chain: chain.map(str::to_owned),
                is_circle,
            }),
        }
    }

    /// Returns all hosts and services that a router leads to.
    pub(super) fn backends(&self, router: &Router) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for service in &router.services {
            self.reach(service, &mut found, DEEPEST);
        }
        found.remove("noop@internal");
        found
    }

    fn reach(&self, id: &str, found: &mut BTreeSet<String>, depth: usize) {
        if depth == 0 || !found.insert(id.to_owned()) {
            return;
        }
        if let Some(service) = self.services.get(id) {
            found.extend(service.servers.iter().cloned());
            for part in &service.parts {
                self.reach(part, found, depth - 1);
            }
        }
    }
}

impl<'d> Kind<'d> {
    /// Reads the settings below a middleware's name, or below `spec`.
    pub(super) fn of(spec: &'d Node, chain: impl FnOnce(&'d Node) -> Vec<Reference>) -> Self {
        let given = |(_, _, node): &(&str, Place, &Node)| !node.to_json().is_null();
        let mut settings = spec.members().filter(given);
        let (Some((name, _, node)), None) = (settings.next(), settings.next()) else {
            return match spec.members().filter(given).count() {
                0 => Self::Broken("has nothing in it"),
                _ => Self::Broken("is of several kinds at once"),
            };
        };
        match name {
            "chain" => Self::Chain(chain(node)),
            "plugin" => {
                let mut plugins = node.members();
                match (plugins.next(), plugins.next()) {
                    (Some((name, place, options)), None) => Self::Plugin { name, place, options },
                    (None, _) => Self::Broken("names no plugin"),
                    _ => Self::Broken("names several plugins"),
                }
            }
            other => Self::Other(other),
        }
    }
}

pub(super) fn reference(file: &Path, name: &str, place: Place, provider: &str) -> Reference {
    Reference {
        id: qualified(name, provider),
        name: name.trim_end_matches(&format!("@{provider}")).to_owned(),
        file: file.to_owned(),
        place,
    }
}
