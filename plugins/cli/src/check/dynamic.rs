//! Adds the dynamic configuration of Traefik's file and Docker providers, and entry points, to the model.

use std::path::Path;

use super::document::Node;
use super::files::{Document, Source};
use super::finding::{Finding, Severity, finding};
use super::model::{Definition, EntryPoint, Kind, Model, Reference, Router, Service, reference};
use super::place::Place;
use super::traefik::{qualified, server};

const FILE: &str = "file";
const DOCKER: &str = "docker";

/// Adds what the documents define to the model.
pub(super) fn read<'d>(documents: &'d [Document], model: &mut Model<'d>, findings: &mut Vec<Finding>) {
    for (source, provider) in [(Source::Dynamic, FILE), (Source::Labels, DOCKER)] {
        let mut dynamic: Vec<&Document> = documents.iter().filter(|it| it.source == source).collect();
        // If two files of a directory define the same thing, Traefik takes the one whose name comes first.
        dynamic.sort_by(|a, b| a.file.cmp(&b.file));
        for document in dynamic {
            let mut reader = Reader {
                document,
                provider,
                model,
                findings,
            };
            reader.http();
            reader.tcp();
        }
    }
    for document in documents.iter().filter(|it| it.source == Source::Static) {
        model.entry_points.extend(entry_points(document));
    }
}

struct Reader<'r, 'd> {
    document: &'d Document,
    provider: &'static str,
    model: &'r mut Model<'d>,
    findings: &'r mut Vec<Finding>,
}

impl<'d> Reader<'_, 'd> {
    fn id(&self, name: &str) -> String {
        format!("{name}@{}", self.provider)
    }

    fn section(&self, way: [&str; 2]) -> Vec<(&'d str, Place, &'d Node)> {
        self.document.node.members_at(&way).collect()
    }

    fn twice(&mut self, kind: &str, name: &str, place: Place, first: &Path) {
        let message = format!(
            "{kind} {name} is defined in {} too, and Traefik takes one of the two",
            first.display()
        );
        self.findings
            .push(finding(&self.document.file, place, Severity::Warning, message));
    }

    fn http(&mut self) {
        let (file, provider) = (&self.document.file, self.provider);
        for (name, place, spec) in self.section(["http", "middlewares"]) {
            let id = self.id(name);
            if let Some(first) = self.model.middlewares.get(&id) {
                self.twice("middleware", name, place, first.file);
                continue;
            }
            let definition = Definition {
                file,
                place,
                name: name.to_owned(),
                kind: Kind::of(spec, |spec| references(file, spec, provider)),
            };
            self.model.middlewares.insert(id, definition);
        }
        for (name, place, node) in self.section(["http", "services"]) {
            let id = self.id(name);
            if self.model.services.contains_key(&id) {
                self.twice("service", name, place, file);
                continue;
            }
            let service = service(file, node, provider);
            self.model.services.insert(id, service);
        }
        for (name, place, router) in self.section(["http", "routers"]) {
            let id = self.id(name);
            if let Some(first) = self.model.routers.iter().find(|router| router.id == id) {
                let first = first.file.clone();
                self.twice("router", name, place, &first);
                continue;
            }
            let texts = |name| router.items_of(name).iter().filter_map(Node::text);
            let service = router.text_of("service").filter(|name| !name.is_empty());
            self.model.routers.push(Router {
                file: file.clone(),
                place,
                id,
                name: name.to_owned(),
                provider,
                rule: router.text_of("rule").unwrap_or_default().to_owned(),
                entry_points: texts("entryPoints").map(str::to_owned).collect(),
                middlewares: references(file, router, provider),
                services: service
                    .map(|name| qualified(name, provider))
                    .into_iter()
                    .collect(),
                parents: texts("parentRefs")
                    .map(|parent| qualified(parent, provider))
                    .collect(),
            });
        }
    }

    fn tcp(&mut self) {
        let (file, provider) = (&self.document.file, self.provider);
        for (name, _, node) in self.section(["tcp", "services"]) {
            let mut service = service(file, node, provider);
            service.parts.iter_mut().for_each(|part| part.push_str("/tcp"));
            self.model
                .services
                .insert(format!("{}/tcp", self.id(name)), service);
        }
        for (name, place, router) in self.section(["tcp", "routers"]) {
            let service = router
                .text_of("service")
                .map(|name| format!("{}/tcp", qualified(name, provider)));
            self.model.routers.push(Router {
                file: file.clone(),
                place,
                id: format!("{}/tcp", self.id(name)),
                name: format!("{name} (TCP)"),
                provider,
                rule: String::new(),
                entry_points: Vec::new(),
                middlewares: Vec::new(),
                services: service.into_iter().collect(),
                parents: Vec::new(),
            });
        }
    }
}

fn entry_points(document: &Document) -> impl Iterator<Item = EntryPoint> {
    let members = document.node.members_at(&["entryPoints"]);
    members.map(|(name, _, settings)| EntryPoint {
        name: name.to_owned(),
        is_default: settings.get("asDefault").is_some_and(Node::is_true),
        middlewares: settings
            .get("http")
            .map(|http| references(&document.file, http, ""))
            .unwrap_or_default(),
    })
}

/// Returns the middlewares that a router, a chain, or an entry point lists by name.
fn references(file: &Path, node: &Node, provider: &str) -> Vec<Reference> {
    let items = node.items_of("middlewares").iter();
    items
        .filter_map(|item| Some(reference(file, item.text()?, item.place, provider)))
        .collect()
}

fn service(file: &Path, service: &Node, provider: &str) -> Service {
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
        parts: parts.into_iter().map(|name| qualified(name, provider)).collect(),
        middlewares: references(file, service, provider),
    }
}
