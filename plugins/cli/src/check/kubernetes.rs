//! Kubernetes objects: Traefik's own, Ingresses, and routes of the Gateway API.

use std::path::Path;

use super::document::{Content, Node};
use super::elsewhere::elsewhere;
use super::files::{Document, Source};
use super::finding::{Finding, Severity, finding};
use super::model::{Definition, Kind, Model, Reference, Router, Service, reference};
use super::place::Place;
use super::traefik::{crd_id, qualified, server};

const CRD: &str = "kubernetescrd";
const INGRESS: &str = "kubernetes";
const GATEWAY: &str = "kubernetesgateway";

/// Adds what the objects define to the model.
pub(super) fn read<'d>(documents: &'d [Document], model: &mut Model<'d>, findings: &mut Vec<Finding>) {
    let allows_other_namespaces = allows_other_namespaces(documents);
    for document in documents.iter().filter(|it| it.source == Source::Object) {
        let mut reader = Reader {
            file: &document.file,
            namespace: document
                .node
                .at(&["metadata", "namespace"])
                .and_then(Node::text)
                .unwrap_or("default"),
            name: document
                .node
                .at(&["metadata", "name"])
                .and_then(Node::text)
                .unwrap_or_default(),
            allows_other_namespaces,
            model,
            findings,
        };
        reader.object(&document.node);
    }
}

struct Reader<'r, 'd> {
    file: &'d Path,
    namespace: &'d str,
    name: &'d str,
    allows_other_namespaces: Option<bool>,
    model: &'r mut Model<'d>,
    findings: &'r mut Vec<Finding>,
}

impl<'d> Reader<'_, 'd> {
    fn say(&mut self, place: Place, severity: Severity, message: impl Into<String>) {
        self.findings.push(finding(self.file, place, severity, message));
    }

    fn object(&mut self, node: &'d Node) {
        let group = node.text_of("apiVersion").unwrap_or_default();
        let group = group.split_once('/').map_or("", |(group, _)| group);
        let kind = node.text_of("kind").unwrap_or_default();
        let is_traefik = ["traefik.io", "traefik.containo.us"].contains(&group);
        match (group, kind) {
            (_, "Middleware") if is_traefik => self.middleware(node),
            (_, "IngressRoute") if is_traefik => self.ingress_route(node),
            (_, "IngressRouteTCP") if is_traefik => self.tcp(node, "routes", "services"),
            (_, "TraefikService") if is_traefik => self.traefik_service(node),
            ("", "Service") => self.service(node),
            ("networking.k8s.io" | "extensions", "Ingress") => self.ingress(node),
            ("gateway.networking.k8s.io", "HTTPRoute" | "GRPCRoute") => self.gateway_route(node),
            ("gateway.networking.k8s.io", "TCPRoute" | "TLSRoute") => self.tcp(node, "rules", "backendRefs"),
            ("", "ConfigMap") => self.config_map(node),
            ("serving.knative.dev", _)
            | ("hub.traefik.io", _)
            | ("helm.cattle.io" | "helm.toolkit.fluxcd.io", _) => {
                self.say(
                    node.place,
                    Severity::Warning,
                    format!(
                        "this check does not read {kind} {}: it does not judge the routers that result from it",
                        self.name
                    ),
                );
            }
            _ => {
                if let Some((place, what)) = elsewhere(node) {
                    self.say(place, Severity::Warning, what);
                }
            }
        }
        if group == "traefik.containo.us" {
            self.say(
                node.place,
                Severity::Warning,
                "the API group traefik.containo.us is that of Traefik 2; Traefik 3 reads traefik.io alone",
            );
        }
    }

    fn id(&self) -> String {
        crd_id(self.namespace, self.name)
    }

    fn shown(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    fn middleware(&mut self, node: &'d Node) {
        let Some(spec) = node.get("spec") else {
            return self.say(node.place, Severity::Error, "a Middleware needs a spec");
        };
        const SETTINGS: [&str; 27] = [
            "addPrefix",
            "stripPrefix",
            "stripPrefixRegex",
            "replacePath",
            "replacePathRegex",
            "chain",
            "ipWhiteList",
            "ipAllowList",
            "headers",
            "encodedCharacters",
            "errors",
            "rateLimit",
            "redirectRegex",
            "redirectScheme",
            "basicAuth",
            "digestAuth",
            "forwardAuth",
            "inFlightReq",
            "buffering",
            "circuitBreaker",
            "compress",
            "passTLSClientCert",
            "retry",
            "contentType",
            "grpcWeb",
            "plugin",
            "requestHeaderModifier",
        ];
        self.known(spec, &SETTINGS);
        if let Some(chain) = spec.get("chain") {
            self.known(chain, &["middlewares"]);
            self.list(chain, "middlewares");
        }
        let definition = Definition {
            file: self.file,
            place: node.place,
            name: self.shown(),
            kind: Kind::of(spec, |chain| self.references(chain)),
        };
        if let Some(first) = self.model.middlewares.insert(self.id(), definition) {
            let message = format!(
                "Middleware {} is defined in {} too, and the one that is applied last counts",
                first.name,
                first.file.display()
            );
            self.say(node.place, Severity::Warning, message);
        }
    }

    /// Reports unknown settings. Kubernetes drops them, so a misspelled list of middlewares has no effect.
    fn known(&mut self, node: &Node, settings: &[&str]) {
        if !matches!(node.content, Content::Block(_)) {
            self.say(
                node.place,
                Severity::Error,
                "must be a block of settings; Kubernetes refuses the object",
            );
        }
        for (name, place, _) in node.members() {
            if !settings.contains(&name) {
                let near = settings.iter().find(|known| known.eq_ignore_ascii_case(name));
                let near = near
                    .map(|near| format!("; did you mean `{near}`?"))
                    .unwrap_or_default();
                self.say(
                    place,
                    Severity::Error,
                    format!("{name} is not a setting that Kubernetes knows here: it refuses the object or drops the setting{near}"),
                );
            }
        }
    }

    fn list(&mut self, node: &Node, name: &str) {
        if let Some(member) = node.get(name)
            && !matches!(&member.content, Content::List(_))
            && !member.to_json().is_null()
        {
            self.say(
                member.place,
                Severity::Error,
                format!("{name} must be a list; Kubernetes refuses the object"),
            );
        }
    }

    /// Reads a list of references with `name` and `namespace`.
    fn references(&mut self, node: &Node) -> Vec<Reference> {
        let items = node.items_of("middlewares");
        items.iter().for_each(|item| self.namespace_of(item));
        items.iter().filter_map(|item| self.reference(item)).collect()
    }

    /// Reports a middleware in another namespace. Traefik uses it only if that is enabled.
    fn namespace_of(&mut self, item: &Node) {
        let namespace = item.text_of("namespace").unwrap_or(self.namespace);
        let name = item.text_of("name").unwrap_or_default();
        if namespace == self.namespace || name.contains('@') {
            return;
        }
        match self.allows_other_namespaces {
            Some(true) => {}
            Some(false) => self.say(
                item.place,
                Severity::Warning,
                format!(
                    "{namespace}/{name} is in another namespace, and providers.kubernetesCRD.allowCrossNamespace is not \
                     true: Traefik drops the router, and a broader router takes the requests unchecked"
                ),
            ),
            None => self.say(
                item.place,
                Severity::Note,
                format!(
                    "{namespace}/{name} is in another namespace: this needs \
                     providers.kubernetesCRD.allowCrossNamespace=true, which is not in these files"
                ),
            ),
        }
    }

    fn reference(&self, item: &Node) -> Option<Reference> {
        let name = item.text_of("name")?;
        if name.contains('@') {
            return Some(reference(self.file, name, item.place, CRD));
        }
        let namespace = item.text_of("namespace").unwrap_or(self.namespace);
        Some(Reference {
            id: crd_id(namespace, name),
            name: format!("{namespace}/{name}"),
            file: self.file.to_owned(),
            place: item.place,
        })
    }

    fn ingress_route(&mut self, node: &'d Node) {
        let Some(spec) = node.get("spec") else { return };
        self.known(
            spec,
            &["ingressClassName", "entryPoints", "routes", "tls", "parentRefs"],
        );
        self.list(spec, "routes");
        let texts = spec.items_of("entryPoints").iter().filter_map(Node::text);
        let entry_points: Vec<String> = texts.map(str::to_owned).collect();
        let parents = spec.items_of("parentRefs").iter().filter_map(|parent| {
            let namespace = parent.text_of("namespace").unwrap_or(self.namespace);
            Some(crd_id(namespace, parent.text_of("name")?))
        });
        let parents: Vec<String> = parents.collect();
        for (index, route) in spec.items_of("routes").iter().enumerate() {
            const SETTINGS: [&str; 7] = [
                "match",
                "kind",
                "priority",
                "syntax",
                "services",
                "middlewares",
                "observability",
            ];
            self.known(route, &SETTINGS);
            self.list(route, "middlewares");
            self.list(route, "services");
            for item in route.items_of("middlewares") {
                self.known(item, &["name", "namespace"]);
            }
            let rule = route.text_of("match").unwrap_or_default();
            let mut middlewares = self.references(route);
            let services = route.items_of("services");
            if let [service] = services {
                middlewares.extend(self.references(service));
            }
            let services = services.iter().filter_map(|it| self.backend(it)).collect();
            let router = Router {
                file: self.file.to_owned(),
                place: route.place,
                id: format!("{}#{index}", self.id()),
                name: format!("{} ({rule})", self.shown()),
                provider: CRD,
                rule: rule.to_owned(),
                entry_points: entry_points.clone(),
                middlewares,
                services,
                parents: parents.clone(),
            };
            self.model.routers.push(router);
        }
    }

    /// Returns the ID of the service that a route names.
    fn backend(&self, node: &Node) -> Option<String> {
        let name = node.text_of("name")?;
        if name.contains('@') {
            return Some(name.to_owned());
        }
        let namespace = node.text_of("namespace").unwrap_or(self.namespace);
        Some(match node.text_of("kind") {
            Some("TraefikService") => crd_id(namespace, name),
            _ => object_id(namespace, name),
        })
    }

    fn tcp(&mut self, node: &Node, routes: &str, backends: &str) {
        for route in node
            .get("spec")
            .map(|spec| spec.items_of(routes))
            .unwrap_or_default()
        {
            let services = route.items_of(backends).iter();
            let router = Router {
                file: self.file.to_owned(),
                place: route.place,
                id: format!("{}/tcp#{}", self.id(), self.model.routers.len()),
                name: format!("{} (TCP)", self.shown()),
                provider: CRD,
                rule: String::new(),
                entry_points: Vec::new(),
                middlewares: Vec::new(),
                services: services.filter_map(|it| self.backend(it)).collect(),
                parents: Vec::new(),
            };
            self.model.routers.push(router);
        }
    }

    fn traefik_service(&mut self, node: &Node) {
        let Some(spec) = node.get("spec") else { return };
        let mut parts = Vec::new();
        for kind in ["weighted", "highestRandomWeight"] {
            let services = spec
                .get(kind)
                .map(|it| it.items_of("services"))
                .unwrap_or_default();
            parts.extend(services.iter().filter_map(|it| self.backend(it)));
        }
        if let Some(mirroring) = spec.get("mirroring") {
            parts.extend(self.backend(mirroring));
            parts.extend(
                mirroring
                    .items_of("mirrors")
                    .iter()
                    .filter_map(|it| self.backend(it)),
            );
        }
        for part in ["service", "fallback"] {
            parts.extend(spec.at(&["failover", part]).and_then(|it| self.backend(it)));
        }
        let service = Service {
            parts,
            ..Service::default()
        };
        self.model.services.insert(self.id(), service);
    }

    /// Adds the destination of a Service: another host, or pods by their labels.
    fn service(&mut self, node: &Node) {
        let mut service = Service::default();
        if let Some(host) = node.at(&["spec", "externalName"]).and_then(Node::text) {
            service.servers.insert(server(host));
        } else if let Some(selector) = node.at(&["spec", "selector"]) {
            let pods = format!("pods {} of {}", selector.to_json(), self.namespace);
            service.servers.insert(pods);
        }
        self.model
            .services
            .insert(object_id(self.namespace, self.name), service);
    }

    fn ingress(&mut self, node: &'d Node) {
        const MIDDLEWARES: &str = "traefik.ingress.kubernetes.io/router.middlewares";
        const ENTRY_POINTS: &str = "traefik.ingress.kubernetes.io/router.entrypoints";
        let annotation = |name: &str| node.at(&["metadata", "annotations", name]);
        let list = |node: Option<&Node>| -> Vec<(String, Place)> {
            let found = node.and_then(|node| Some((node.text()?, node.place)));
            found
                .into_iter()
                .flat_map(|(text, place)| text.split(',').map(move |item| (item.trim().to_owned(), place)))
                .filter(|(item, _)| !item.is_empty())
                .collect()
        };
        let middlewares: Vec<Reference> = list(annotation(MIDDLEWARES))
            .into_iter()
            .map(|(name, place)| reference(self.file, &name, place, INGRESS))
            .collect();
        let entry_points: Vec<String> = list(annotation(ENTRY_POINTS))
            .into_iter()
            .map(|it| it.0)
            .collect();
        let Some(spec) = node.get("spec") else { return };
        let mut backends: Vec<(Place, &Node)> = Vec::new();
        backends.extend(spec.get("defaultBackend").map(|it| (it.place, it)));
        for rule in spec.items_of("rules") {
            for path in rule
                .get("http")
                .map(|http| http.items_of("paths"))
                .unwrap_or_default()
            {
                backends.extend(path.get("backend").map(|it| (path.place, it)));
            }
        }
        for (place, backend) in backends {
            let name = backend.at(&["service", "name"]).and_then(Node::text);
            let router = Router {
                file: self.file.to_owned(),
                place,
                id: format!("{}/ingress#{}", self.id(), self.model.routers.len()),
                name: format!("{} (Ingress)", self.shown()),
                provider: INGRESS,
                rule: String::new(),
                entry_points: entry_points.clone(),
                middlewares: middlewares.clone(),
                services: name
                    .map(|name| object_id(self.namespace, name))
                    .into_iter()
                    .collect(),
                parents: Vec::new(),
            };
            self.model.routers.push(router);
        }
    }

    /// Adds the rules of a Gateway API route. Filters act as middlewares, and the filters of backends come last.
    fn gateway_route(&mut self, node: &'d Node) {
        for rule in node
            .get("spec")
            .map(|spec| spec.items_of("rules"))
            .unwrap_or_default()
        {
            let backends = rule.items_of("backendRefs");
            let mut middlewares = self.filters(rule);
            if let [backend] = backends {
                middlewares.extend(self.filters(backend));
            }
            let router = Router {
                file: self.file.to_owned(),
                place: rule.place,
                id: format!("{}/route#{}", self.id(), self.model.routers.len()),
                name: format!("{} ({})", self.shown(), node.text_of("kind").unwrap_or_default()),
                provider: GATEWAY,
                rule: String::new(),
                entry_points: Vec::new(),
                middlewares,
                services: backends.iter().filter_map(|it| self.backend(it)).collect(),
                parents: Vec::new(),
            };
            self.model.routers.push(router);
        }
    }

    fn filters(&self, node: &Node) -> Vec<Reference> {
        let extensions = node
            .items_of("filters")
            .iter()
            .filter_map(|filter| filter.get("extensionRef"));
        extensions
            .filter_map(|extension| {
                let mut reference = self.reference(extension)?;
                reference.place = extension.place;
                Some(reference)
            })
            .collect()
    }

    fn config_map(&mut self, node: &Node) {
        for (name, place, _) in node.members_at(&["data"]) {
            let lower = name.to_ascii_lowercase();
            if [".yml", ".yaml", ".toml"].iter().any(|end| lower.ends_with(end)) {
                self.say(
                    place,
                    Severity::Warning,
                    format!("{name} within this ConfigMap is not read; if Traefik reads it check it as a file of its own"),
                );
            }
        }
    }
}

fn object_id(namespace: &str, name: &str) -> String {
    qualified(&format!("{namespace}/{name}"), "services")
}

/// Returns whether Traefik accepts middlewares of other namespaces, or `None` if the files do not configure the
/// Kubernetes provider.
fn allows_other_namespaces(documents: &[Document]) -> Option<bool> {
    let configurations = documents.iter().filter(|it| it.source == Source::Static);
    let mut providers = configurations
        .filter_map(|it| it.node.at(&["providers", "kubernetesCRD"]))
        .peekable();
    providers.peek()?;
    Some(providers.any(|provider| provider.get("allowCrossNamespace").is_some_and(Node::is_true)))
}
