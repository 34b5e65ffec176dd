//! Finds placeholders that were not filled in: `{tenantid}`, `YOUR_DOMAIN`, `<your-domain>`, `${DOMAIN}`.

use super::finding::{Finding, Severity, finding};
use super::model::{Kind, Model};

pub(super) fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for definition in model.middlewares.values() {
        let Kind::Plugin { name, options, .. } = definition.kind else {
            continue;
        };
        if model.plugins.ours(name).is_none() {
            continue;
        }
        options.each_text("", &mut |option, text, place| {
            if let Some(placeholder) = placeholder(option, text) {
                let message = format!(
                    "{option}: {placeholder} looks like a placeholder that was not filled in; Traefik takes it literally"
                );
                findings.push(finding(definition.file, place, Severity::Warning, message));
            }
        });
    }
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
        ] {
            assert_eq!(placeholder(option, text), found, "{option}: {text}");
        }
    }
}
