//! Finds placeholders that were not filled in: `{tenantid}`, `YOUR_DOMAIN`, `<your-domain>`, `${DOMAIN}`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::document::Node;
use super::files::{Document, Source};
use super::finding::{Finding, Severity, finding};
use super::model::Model;
use super::place::Place;

pub(super) fn check(documents: &[Document], model: &Model<'_>, findings: &mut Vec<Finding>) {
    options(model, findings);
    for document in documents {
        let mut say = |place, what: String| {
            let message = format!("{what} looks like a placeholder that was not filled in");
            findings.push(finding(&document.file, place, Severity::Warning, message));
        };
        match document.source {
            Source::Dynamic | Source::Labels => routing(&document.node, &mut say),
            Source::Object => object(&document.node, &mut say),
            Source::Static => {}
        }
    }
}

fn options(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for (_, used) in model.ours() {
        used.options.each_text("", &mut |option, text, place| {
            if let Some(placeholder) = placeholder(option, text) {
                let message = format!(
                    "{option}: {placeholder} looks like a placeholder that was not filled in; Traefik takes it literally"
                );
                findings.push(used.finding(place, Severity::Warning, message));
            }
        });
    }
}

/// Looks at rules and servers of the file provider and of labels.
fn routing(node: &Node, say: &mut dyn FnMut(Place, String)) {
    for protocol in ["http", "tcp"] {
        for (.., router) in node.members_at(&[protocol, "routers"]) {
            setting(router, "rule", say);
        }
        for (.., service) in node.members_at(&[protocol, "services"]) {
            let servers = service.at(&["loadBalancer", "servers"]);
            for server in servers.into_iter().flat_map(Node::items) {
                setting(server, "url", say);
                setting(server, "address", say);
            }
        }
    }
}

/// Looks at rules, hosts and Secrets of Kubernetes.
fn object(node: &Node, say: &mut dyn FnMut(Place, String)) {
    let kind = node.text_of("kind").unwrap_or_default();
    let empty = Node::block_at(node.place);
    let spec = node.get("spec").unwrap_or(&empty);
    match kind {
        "IngressRoute" | "IngressRouteTCP" => {
            for route in spec.items_of("routes") {
                setting(route, "match", say);
            }
        }
        "Ingress" => spec
            .items_of("rules")
            .iter()
            .for_each(|rule| setting(rule, "host", say)),
        "Service" => setting(spec, "externalName", say),
        "Secret" => {
            for section in ["data", "stringData"] {
                for (key, place, value) in node.members_at(&[section]) {
                    let text = value.text().unwrap_or_default();
                    let decoded = STANDARD.decode(text.trim()).ok().filter(|_| section == "data");
                    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
                    if is_unfilled_secret(text) || decoded.is_some_and(|text| is_unfilled_secret(&text)) {
                        // Do not repeat the value: it may be the secret.
                        say(place, format!("{section}.{key}: the value"));
                    }
                }
            }
        }
        _ => {}
    }
}

fn setting(node: &Node, name: &str, say: &mut dyn FnMut(Place, String)) {
    if let Some(value) = node.get(name)
        && let Some(text) = value.text()
        && let Some(placeholder) = placeholder(name, text)
    {
        say(value.place, format!("{name}: {placeholder}"));
    }
}

/// A secret may contain brackets. So a placeholder in brackets must be the whole value.
fn is_unfilled_secret(text: &str) -> bool {
    let text = text.trim();
    placeholder("", text).is_some_and(|found| found == text || !found.starts_with(['<', '{', '$']))
}

/// Returns the placeholder in the text of an option.
pub(super) fn placeholder<'t>(option: &str, text: &'t str) -> Option<&'t str> {
    // Patterns, replacements, expressions, and keys may contain these characters themselves.
    const FREE: [&str; 8] = [
        "regex",
        "claims",
        "key",
        "publicKey",
        "cert",
        "certificate",
        "ca",
        "jwks",
    ];
    if FREE.contains(&option) || text.contains("-----BEGIN") {
        return None;
    }
    let is_name = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ' '))
            && text.starts_with(|c: char| c.is_alphabetic() || c == '_')
    };
    let brackets = [("${", "}"), ("<", ">"), ("{", "}")];
    for (open, close) in brackets {
        // This is the syntax for a group of a pattern.
        if option == "replacement" && close == "}" {
            continue;
        }
        // Rules contain patterns, with `{2}` and `(?<name>…)`.
        let is_rule = ["rule", "match"].contains(&option);
        if is_rule && (open == "{" || (open == "<" && text.contains("(?"))) {
            continue;
        }
        // The plugin itself reports braces in paths.
        if option == "path" && open == "{" {
            continue;
        }
        let mut rest = text;
        while let Some(start) = rest.find(open) {
            let found = rest.get(start..)?;
            let inner = found.get(open.len()..)?;
            let Some(length) = inner.find(close) else { break };
            if is_name(inner.get(..length)?) {
                return found.get(..open.len() + length + close.len());
            }
            rest = inner;
        }
    }
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words
        .into_iter()
        .find(|word| word.starts_with("YOUR_") || word.starts_with("CHANGE_ME") || *word == "CHANGEME")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_known_by_their_signs() {
        for (option, text, found) in [
            (
                "issuers",
                "https://login.microsoftonline.com/{tenantid}/v2.0",
                Some("{tenantid}"),
            ),
            ("jwksUrl", "https://login.example/{tenant}/keys", Some("{tenant}")),
            (
                "jwksUrl",
                "https://idcs-YOUR_DOMAIN.identity.example/jwk",
                Some("YOUR_DOMAIN"),
            ),
            (
                "url",
                "https://idcs-<your-domain>.identity.example/token",
                Some("<your-domain>"),
            ),
            ("audiences", "${AUDIENCE}", Some("${AUDIENCE}")),
            ("replacement", "/ic/YOUR_PROJECT/1.0$1", Some("YOUR_PROJECT")),
            ("replacement", "/ic/${1}/${name}", None),
            ("regex", "^/a{2}(?<name>.*)$", None),
            ("claims", "Equals(`a`,`<b>`)", None),
            ("issuers", "https://identity.oraclecloud.com/", None),
            ("scopes", "a<b", None),
            ("issuers", "https://i/{", None),
            ("rule", "Host(`<your-host>`)", Some("<your-host>")),
            ("match", "Host(`YOUR_HOST`)", Some("YOUR_HOST")),
            ("rule", "PathRegexp(`^/{a}/(?<name>.*)$`)", None),
        ] {
            assert_eq!(placeholder(option, text), found, "{option}: {text}");
        }
    }
}
