//! Values of Traefik's Helm chart: static configuration in several spellings, and objects that the chart adds.

use super::arguments;
use super::raw::{Member, Raw, RawValue};
use super::tree::Tree;

/// The configuration that the values produce.
#[derive(Debug)]
pub(super) struct Values<'r> {
    /// Traefik's static configuration, as far as it matters here.
    pub(super) configuration: Raw,
    /// `extraObjects`. Each one is a block, or a text that contains a block.
    pub(super) objects: Vec<&'r Raw>,
    /// The directories that the chart mounts.
    pub(super) mounts: Vec<String>,
}

/// Reads values of the chart, or of a chart that has Traefik's as a dependency. Returns `None` if they are not such
/// values.
pub(super) fn read(raw: &Raw) -> Option<Values<'_>> {
    // Settings of the chart that Traefik itself does not have.
    const SIGNS: [&str; 6] = [
        "additionalArguments",
        "additionalVolumeMounts",
        "extraObjects",
        "globalArguments",
        "ingressRoute",
        "logs",
    ];
    let is_values = |raw: &Raw| SIGNS.iter().any(|name| member(raw, name).is_some());
    let values = match member(raw, "traefik") {
        _ if is_values(raw) => raw,
        Some(part) if is_values(part) => part,
        _ => return None,
    };
    let mut tree = Tree::new(values.place);
    for name in ["experimental", "providers"] {
        if let Some(block) = member(values, name)
            && !members(block).is_empty()
        {
            tree.put_at(name, block);
        }
    }
    for port in member(values, "ports").map(members).unwrap_or_default() {
        entry_point(port, &mut tree);
    }
    for name in ["globalArguments", "additionalArguments"] {
        let arguments = items(values, name).iter().filter_map(|item| match &item.value {
            RawValue::Text(text) => Some((text.as_str(), item.place)),
            _ => None,
        });
        for setting in arguments::settings(arguments) {
            tree.put(&setting);
        }
    }
    Some(Values {
        configuration: tree.into(),
        objects: items(values, "extraObjects").iter().collect(),
        mounts: mounts(values),
    })
}

/// Returns the directories that the values mount into Traefik's container.
fn mounts(values: &Raw) -> Vec<String> {
    let volumes = ["additionalVolumeMounts", "volumes"];
    let volumes = volumes.iter().flat_map(|name| items(values, name));
    let paths = volumes.filter_map(|volume| match &member(volume, "mountPath")?.value {
        RawValue::Text(path) => Some(path.clone()),
        _ => None,
    });
    paths.collect()
}

/// Adds the entry point that the chart creates from a port.
fn entry_point(port: &Member, tree: &mut Tree) {
    let mut put = |setting: &str, value: &Raw| {
        let path = format!("entryPoints.{}.{setting}", port.name);
        tree.put_at(&path, value);
    };
    let http = member(&port.value, "http");
    let middlewares = http
        .and_then(|http| member(http, "middlewares"))
        .or_else(|| member(&port.value, "middlewares"));
    if let Some(middlewares) = middlewares {
        put("http.middlewares", middlewares);
    }
    if let Some(switch) = member(&port.value, "asDefault") {
        put("asDefault", switch);
    }
}

fn members(raw: &Raw) -> &[Member] {
    match &raw.value {
        RawValue::Block(members) => members,
        _ => &[],
    }
}

fn member<'r>(raw: &'r Raw, name: &str) -> Option<&'r Raw> {
    let found = members(raw).iter().find(|member| member.name == name)?;
    Some(&found.value)
}

fn items<'r>(raw: &'r Raw, name: &str) -> &'r [Raw] {
    match member(raw, name).map(|list| &list.value) {
        Some(RawValue::List(items)) => items,
        _ => &[],
    }
}
