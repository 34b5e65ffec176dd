//! What all files together define: middlewares, services, and the routers that use them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::document::Node;
use super::files::{Document, Source};
use super::plugins::Plugins;
use super::traefik::{qualified, server};
use super::{Finding, Place, Severity, finding, kubernetes};

/// All files together.
#[derive(Default)]
pub(super) struct Model<'d> {
    pub(super) plugins: Plugins,
    /// By the names that Traefik gives them: `jwt@file`, `apps-jwt@kubernetescrd`.
    pub(super) middlewares: BTreeMap<String, Definition<'d>>,
    pub(super) services: BTreeMap<String, Service>,
    pub(super) routers: Vec<Router>,
    pub(super) entry_points: Vec<EntryPoint>,
}

/// A middleware, wherever it is defined.
pub(super) struct Definition<'d> {
    pub(super) file: &'d Path,
    pub(super) place: Place,
    /// As its user calls it: `jwt`, or `apps/jwt` in Kubernetes.
    pub(super) name: String,
    pub(super) kind: Kind<'d>,
}

/// What a middleware is.
pub(super) enum Kind<'d> {
    Plugin {
        name: &'d str,
        place: Place,
        options: &'d Node,
    },
    Chain(Vec<Reference>),
    /// One of Traefik's own, by its setting's name.
    Other(&'d str),
    /// Traefik makes nothing of it.
    Broken(&'static str),
}

/// The name of a middleware, where one is used.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    pub(super) id: String,
    /// As its user calls it.
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) place: Place,
}

/// A service: where it leads to.
#[derive(Default)]
pub(super) struct Service {
    /// Hosts and ports.
    pub(super) servers: BTreeSet<String>,
    /// Other services.
    pub(super) parts: Vec<String>,
    pub(super) middlewares: Vec<Reference>,
}

/// A router, wherever it is defined.
pub(super) struct Router {
    pub(super) file: PathBuf,
    pub(super) place: Place,
    pub(super) id: String,
    /// As its user calls it.
    pub(super) name: String,
    pub(super) provider: &'static str,
    pub(super) entry_points: Vec<String>,
    pub(super) middlewares: Vec<Reference>,
    pub(super) services: Vec<String>,
    /// Ids of the routers that it stands under.
    pub(super) parents: Vec<String>,
}

/// An entry point, and what all its routers get.
pub(super) struct EntryPoint {
    pub(super) name: String,
    is_default: bool,
    middlewares: Vec<Reference>,
}

/// What a request passes on its way through a router.
#[derive(Clone, Default)]
pub(super) struct Way<'m> {
    pub(super) entry_point: Option<&'m str>,
    pub(super) steps: Vec<Step>,
}

/// A middleware on a way.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) reference: Reference,
    /// The chain that brings it.
    pub(super) chain: Option<String>,
    /// The chain brings itself.
    pub(super) is_circle: bool,
}

const DEEPEST: usize = 20;

impl<'d> Model<'d> {
    pub(super) fn of(documents: &'d [Document], findings: &mut Vec<Finding>) -> Self {
        let mut model = Self {
            plugins: Plugins::of(documents),
            ..Self::default()
        };
        // Of two files of a directory Traefik takes the one whose name comes first.
        let mut dynamic: Vec<&Document> = of_source(documents, Source::Dynamic).collect();
        dynamic.sort_by(|a, b| a.file.cmp(&b.file));
        for document in dynamic {
            model.dynamic(document, findings);
        }
        for document in of_source(documents, Source::Static) {
            model.entry_points(document);
        }
        kubernetes::read(of_source(documents, Source::Object), &mut model, findings);
        model
    }

    fn dynamic(&mut self, document: &'d Document, findings: &mut Vec<Finding>) {
        let file = &document.file;
        let mut twice = |kind: &str, name: &str, place, first: &Path| {
            let message = format!(
                "{kind} {name} is defined in {} too, and Traefik takes one of the two",
                first.display()
            );
            findings.push(finding(file, place, Severity::Warning, message));
        };
        let http = |section| document.node.members_at(&["http", section]).collect::<Vec<_>>();
        for (name, place, spec) in http("middlewares") {
            let id = format!("{name}@file");
            if let Some(first) = self.middlewares.get(&id) {
                twice("middleware", name, place, first.file);
                continue;
            }
            let definition = Definition {
                file,
                place,
                name: name.to_owned(),
                kind: Kind::of(spec, |spec| references(file, spec, "file")),
            };
            self.middlewares.insert(id, definition);
        }
        for (name, place, service) in http("services") {
            let id = format!("{name}@file");
            if self.services.contains_key(&id) {
                twice("service", name, place, file);
                continue;
            }
            self.services.insert(id, file_service(file, service));
        }
        for (name, place, router) in http("routers") {
            let id = format!("{name}@file");
            if let Some(first) = self.routers.iter().find(|router| router.id == id) {
                twice("router", name, place, &first.file);
                continue;
            }
            let texts = |name| router.items_of(name).iter().filter_map(Node::text);
            self.routers.push(Router {
                file: file.clone(),
                place,
                id,
                name: name.to_owned(),
                provider: "file",
                entry_points: texts("entryPoints").map(str::to_owned).collect(),
                middlewares: references(file, router, "file"),
                services: named_services(router.text_of("service"), "file"),
                parents: texts("parentRefs")
                    .map(|parent| qualified(parent, "file"))
                    .collect(),
            });
        }
        for (name, _, service) in document.node.members_at(&["tcp", "services"]) {
            let mut service = file_service(file, service);
            service.parts.iter_mut().for_each(|part| part.push_str("/tcp"));
            self.services.insert(format!("{name}@file/tcp"), service);
        }
        for (name, place, router) in document.node.members_at(&["tcp", "routers"]) {
            let service = router
                .text_of("service")
                .map(|name| format!("{}/tcp", qualified(name, "file")));
            self.routers.push(Router {
                file: file.clone(),
                place,
                id: format!("{name}@file/tcp"),
                name: format!("{name} (TCP)"),
                provider: "file",
                entry_points: Vec::new(),
                middlewares: Vec::new(),
                services: service.into_iter().collect(),
                parents: Vec::new(),
            });
        }
    }

    fn entry_points(&mut self, document: &Document) {
        for (name, _, settings) in document.node.members_at(&["entryPoints"]) {
            let middlewares = settings
                .get("http")
                .map(|http| references(&document.file, http, ""))
                .unwrap_or_default();
            self.entry_points.push(EntryPoint {
                name: name.to_owned(),
                is_default: settings.get("asDefault").is_some_and(Node::is_true),
                middlewares,
            });
        }
    }

    /// The ways through a router: one for each entry point and parent.
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
        // Several services have several middlewares, and which one a request meets is chance.
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

    /// The routers that a name of a parent stands for: one, or all of an IngressRoute.
    pub(super) fn parents<'m>(&'m self, id: &str) -> impl Iterator<Item = &'m Router> {
        let group = format!("{id}#");
        self.routers
            .iter()
            .filter(move |router| router.id == group.trim_end_matches('#') || router.id.starts_with(&group))
    }

    /// What entry points put before a router's own middlewares.
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

    /// Adds a middleware to a way, or those of its chain.
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

    /// All hosts and services that a router leads to.
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
    /// Reads what stands below a middleware's name, or below `spec`.
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

fn of_source(documents: &[Document], source: Source) -> impl Iterator<Item = &Document> {
    documents.iter().filter(move |it| it.source == source)
}

/// The middlewares that a router, a chain or an entry point lists by their names.
fn references(file: &Path, node: &Node, provider: &str) -> Vec<Reference> {
    let items = node.items_of("middlewares").iter();
    items
        .filter_map(|item| Some(reference(file, item.text()?, item.place, provider)))
        .collect()
}

pub(super) fn reference(file: &Path, name: &str, place: Place, provider: &str) -> Reference {
    Reference {
        id: qualified(name, provider),
        name: name.trim_end_matches(&format!("@{provider}")).to_owned(),
        file: file.to_owned(),
        place,
    }
}

fn named_services(name: Option<&str>, provider: &str) -> Vec<String> {
    let name = name.filter(|name| !name.is_empty());
    name.map(|name| qualified(name, provider)).into_iter().collect()
}

fn file_service(file: &Path, service: &Node) -> Service {
    let mut parts = Vec::new();
    for kind in ["weighted", "highestRandomWeight"] {
        let services = service.at(&[kind, "services"]).into_iter().flat_map(Node::items);
        parts.extend(services.filter_map(|part| part.text_of("name")));
    }
    for way in [
        ["mirroring", "service"],
        ["failover", "service"],
        ["failover", "fallback"],
    ] {
        parts.extend(service.at(&way).and_then(Node::text));
    }
    let mirrors = service
        .at(&["mirroring", "mirrors"])
        .into_iter()
        .flat_map(Node::items);
    parts.extend(mirrors.filter_map(|part| part.text_of("name")));
    let servers = service
        .at(&["loadBalancer", "servers"])
        .into_iter()
        .flat_map(Node::items);
    let servers = servers.filter_map(|it| it.text_of("url").or(it.text_of("address")));
    Service {
        servers: servers.map(server).collect(),
        parts: parts.into_iter().map(|name| qualified(name, "file")).collect(),
        middlewares: references(file, service, "file"),
    }
}
