//! Docker Compose files. Labels are dynamic configuration, and the arguments of Traefik's own container are static
//! configuration.

use super::arguments;
use super::document::{Content, Node};
use super::place::Place;
use super::raw::Raw;
use super::tree::{Setting, Tree};

/// The parts of a Compose service that concern Traefik.
#[derive(Debug)]
pub(super) struct Service<'n> {
    pub(super) name: &'n str,
    /// Its labels, if any are for Traefik.
    pub(super) labels: Option<Raw>,
    /// The ports that labels set, by Traefik service.
    ports: Vec<(String, String)>,
    /// Its arguments, if the container runs Traefik.
    pub(super) arguments: Option<Raw>,
    /// Its environment variables.
    pub(super) environment: Option<&'n Node>,
}

/// Reads a Compose file. Returns `None` if the document is not one.
pub(super) fn read(node: &Node) -> Option<Vec<Service<'_>>> {
    let services = node.get("services")?;
    let is_service = |node: &Node| {
        ["image", "build", "labels", "command"]
            .iter()
            .any(|name| node.get(name).is_some())
    };
    if !services.members().any(|(_, _, service)| is_service(service)) {
        return None;
    }
    let services = services
        .members()
        .map(|(name, _, service)| read_service(name, service));
    Some(services.collect())
}

fn read_service<'n>(name: &'n str, service: &'n Node) -> Service<'n> {
    let labels = labels(service);
    let is_off = labels
        .iter()
        .any(|label| label.path.eq_ignore_ascii_case("enable") && label.value == "false");
    let (mut tree, mut some, mut ports) = (Tree::new(service.place), false, Vec::new());
    for label in labels.iter().filter(|_| !is_off) {
        let path = label.path.to_ascii_lowercase();
        if path.starts_with("http.") || path.starts_with("tcp.") {
            tree.put(label);
            some = true;
        }
        let named = label.path.split('.').nth(2);
        if let (Some(named), true) = (named, path.ends_with(".loadbalancer.server.port")) {
            ports.push((named.to_owned(), label.value.clone()));
        }
    }
    Service {
        name,
        labels: some.then(|| tree.into()),
        ports,
        arguments: arguments_of(service),
        environment: service.get("environment"),
    }
}

/// Returns the labels by their paths below `traefik.`.
fn labels(service: &Node) -> Vec<Setting> {
    let labels = ["labels"].iter().filter_map(|name| service.get(name));
    let deployed = service.at(&["deploy", "labels"]);
    let mut found = Vec::new();
    for labels in labels.chain(deployed) {
        for item in labels.items() {
            if let Some((path, value)) = item.text().and_then(|text| text.split_once('=')) {
                found.extend(setting(path, value.to_owned(), item.place));
            }
        }
        for (path, place, value) in labels.members() {
            let value = match value.to_json() {
                serde_json::Value::String(text) => text,
                value => value.to_string(),
            };
            found.extend(setting(path, value, place));
        }
    }
    found
}

fn setting(path: &str, value: String, place: Place) -> Option<Setting> {
    const ROOT: &str = "traefik.";
    let root = path.get(..ROOT.len())?;
    root.eq_ignore_ascii_case(ROOT).then(|| Setting {
        path: path.get(ROOT.len()..).unwrap_or_default().to_owned(),
        value: interpolated(&value),
        place,
    })
}

/// Returns a value after Compose's interpolation. The values of variables are not known here: a value that is a single
/// variable becomes a reference (`env:NAME`), and a variable within a text becomes its default or its name.
fn interpolated(value: &str) -> String {
    let whole = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    if let Some(name) = whole.filter(|name| name.chars().all(is_of_name)) {
        return format!("env:{name}");
    }
    let mut parts = value.split("$$");
    let first = parts.next().unwrap_or_default();
    parts.fold(variables(first), |text, part| text + "$" + &variables(part))
}

fn variables(text: &str) -> String {
    let Some((before, rest)) = text.split_once("${") else {
        return text.to_owned();
    };
    let Some((inner, after)) = rest.split_once('}') else {
        return text.to_owned();
    };
    let default = inner.split_once('-').map(|(_, default)| default.to_owned());
    let value = default.unwrap_or_else(|| inner.chars().take_while(|c| is_of_name(*c)).collect());
    format!("{before}{value}{}", variables(after))
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns the arguments of a container that runs Traefik.
fn arguments_of(service: &Node) -> Option<Raw> {
    let command = service.get("command")?;
    let given: Vec<(&str, Place)> = match command.text() {
        Some(text) => text
            .split_whitespace()
            .map(|argument| (argument, command.place))
            .collect(),
        None => command
            .items()
            .iter()
            .filter_map(|item| Some((item.text()?, item.place)))
            .collect(),
    };
    const SECTIONS: [&str; 4] = ["providers.", "entrypoints.", "experimental.", "api"];
    let settings = arguments::settings(given);
    let is_traefik = settings.iter().any(|setting| {
        let path = setting.path.to_ascii_lowercase();
        SECTIONS.iter().any(|section| path.starts_with(section))
    });
    if !is_traefik {
        return None;
    }
    let mut tree = Tree::new(command.place);
    for setting in &settings {
        tree.put(setting);
    }
    Some(tree.into())
}

impl Service<'_> {
    /// Adds what Traefik's Docker provider adds: the container as the only server of each of its services, a service if
    /// there is none, and the service of routers that do not name one.
    pub(super) fn complete(&self, configuration: &mut Node) {
        for protocol in ["http", "tcp"] {
            let Some(section) = configuration.get_mut(protocol) else {
                continue;
            };
            let place = section.place;
            let defined = section.members_at(&["services"]);
            let mut names: Vec<String> = defined.map(|(name, ..)| name.to_owned()).collect();
            if names.is_empty() {
                names.push(self.name.to_owned());
            }
            let services = names
                .iter()
                .map(|name| (name.clone(), place, self.server(name, place)));
            let services = Node {
                place,
                content: Content::Block(services.collect()),
            };
            section.set("services", services);
            let [only] = names.as_slice() else { continue };
            let Some(routers) = section.get_mut("routers") else {
                continue;
            };
            if let Content::Block(routers) = &mut routers.content {
                for (_, place, router) in routers {
                    if router.get("service").is_none() {
                        router.set("service", Node::text_at(*place, only));
                    }
                }
            }
        }
    }

    fn server(&self, name: &str, place: Place) -> Node {
        let port = self.ports.iter().find(|(service, _)| service == name);
        let host = match port {
            Some((_, port)) => format!("http://{}:{port}", self.name),
            None => format!("http://{}", self.name),
        };
        let block = |name: &str, content| Node {
            place,
            content: Content::Block(vec![(name.to_owned(), place, content)]),
        };
        let servers = Node {
            place,
            content: Content::List(vec![block("url", Node::text_at(place, host))]),
        };
        block("loadBalancer", block("servers", servers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_not_placeholders() {
        for (written, read) in [
            ("PathPrefix(`/a`)", "PathPrefix(`/a`)"),
            ("${SECRET}", "env:SECRET"),
            ("https://${HOST}/jwk", "https://HOST/jwk"),
            ("${HOST:-idcs.example}", "idcs.example"),
            ("/x$$1", "/x$1"),
            ("${A}${B}", "AB"),
        ] {
            assert_eq!(interpolated(written), read, "{written}");
        }
    }
}
