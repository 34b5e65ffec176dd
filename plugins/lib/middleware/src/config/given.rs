//! Checks of option values that every plugin needs.
//!
//! The empty string counts as "not given": templates and label providers write it for an option without a value.

use crate::config::ConfigError;
use crate::host::Host;
use crate::secret::SecretRef;

/// The option's value, unless it is absent or empty.
pub fn given(option: Option<&SecretRef>) -> Option<&SecretRef> {
    option.filter(|value| !value.is_empty())
}

/// The option's value.
///
/// # Errors
/// The option is absent or empty.
pub fn required<'o>(field: &str, option: Option<&'o SecretRef>) -> Result<&'o SecretRef, ConfigError> {
    given(option).ok_or_else(|| ConfigError::new(field, "is required"))
}

/// The text that a required option holds or names.
///
/// # Errors
/// As [`required`] and [`SecretRef::resolve`].
pub fn required_text(
    field: &str,
    option: Option<&SecretRef>,
    host: &dyn Host,
) -> Result<String, ConfigError> {
    Ok(required(field, option)?.resolve(field, host)?.expose().to_owned())
}

/// The text that an option holds or names, if it is given.
///
/// # Errors
/// As [`SecretRef::resolve`].
pub fn given_text(
    field: &str,
    option: Option<&SecretRef>,
    host: &dyn Host,
) -> Result<Option<String>, ConfigError> {
    match given(option) {
        None => Ok(None),
        Some(value) => Ok(Some(value.resolve(field, host)?.expose().to_owned())),
    }
}

/// Two options that are given together or not at all.
///
/// # Errors
/// Only one of them is given.
pub fn given_together<'o>(
    (one, one_value): (&str, Option<&'o SecretRef>),
    (other, other_value): (&str, Option<&'o SecretRef>),
) -> Result<Option<(&'o SecretRef, &'o SecretRef)>, ConfigError> {
    let missing = |field: &str, with: &str| {
        Err(ConfigError::new(
            field,
            format!("is required together with {with}"),
        ))
    };
    match (given(one_value), given(other_value)) {
        (None, None) => Ok(None),
        (Some(one), Some(other)) => Ok(Some((one, other))),
        (Some(_), None) => missing(other, one),
        (None, Some(_)) => missing(one, other),
    }
}

/// The texts of a list, each of which may be a literal, `env:NAME` or `file:/path`.
///
/// # Errors
/// As [`SecretRef::resolve`], for the first entry that fails.
pub fn texts(field: &str, list: &[String], host: &dyn Host) -> Result<Vec<String>, ConfigError> {
    let text = |(index, text): (usize, &String)| {
        let text = SecretRef::new(text).resolve(&format!("{field}[{index}]"), host)?;
        Ok(text.expose().to_owned())
    };
    list.iter().enumerate().map(text).collect()
}

/// The values of a list that must not be empty if it is given: an empty `audiences` left over by a template would open
/// the gateway.
///
/// # Errors
/// The list or one of its entries is empty.
pub fn values(field: &str, list: Option<Vec<String>>) -> Result<Vec<String>, ConfigError> {
    let Some(list) = list else {
        return Ok(Vec::new());
    };
    if list.is_empty() {
        return Err(empty_list(field));
    }
    list.into_iter()
        .enumerate()
        .map(|(index, value)| not_empty(&format!("{field}[{index}]"), value))
        .collect()
}

/// The value, unless it is blank.
///
/// # Errors
/// It is blank.
pub fn not_empty(field: &str, value: String) -> Result<String, ConfigError> {
    if value.trim().is_empty() {
        return Err(ConfigError::new(
            field,
            "is empty: give a value, or leave the option out",
        ));
    }
    Ok(value)
}

/// The error for a list that is given and empty.
pub fn empty_list(field: &str) -> ConfigError {
    ConfigError::new(
        field,
        "is empty: list at least one value, or leave the option out",
    )
}

/// The number, if it is from `least` to `most`.
///
/// # Errors
/// It is not.
pub fn in_range(field: &str, value: u64, least: u64, most: u64) -> Result<u64, ConfigError> {
    if (least..=most).contains(&value) {
        Ok(value)
    } else {
        Err(ConfigError::new(field, format!("must be from {least} to {most}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_doubles::host::TestHost;

    #[test]
    fn the_empty_string_counts_as_not_given() {
        let (empty, literal) = (SecretRef::new(""), SecretRef::new("a"));
        assert_eq!(given(Some(&empty)), None);
        assert_eq!(given(Some(&literal)), Some(&literal));
        let error = required("url", Some(&empty)).unwrap_err();
        assert_eq!(error.to_string(), "url: is required");
        assert_eq!(given_text("url", None, &TestHost::new()), Ok(None));
    }

    #[test]
    fn the_missing_one_of_two_options_is_named() {
        let value = SecretRef::new("a");
        let together = |id, secret| given_together(("clientID", id), ("clientSecret", secret));
        assert_eq!(together(None, None), Ok(None));
        assert!(together(Some(&value), Some(&value)).unwrap().is_some());
        for (id, secret, expected) in [
            (
                Some(&value),
                None,
                "clientSecret: is required together with clientID",
            ),
            (
                None,
                Some(&value),
                "clientID: is required together with clientSecret",
            ),
        ] {
            assert_eq!(together(id, secret).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_list_names_the_entry_that_is_wrong() {
        let host = TestHost::new().with_variable("SET", "b");
        let list = |entries: &[&str]| entries.iter().map(|&it| it.to_owned()).collect::<Vec<_>>();
        assert_eq!(
            texts("scopes", &list(&["a", "env:SET"]), &host).unwrap(),
            ["a", "b"]
        );
        let error = texts("scopes", &list(&["a", "env:UNSET"]), &host).unwrap_err();
        assert_eq!(error.field(), "scopes[1]");
        assert_eq!(values("issuers", None), Ok(vec![]));
        assert_eq!(values("issuers", Some(vec![])).unwrap_err().field(), "issuers");
        let error = values("issuers", Some(list(&["a", " "]))).unwrap_err();
        assert_eq!(error.field(), "issuers[1]");
    }
}
