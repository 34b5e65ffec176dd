//! Helpers for Traefik's static and dynamic configuration.

use serde_json::{Value, json};

#[cfg(feature = "yaml")]
use super::error::TraefikError;

/// Parses YAML into a JSON value. An empty document is an empty object.
#[cfg(feature = "yaml")]
pub(super) fn from_yaml(text: &str) -> Result<Value, TraefikError> {
    let value: Value =
        serde_saphyr::from_str(text).map_err(|error| TraefikError::StaticConfiguration(error.to_string()))?;
    Ok(if value.is_null() { json!({}) } else { value })
}

/// Returns the names of the entry points that a static configuration defines.
pub(super) fn entry_points(settings: &Value) -> Vec<String> {
    let defined = settings.get("entryPoints").and_then(Value::as_object);
    defined
        .map(|points| points.keys().cloned().collect())
        .unwrap_or_default()
}

/// Returns whether an entry point redirects every request, so that it cannot be used to check for the marker.
pub(super) fn redirects(settings: &Value, entry_point: &str) -> bool {
    settings
        .pointer(&format!("/entryPoints/{entry_point}/http/redirections"))
        .is_some()
}

/// Returns the dynamic configuration that shows which generation is active: only its path answers 418.
pub(super) fn marker(generation: u64) -> Value {
    json!({ "http": { "routers": { "harness-marker": {
        "rule": format!("Path(`{}`)", marker_path(generation)),
        "priority": 1_000_000_000,
        "service": "noop@internal",
    }}}})
}

/// Returns the path that answers [`MARKER_STATUS`] once this generation of the dynamic configuration is active.
pub(super) fn marker_path(generation: u64) -> String {
    format!("{MARKER_PATH}{generation}")
}

/// The prefix of all marker paths.
pub(super) const MARKER_PATH: &str = "/harness-marker/";

/// The status that Traefik's `noop@internal` answers with.
pub(super) const MARKER_STATUS: u16 = 418;

#[cfg(all(test, feature = "yaml"))]
mod tests {
    use super::*;

    #[test]
    fn yaml_is_read_as_traefik_reads_it() {
        let yaml = "entryPoints:\n  web:\n    address: \":80\" # plain\n  admin: {address: ':9'}\n";
        let value = from_yaml(yaml).unwrap();
        assert_eq!(
            value,
            json!({"entryPoints": {"web": {"address": ":80"}, "admin": {"address": ":9"}}})
        );
        assert_eq!(entry_points(&value), ["admin", "web"]);
        assert_eq!(from_yaml("").unwrap(), json!({}));
        assert!(matches!(
            from_yaml("a: ["),
            Err(TraefikError::StaticConfiguration(_))
        ));
    }
}
