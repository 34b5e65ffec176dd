//! Placeholders from an example that were left in a configuration: `{tenantid}`, `YOUR_DOMAIN`, `<tenant>`.
//!
//! Such a value may be legal, so it is never refused. But it never matches anything: no token has the issuer
//! `https://login.microsoftonline.com/{tenantid}/v2.0`, although the metadata of Entra ID's `common` endpoint says so.

use serde_json::Value;

/// A value that seems to contain a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placeholder {
    /// The option's path, such as `issuers[0]`.
    pub option: String,
    /// The placeholder, such as `{tenantid}`.
    pub text: String,
}

impl Placeholder {
    /// Says what is wrong and what to do. Continues a sentence that begins with the option's name.
    pub fn problem(&self) -> String {
        format!(
            "holds {}, which looks like a placeholder of an example: write the value itself in its place",
            self.text
        )
    }
}

/// Returns the placeholders in an option block, in the order of its members. Searches values that name places, parties
/// and scopes, but never secrets, whose text must not be logged.
pub fn placeholders(options: &Value) -> Vec<Placeholder> {
    let mut found = Vec::new();
    search(options, String::new(), false, &mut found);
    found
}

/// The options to search, including everything inside them, wherever they are in the block.
const OPTIONS: [&str; 20] = [
    "audience",
    "audiences",
    "clientID",
    "clientId",
    "endpoints",
    "issuer",
    "issuers",
    "jwksUrl",
    "loginUrl",
    "logoutUrl",
    "masterSet",
    "redirectUrl",
    "requiredScopes",
    "resource",
    "scopes",
    "scopesByClient",
    "tenant",
    "trustedIssuers",
    "url",
    "values",
];

/// Members that are never searched, wherever they are.
const SECRETS: [&str; 5] = ["clientSecret", "key", "password", "secret", "cert"];

fn search(value: &Value, path: String, is_meant: bool, found: &mut Vec<Placeholder>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if SECRETS.contains(&name.as_str()) {
                    continue;
                }
                let path = match path.is_empty() {
                    true => name.clone(),
                    false => format!("{path}.{name}"),
                };
                search(member, path, is_meant || OPTIONS.contains(&name.as_str()), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                search(item, format!("{path}[{index}]"), is_meant, found);
            }
        }
        Value::String(text) if is_meant => {
            if let Some(text) = placeholder(text) {
                found.push(Placeholder { option: path, text });
            }
        }
        _ => {}
    }
}

/// The first placeholder in `text`.
fn placeholder(text: &str) -> Option<String> {
    const LONGEST: usize = 64;
    let found = enclosed(text, "{{", "}}")
        .or_else(|| enclosed(text, "${", "}"))
        .or_else(|| enclosed(text, "$(", ")"))
        .or_else(|| enclosed(text, "{", "}"))
        .or_else(|| enclosed(text, "<", ">"))
        .or_else(|| enclosed(text, "%7B", "%7D"))
        .or_else(|| words(text).find(|word| stands_for_another(word)))
        .or_else(|| ["…", "..."].into_iter().find(|dots| text.contains(dots)));
    found.map(|found| found.chars().take(LONGEST).collect())
}

/// Returns the text between two signs, with the signs. No name and no URL contains these signs.
fn enclosed<'t>(text: &'t str, begin: &str, end: &str) -> Option<&'t str> {
    let start = text.find(begin)?;
    let from = text.get(start..)?;
    let length = from.find(end)?.checked_add(end.len())?;
    from.get(..length)
}

/// Splits `text` into words as a person reads them: `YOUR_DOMAIN`, `idcs`, `xxxx`.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_of_word = |character: char| character.is_alphanumeric() || character == '_' || character == '-';
    text.split(move |character| !is_of_word(character))
        .flat_map(|word| std::iter::once(word).chain(word.split('-')))
}

fn stands_for_another(word: &str) -> bool {
    let crossed_out = word.len() >= 4 && word.bytes().all(|byte| byte.eq_ignore_ascii_case(&b'x'));
    let addressed = |you: &str| {
        let rest = word.strip_prefix(you).unwrap_or_default();
        rest.starts_with(['_', '-']) || (you == "your" && rest.starts_with(|c: char| c.is_ascii_uppercase()))
    };
    let told = [
        "CHANGE_ME",
        "CHANGE-ME",
        "CHANGEME",
        "REPLACE_ME",
        "REPLACE-ME",
        "TODO",
    ];
    crossed_out
        || ["YOUR", "Your", "your"].into_iter().any(addressed)
        || told.iter().any(|told| word.eq_ignore_ascii_case(told))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn placeholders_of_other_documents_are_found() {
        for (text, expected) in [
            // From Entra ID's own metadata and its documentation.
            ("https://login.microsoftonline.com/{tenantid}/v2.0", "{tenantid}"),
            (
                "https://login.microsoftonline.com/{tenant}/discovery/v2.0/keys",
                "{tenant}",
            ),
            (
                "https://login.microsoftonline.com/%7Btenantid%7D/v2.0",
                "%7Btenantid%7D",
            ),
            (
                "https://login.microsoftonline.com/<tenant-id>/v2.0",
                "<tenant-id>",
            ),
            // Keycloak, Okta, Auth0, Cognito.
            ("https://id.example/realms/{realm-name}", "{realm-name}"),
            ("https://${yourOktaDomain}/oauth2/default", "${yourOktaDomain}"),
            ("https://{yourOktaDomain}/oauth2/default", "{yourOktaDomain}"),
            ("https://yourOktaDomain/oauth2/default", "yourOktaDomain"),
            ("https://YOUR_DOMAIN/.well-known/jwks.json", "YOUR_DOMAIN"),
            ("https://your-tenant.eu.auth0.com/", "your-tenant"),
            (
                "https://cognito-idp.{region}.amazonaws.com/{userPoolId}",
                "{region}",
            ),
            // Oracle, and this project.
            (
                "https://idcs-xxxxxxxxxxxxx.identity.oraclecloud.com",
                "xxxxxxxxxxxxx",
            ),
            ("https://idcs-….identity.oraclecloud.com", "…"),
            ("https://idcs-....identity.oraclecloud.com", "..."),
            (
                "https://YOUR_INSTANCE.integration.ocp.oraclecloud.com:443urn:opc:resource:consumer::all",
                "YOUR_INSTANCE",
            ),
            ("idcs-YOUR_DOMAIN", "YOUR_DOMAIN"),
            // Templates that nobody has filled in.
            ("{{ .Values.issuer }}", "{{ .Values.issuer }}"),
            ("{{ env \"ISSUER\" }}", "{{ env \"ISSUER\" }}"),
            ("${ISSUER}", "${ISSUER}"),
            ("$(ISSUER)", "$(ISSUER)"),
            ("changeme", "changeme"),
            ("TODO", "TODO"),
        ] {
            assert_eq!(placeholder(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn values_of_real_providers_are_left_alone() {
        for text in [
            "https://identity.oraclecloud.com/",
            "https://idcs-0123456789abcdef0123456789abcdef.identity.oraclecloud.com:443/oauth2/v1/token",
            "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
            "https://accounts.google.com",
            "https://dev-1234.okta.com/oauth2/default",
            "https://tenant.eu.auth0.com/",
            "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_AbCdEfGhI",
            "https://id.example/realms/master",
            "https://yourcenar.example/",
            "https://myapp.example",
            "https://exxon.example/xxx/v1",
            "https://a.example/~team/keys.json?v=1.2..3",
            "urn:opc:idm:__myscopes__",
            "https://instance.integration.ocp.oraclecloud.com:443urn:opc:resource:consumer::all",
            "api://0f5b7d6e-0000-4000-8000-000000000000/.default",
            "env:ISSUER",
            "file:/run/secrets/issuer",
            "urn:k8s:secret:creds:clientId",
            "/.well-known/jwks.json",
            "todos:read",
            "a < b",
            "",
        ] {
            assert_eq!(placeholder(text), None, "{text}");
        }
    }

    #[test]
    fn they_are_looked_for_in_places_parties_and_scopes_and_nowhere_else() {
        let options = json!({
            "issuers": ["https://a.example", "https://b.example/{tenantid}"],
            "trustedIssuers": [{ "issuer": "x", "jwksUrl": "https://YOUR_DOMAIN/jwks" }],
            "url": "https://idcs-….example/token",
            "scopes": "${SCOPE}",
            "clientSecret": "{hunter2}",
            "signingSecret": "<hunter2>",
            "jwksAuth": { "url": "https://<domain>/token", "clientSecret": "{hunter2}" },
            "clientConfig": { "url": "https://{idcs}/introspect", "headers": { "X-Key": "{hunter2}" }, "tls": { "key": "<x>" } },
            "scopesByClient": { "app": ["YOUR_SCOPE"] },
            "rules": [{ "regex": "^/a{2}$", "replacement": "/${name}" }],
            "claims": "Equals(`a`, `{b}`)",
            "leewaySeconds": 60,
        });
        let mut found: Vec<(String, String)> = placeholders(&options)
            .into_iter()
            .map(|placeholder| (placeholder.option, placeholder.text))
            .collect();
        found.sort();
        let expected = [
            ("clientConfig.url", "{idcs}"),
            ("issuers[1]", "{tenantid}"),
            ("jwksAuth.url", "<domain>"),
            ("scopes", "${SCOPE}"),
            ("scopesByClient.app[0]", "YOUR_SCOPE"),
            ("trustedIssuers[0].jwksUrl", "YOUR_DOMAIN"),
            ("url", "…"),
        ];
        assert_eq!(
            found,
            expected.map(|(option, text)| (option.to_owned(), text.to_owned()))
        );
    }
}
