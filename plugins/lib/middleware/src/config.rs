//! Reading a plugin's option block: strict about names, forgiving about how a provider spells values.
//!
//! Traefik passes one JSON object to every plugin. YAML and Kubernetes keep types, labels and key-value stores turn
//! every value into a string, and an option without a value arrives as `null`. The helpers in [`lenient`] accept all of
//! these. Unknown names are always refused: a misspelt `audience` that is silently ignored would open the gateway.

mod given;
pub mod lenient;
mod placeholder;
mod reader;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use self::given::{
    empty_list, given, given_text, given_together, in_range, not_empty, required, required_text, texts,
    values,
};
pub use self::placeholder::{Placeholder, placeholders};
use self::reader::Mistake;
use crate::{Event, FileError};

/// A configuration that must not be used: which option, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct ConfigError {
    field: String,
    message: String,
    passing: bool,
}

impl ConfigError {
    /// An error of the option `field` (a path such as `clientConfig.timeoutSeconds`).
    /// The message continues the sentence that the field's name begins, and never holds a secret.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
            passing: false,
        }
    }

    /// An error of the option `field`: the file `path` that it names cannot be read.
    pub fn of_file(field: impl Into<String>, path: &str, error: &FileError) -> Self {
        Self {
            passing: *error == FileError::Busy,
            ..Self::new(field, format!("names the file {path}: {error}"))
        }
    }

    /// True if the configuration itself may be good: a file could not be read because the host was busy.
    pub const fn is_passing(&self) -> bool {
        self.passing
    }

    /// The same error for an option inside the block `block`.
    #[must_use]
    pub fn within(self, block: &str) -> Self {
        let field = match self.field.as_str() {
            "configuration" => block.to_owned(),
            field => format!("{block}.{field}"),
        };
        Self { field, ..self }
    }

    /// The option's path.
    pub fn field(&self) -> &str {
        &self.field
    }
}

/// Reads the option block. `null` and options with the value `null` count as absent.
///
/// `T` should carry `#[serde(deny_unknown_fields)]` on every struct; the error then names the nearest option.
///
/// # Errors
/// [`ConfigError`] with the path of the offending option.
pub fn parse<T: DeserializeOwned>(json: &[u8]) -> Result<T, ConfigError> {
    reader::read(&read(json)?).map_err(|(path, mistake)| explain(&path, mistake))
}

/// Returns a warning for each placeholder that was left in the option block. See [`placeholders`].
pub fn placeholder_warnings(json: &[u8]) -> Vec<Event> {
    let options = read(json).unwrap_or_default();
    let warning = |found: Placeholder| {
        Event::warn("configuration.placeholder")
            .field("option", &found.option)
            .field("problem", found.problem())
    };
    placeholders(&options).into_iter().map(warning).collect()
}

/// Returns the option block without members that count as absent.
fn read(json: &[u8]) -> Result<Value, ConfigError> {
    let mut value: Value = if json.iter().all(u8::is_ascii_whitespace) {
        Value::Null
    } else {
        serde_json::from_slice(json)
            .map_err(|error| ConfigError::new("configuration", format!("is not JSON: {error}")))?
    };
    drop_nulls(&mut value);
    match value {
        Value::Null => Ok(Value::Object(serde_json::Map::new())),
        Value::Object(_) => Ok(value),
        _ => Err(ConfigError::new(
            "configuration",
            "must be a block of options (key: value)",
        )),
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Names the option and the cure.
fn explain(path: &str, mistake: Mistake) -> ConfigError {
    let inside = |name: &str| match path {
        "" => name.to_owned(),
        _ => format!("{path}.{name}"),
    };
    match mistake {
        Mistake::Unknown { name, known } => ConfigError::new(inside(&name), unknown_option(&name, known)),
        Mistake::Missing(name) => ConfigError::new(inside(name), "is required"),
        Mistake::Other(message) if path.is_empty() => ConfigError::new("configuration", message),
        Mistake::Other(message) => ConfigError::new(path, message),
    }
}

fn unknown_option(unknown: &str, known: &[&str]) -> String {
    let typed = unknown.to_ascii_lowercase();
    let nearest = known
        .iter()
        .map(|name| {
            let name_typed = name.to_ascii_lowercase();
            let distance = if name_typed.starts_with(&typed) {
                0 // `timeout` for `timeoutSeconds`, however much is missing
            } else {
                strsim::osa_distance(&typed, &name_typed)
            };
            (distance, name)
        })
        .min()
        .filter(|(distance, name)| *distance <= 3.max(name.len() / 3));
    match nearest {
        Some((_, name)) => format!("is not an option of this plugin; did you mean `{name}`?"),
        None => format!(
            "is not an option of this plugin; known here are: {}",
            known.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase", deny_unknown_fields, default)]
    struct Options {
        jwks_url: String,
        audiences: Vec<String>,
        client_config: Client,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(rename_all = "camelCase", deny_unknown_fields, default)]
    struct Client {
        timeout_seconds: u64,
        max_retries: u64,
    }

    #[test]
    fn absent_null_and_empty_blocks_are_the_defaults() {
        for json in [
            "",
            " ",
            "null",
            "{}",
            r#"{"jwksUrl":null,"clientConfig":{"timeoutSeconds":null}}"#,
        ] {
            assert_eq!(
                parse::<Options>(json.as_bytes()).unwrap(),
                Options::default(),
                "{json}"
            );
        }
    }

    #[test]
    fn errors_name_the_option_and_the_cure() {
        for (json, field, cure) in [
            (r#"{"jwksURL":"x"}"#, "jwksURL", "did you mean `jwksUrl`?"),
            (r#"{"audience":["x"]}"#, "audience", "did you mean `audiences`?"),
            (
                r#"{"clientConfig":{"timeout":1}}"#,
                "clientConfig.timeout",
                "did you mean `timeoutSeconds`?",
            ),
            (
                r#"{"zzzzzzzzzzzz":1}"#,
                "zzzzzzzzzzzz",
                "known here are: jwksUrl, audiences, clientConfig",
            ),
            (
                r#"{"clientConfig":{"timeoutSeconds":"soon"}}"#,
                "clientConfig.timeoutSeconds",
                "expected u64",
            ),
            (r#"{"audiences":[1]}"#, "audiences[0]", "expected a string"),
            (
                r#"{"audiences":["a","b",{}]}"#,
                "audiences[2]",
                "expected a string",
            ),
            (r#"{"audiences":{"a":1}}"#, "audiences", "expected a sequence"),
            (r#"{"audience":["x"],"jwksUrl":1}"#, "audience", "did you mean"),
            (r#"{"clientConfig":"x"}"#, "clientConfig", "expected"),
            (
                r#"{"audiences":["a"],"clientConfig":{"maxRetries":1,"timeoutSeconds":[1]},"jwksUrl":"x"}"#,
                "clientConfig.timeoutSeconds",
                "expected u64",
            ),
            ("[1]", "configuration", "must be a block of options"),
            ("{", "configuration", "is not JSON"),
        ] {
            let error = parse::<Options>(json.as_bytes()).unwrap_err();
            assert_eq!(error.field(), field, "{json}: {error}");
            assert!(error.to_string().contains(cure), "{json}: {error}");
        }
    }

    #[test]
    fn a_missing_required_option_is_named() {
        #[derive(Debug, Deserialize)]
        struct Strict {
            #[allow(dead_code)]
            url: String,
        }
        let error = parse::<Strict>(b"{}").unwrap_err();
        assert_eq!(error.to_string(), "url: is required");

        #[derive(Debug, Default, Deserialize)]
        #[serde(default)]
        struct Outer {
            #[allow(dead_code)]
            list: Vec<Strict>,
        }
        let error = parse::<Outer>(br#"{"list":[{"url":"a"},{"uri":"b"}]}"#).unwrap_err();
        assert_eq!(error.to_string(), "list[1].url: is required");
    }

    #[test]
    fn a_placeholder_is_a_warning_with_the_option_and_the_cure() {
        let lines = |json: &str| -> Vec<String> {
            let warnings = placeholder_warnings(json.as_bytes());
            warnings.iter().map(|event| event.line().to_owned()).collect()
        };
        assert_eq!(
            lines(r#"{"issuers":["https://login.microsoftonline.com/{tenantid}/v2.0"],"tenant":null}"#),
            [
                "code=configuration.placeholder option=issuers[0] problem=\"holds {tenantid}, which looks like a \
              placeholder of an example: write the value itself in its place\""
            ]
        );
        for json in ["", "{", "[]", "{}", r#"{"issuers":["https://id.example"]}"#] {
            assert_eq!(lines(json), [""; 0], "{json}");
        }
    }

    #[test]
    fn values_never_reach_the_message() {
        let error = parse::<Options>(br#"{"clientConfig":{"timeoutSeconds":"hunter2"}}"#).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}
