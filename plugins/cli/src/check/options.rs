//! Checks the plugins' options with the plugins' own code.

mod stand_ins;

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
use serde_json::Value;

use super::finding::{Finding, Severity};
use super::model::Model;
use super::plugins::Plugin;
use stand_ins::{fill_in, stand_in};

pub(super) fn check(model: &Model<'_>, findings: &mut Vec<Finding>) {
    for used in model.of_plugins() {
        let (name, place) = (used.name, used.place);
        let mut say =
            |place, severity, message: String| findings.push(used.finding(place, severity, message));
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
        for (field, message) in mistakes(plugin, used.options.to_json()) {
            let at = match field.as_str() {
                "configuration" => place,
                field => used.options.place_of(field),
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
