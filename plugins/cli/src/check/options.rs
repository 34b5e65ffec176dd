//! Checks the plugins' options with the plugins' own code.

use std::rc::Rc;

use basic_credentials_plugin::BasicCredentials;
use egress::Platform;
use egress::platform::Native;
use gateway_plugin::Gateway;
use jwt_plugin::JwtPlugin;
use middleware::{ConfigError, Host, Middleware};
use oauth_client_credentials_plugin::OAuthClientCredentials;
use oauth_introspection_plugin::OAuthIntrospection;
use oauth_token_exchange_plugin::OAuthTokenExchange;
use path_rewrite_plugin::PathRewrite;
use serde_json::{Map, Value};

use super::finding::{Finding, Severity, finding};
use super::model::{Kind, Model};
use super::placeholders::placeholder;
use super::plugins::Plugin;

pub(super) fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for definition in model.middlewares.values() {
        let Kind::Plugin { name, place, options } = definition.kind else {
            continue;
        };
        let mut say = |place, severity, message: String| {
            findings.push(finding(definition.file, place, severity, message));
        };
        let Some(plugin) = model.plugins.ours(name) else {
            let near = Plugin::ALL
                .into_iter()
                .map(Plugin::name)
                .find(|known| known.eq_ignore_ascii_case(name));
            match (near, model.plugins.module(name)) {
                (Some(near), None) => say(
                    place,
                    Severity::Error,
                    format!("{name} is not a plugin of ours; did you mean `{near}`? (case counts)"),
                ),
                (_, Some(module)) => say(
                    place,
                    Severity::Note,
                    format!(
                        "{name} is the plugin {module}, which is not ours: its options are not checked, and it does not count as a guard"
                    ),
                ),
                (None, None) => say(
                    place,
                    Severity::Note,
                    format!(
                        "{name} is not a plugin of ours as far as these files say: its options are not checked, and it does not \
                         count as a guard (if it is ours under another name, check Traefik's static configuration too)"
                    ),
                ),
            }
            continue;
        };
        for (field, message) in mistakes(plugin, options.to_json()) {
            let at = match field.as_str() {
                "configuration" => place,
                field => options.place_of(field),
            };
            let section = section(plugin, &field);
            say(
                at,
                Severity::Error,
                format!("{message} [docs/options.md#{section}]"),
            );
        }
    }
}

/// Returns the section of docs/options.md that explains an option. `gateway` has the options of other plugins in blocks
/// with their names.
fn section(plugin: Plugin, field: &str) -> String {
    let inner = field.split_once('.').and_then(|(block, _)| {
        let blocks = [Plugin::Jwt, Plugin::OAuthClientCredentials, Plugin::PathRewrite];
        blocks.into_iter().find(|inner| inner.name() == block)
    });
    let named = match plugin {
        Plugin::Gateway => inner.unwrap_or(plugin),
        _ => plugin,
    };
    named.name().to_ascii_lowercase()
}

/// Finds all mistakes in a plugin's options, by the path of the option. A plugin stops at the first mistake. So the
/// option is removed, or replaced with a valid value if it is required, and the plugin reads the options again.
fn mistakes(plugin: Plugin, mut options: Value) -> Vec<(String, String)> {
    const MOST: usize = 40;
    fill_in("", &mut options);
    let mut found: Vec<(String, String)> = Vec::new();
    for _ in 0..MOST {
        let Err(error) = build(plugin, &options) else {
            break;
        };
        let (field, message) = (error.field().to_owned(), sentence(&error));
        // This error is only a consequence: the option, or its first item, was removed earlier, or it is spelled
        // differently.
        let is_consequence = found.iter().any(|(known, _)| {
            let item = known
                .strip_prefix(&field)
                .is_some_and(|rest| rest.starts_with('['));
            known.eq_ignore_ascii_case(&field) || item
        });
        if !is_consequence {
            found.push((field.clone(), message));
        }
        if is_consequence || !remove(&mut options, &field) {
            let before = options.clone();
            put_in(&mut options, &field);
            if options == before {
                break;
            }
        }
    }
    found
}

/// Returns the error as a sentence that begins with the option's name.
fn sentence(error: &ConfigError) -> String {
    let (text, field) = (error.to_string(), error.field());
    match text.strip_prefix(field).and_then(|rest| rest.strip_prefix(": ")) {
        // Keep serde's own wording.
        Some(rest) if !rest.starts_with("invalid") => format!("{field} {rest}"),
        _ => text,
    }
}

fn build(plugin: Plugin, options: &Value) -> Result<(), ConfigError> {
    fn platform() -> Rc<dyn Platform> {
        Rc::new(Native::new(std::env::temp_dir(), |_| {}))
    }
    // Traefik's file provider turns an empty block into an empty text.
    let config = match options {
        Value::Null => Vec::new(),
        Value::String(text) if text.is_empty() => Vec::new(),
        options => options.to_string().into_bytes(),
    };
    match plugin {
        Plugin::Jwt => JwtPlugin::new(&config, platform()).map(drop),
        Plugin::OAuthClientCredentials => OAuthClientCredentials::new(&config, platform()).map(drop),
        Plugin::OAuthIntrospection => OAuthIntrospection::new(&config, platform()).map(drop),
        Plugin::BasicCredentials => BasicCredentials::new(&config, platform() as Rc<dyn Host>).map(drop),
        Plugin::OAuthTokenExchange => OAuthTokenExchange::new(&config, platform).map(drop),
        Plugin::PathRewrite => PathRewrite::new(&config, platform() as Rc<dyn Host>).map(drop),
        Plugin::Gateway => Gateway::new(&config, platform).map(drop),
    }
}

/// Replaces references that exist only on Traefik's machine with valid values.
fn fill_in(name: &str, value: &mut Value) {
    match value {
        Value::String(text) if is_reference(text) || is_to_be_filled_in(name, text) => {
            *value = stand_in(name, text)
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill_in(name, item)),
        Value::Object(members) => {
            if let Some(keys) = members.get_mut("apiKeys") {
                fill_in_api_keys(keys);
            }
            fill_in_key_pair(members);
            members
                .iter_mut()
                .for_each(|(name, member)| fill_in(name, member));
        }
        _ => {}
    }
}

/// API keys must be long and must differ from each other.
fn fill_in_api_keys(keys: &mut Value) {
    for (index, entry) in keys.as_array_mut().into_iter().flatten().enumerate() {
        for (name, stand_in) in [
            ("key", format!("placeholder-of-key-{index}")),
            ("keyHash", format!("{index:064x}")),
        ] {
            if let Some(value) = entry.get_mut(name)
                && value.as_str().is_some_and(is_reference)
            {
                *value = stand_in.into();
            }
        }
    }
}

/// A private key and its certificate belong together. If one of them is a reference, both are replaced.
fn fill_in_key_pair(members: &mut Map<String, Value>) {
    let is_elsewhere = |value: &Value| value.as_str().is_some_and(is_reference);
    let names = ["key", "cert", "certificate"];
    let some_elsewhere = names
        .iter()
        .any(|name| members.get(*name).is_some_and(is_elsewhere));
    if !some_elsewhere || !members.contains_key("key") {
        return;
    }
    let Some((key, certificate)) = key_pair() else {
        return;
    };
    for (name, pem) in [
        ("key", &key),
        ("cert", &certificate),
        ("certificate", &certificate),
    ] {
        if let Some(value) = members.get_mut(name) {
            *value = pem.as_str().into();
        }
    }
    // The type of the referenced key is not known here.
    if members.get("algorithm").is_some_and(|name| name == "RS256") {
        members.remove("algorithm");
    }
}

/// Creates a new private key and its certificate in PEM.
fn key_pair() -> Option<(String, String)> {
    let key = rcgen::KeyPair::generate().ok()?;
    let certificate = rcgen::CertificateParams::default().self_signed(&key).ok()?;
    Some((key.serialize_pem(), certificate.pem()))
}

fn is_reference(text: &str) -> bool {
    let secret = text.strip_prefix("urn:k8s:secret:");
    text.starts_with("env:")
        || text.starts_with("file:")
        || secret.is_some_and(|rest| rest.split(':').filter(|part| !part.is_empty()).count() == 2)
}

/// Returns whether the text is a path to a key file, or has a host that the reader of an example must fill in.
fn is_to_be_filled_in(name: &str, text: &str) -> bool {
    (name == "jwksFile" && text.starts_with('/')) || placeholder(name, text).is_some()
}

/// A value that fits. Different texts get different values, since a plugin may demand that options differ.
fn stand_in(name: &str, text: &str) -> Value {
    let own: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    match name {
        "jwksFile" => JWKS.into(),
        "publicKey" => PUBLIC_KEY.into(),
        "url" | "jwksUrl" => format!("https://placeholder.invalid/{own}").into(),
        "path" => format!("/placeholder{own}").into(),
        // Long enough for every algorithm, both as base64 and as plain text.
        "signingSecret" => "A".repeat(88).into(),
        "secret" | "refreshTokenKey" => "A".repeat(32).into(),
        "ca" | "cert" | "key" => Value::Null,
        _ => format!("placeholder{own}").into(),
    }
}

/// Removes the option. Returns whether it existed.
fn remove(options: &mut Value, field: &str) -> bool {
    let (parent, last) = match field.rsplit_once(['.', '[']) {
        Some((parent, last)) => (parent, last.trim_end_matches(']')),
        None => ("", field),
    };
    let pointer: String = parent
        .split(['.', '['])
        .filter(|part| !part.is_empty())
        .map(|part| format!("/{}", part.trim_end_matches(']')))
        .collect();
    match options.pointer_mut(&pointer) {
        Some(Value::Object(members)) => members.remove(last).is_some(),
        // Removes an item of a list and all items after it, because their indexes would change.
        Some(Value::Array(items)) => match last.parse() {
            Ok(place @ 1..) => {
                items.truncate(place);
                true
            }
            _ if !parent.is_empty() => remove(options, parent),
            _ => false,
        },
        _ => false,
    }
}

/// Sets the option to a valid value.
fn put_in(options: &mut Value, field: &str) {
    let mut place = options;
    for name in field.split(['.', '[']).map(|name| name.trim_end_matches(']')) {
        place = match place {
            Value::Object(members) => members.entry(name).or_insert(Value::Null),
            Value::Array(items) => match name.parse().ok().and_then(|index: usize| items.get_mut(index)) {
                Some(item) => item,
                None => return,
            },
            _ => return,
        };
    }
    *place = stand_in(field.rsplit('.').next().unwrap_or_default(), "");
}

/// A public key whose private key no longer exists.
const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
";
const JWKS: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE"}]}"#;
