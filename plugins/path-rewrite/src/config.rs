//! The options: `regex` and `replacement`, or a list of `rules`.

use middleware::ConfigError;
use serde::Deserialize;

/// One rule as configured, and its place in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleOptions {
    /// The prefix for option names in error messages, for example `rules[3].`. Empty for the single rule.
    pub at: String,
    /// A regular expression in Go's syntax.
    pub regex: String,
    /// A template in the syntax of Go's `Expand`.
    pub replacement: String,
}

/// Parses the option block (JSON). The list is never empty.
///
/// # Errors
/// [`ConfigError`] if an option is unknown, missing, or contradicts another one.
pub fn parse(json: &[u8]) -> Result<Vec<RuleOptions>, ConfigError> {
    let options: Options = middleware::config::parse(json)?;
    match options {
        Options {
            rules: Some(rules),
            regex: None,
            replacement: None,
        } => {
            if rules.is_empty() {
                return Err(ConfigError::new(
                    "rules",
                    "is empty: give at least one rule of regex and replacement",
                ));
            }
            Ok(rules
                .into_iter()
                .enumerate()
                .map(|(index, rule)| RuleOptions {
                    at: format!("rules[{index}]."),
                    regex: rule.regex,
                    replacement: rule.replacement,
                })
                .collect())
        }
        Options { rules: Some(_), .. } => Err(ConfigError::new(
            "rules",
            "cannot stand beside regex and replacement: move those two into the list as a rule of their own",
        )),
        Options {
            rules: None,
            regex: Some(regex),
            replacement: Some(replacement),
        } => Ok(vec![RuleOptions {
            at: String::new(),
            regex,
            replacement,
        }]),
        Options {
            rules: None,
            regex: Some(_),
            replacement: None,
        } => Err(ConfigError::new(
            "replacement",
            "is required: write the new path, or \"\" to remove what regex matches",
        )),
        Options {
            rules: None,
            regex: None,
            ..
        } => Err(ConfigError::new(
            "regex",
            "is required: give regex and replacement, or a list of rules",
        )),
    }
}

/// The option block `pathRewrite`: one rule, or a list of them.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
#[derive(Default)]
struct Options {
    /// A regular expression in Go's syntax, matched against the path without its query.
    regex: Option<String>,
    /// The replacement for every match; `$1` or `${name}` are groups.
    replacement: Option<String>,
    /// Rules in place of the single one; the first that matches is applied.
    rules: Option<Vec<Rule>>,
}

/// Returns the JSON schema of the option block.
#[cfg(feature = "schema")]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(Options)
}

/// One rule of several.
#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct Rule {
    /// See `regex` above.
    regex: String,
    /// See `replacement` above.
    replacement: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_rule_or_a_list_of_rules() {
        let rule = |at: &str, regex: &str, replacement: &str| RuleOptions {
            at: at.to_owned(),
            regex: regex.to_owned(),
            replacement: replacement.to_owned(),
        };
        for (json, expected) in [
            (r#"{"regex":"a","replacement":"b"}"#, vec![rule("", "a", "b")]),
            (
                r#"{"regex":"a","replacement":"","rules":null}"#,
                vec![rule("", "a", "")],
            ),
            (
                r#"{"rules":[{"regex":"a","replacement":"b"},{"regex":"c","replacement":""}]}"#,
                vec![rule("rules[0].", "a", "b"), rule("rules[1].", "c", "")],
            ),
        ] {
            assert_eq!(parse(json.as_bytes()).unwrap(), expected, "{json}");
        }
    }

    #[test]
    fn errors_name_the_option_and_the_cure() {
        for (json, field, cure) in [
            ("", "regex", "or a list of rules"),
            (r#"{"replacement":"b"}"#, "regex", "is required"),
            (r#"{"regex":"a"}"#, "replacement", "is required"),
            (
                r#"{"regex":"a","replacement":null}"#,
                "replacement",
                "is required",
            ),
            (r#"{"rules":[]}"#, "rules", "at least one"),
            (r#"{"regex":"a","rules":[]}"#, "rules", "cannot stand beside"),
            (
                r#"{"replacement":"a","rules":[{"regex":"a","replacement":"b"}]}"#,
                "rules",
                "cannot stand beside",
            ),
            (
                r#"{"rules":[{"regex":"a"}]}"#,
                "rules[0].replacement",
                "is required",
            ),
            (
                r#"{"rules":[{"regexp":"a"}]}"#,
                "rules[0].regexp",
                "did you mean `regex`?",
            ),
            (
                r#"{"replacment":"a"}"#,
                "replacment",
                "did you mean `replacement`?",
            ),
            (r#"{"regex":["a"]}"#, "regex", "expected a string"),
        ] {
            let error = parse(json.as_bytes()).unwrap_err();
            assert_eq!(error.field(), field, "{json}: {error}");
            assert!(error.to_string().contains(cure), "{json}: {error}");
        }
    }
}
