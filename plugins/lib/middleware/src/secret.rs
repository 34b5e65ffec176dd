//! Secrets, and how a configuration refers to them.

use std::fmt;

use serde::Deserialize;

use crate::{ConfigError, Host};

/// A value that must never be shown. `Debug` hides it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The secret itself. Take care where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// A configuration value that is a secret or refers to one: a literal, `env:NAME` or `file:/absolute/path`.
///
/// Traefik's Kubernetes CRD provider resolves `urn:k8s:secret:NAME:KEY` before a plugin sees it. A reference that
/// arrives here was not resolved. It is refused, since the plugin would send it to the identity provider as if it were
/// the secret.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct SecretRef(String);

impl SecretRef {
    /// Wraps a configuration value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The text of the configuration: a reference, or the secret itself. Take care where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether this is the empty string, which counts as "not given".
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Finds a value of one line, such as a password. `field` is the option's name, for the error.
    ///
    /// Editors, `echo` and YAML's `|` add a line break at the end, so one is removed. Other control characters are
    /// refused: no password has them, and a provider would only say that the secret is wrong.
    ///
    /// # Errors
    /// [`ConfigError`] when the reference leads nowhere, or the value is empty or has control characters.
    pub fn resolve(&self, field: &str, host: &dyn Host) -> Result<Secret, ConfigError> {
        let secret = self.resolve_document(field, host)?;
        match secret.expose().chars().position(char::is_control) {
            None => Ok(secret),
            // The character itself may be part of a secret, so only its place is named.
            Some(index) => Err(ConfigError::new(
                field,
                format!(
                    "{}has a control character, such as a line break or a tab, at position {}: remove it (a single line \
                     break at the end is ignored)",
                    self.place(),
                    index.saturating_add(1)
                ),
            )),
        }
    }

    /// Finds a value that may have several lines, such as PEM or JSON. One line break at its end is dropped, as
    /// [`SecretRef::resolve`] does; the others stay.
    ///
    /// # Errors
    /// [`ConfigError`] when the reference leads nowhere or the value is empty.
    pub fn resolve_document(&self, field: &str, host: &dyn Host) -> Result<Secret, ConfigError> {
        let text = self.read(field, host)?;
        let text = match text.strip_suffix('\n') {
            Some(line) => line.strip_suffix('\r').unwrap_or(line),
            None => &text,
        };
        if text.is_empty() {
            return Err(ConfigError::new(field, format!("{}is empty", self.place())));
        }
        Ok(Secret::new(text))
    }

    /// The unchanged text that the value refers to.
    fn read(&self, field: &str, host: &dyn Host) -> Result<String, ConfigError> {
        if let Some(name) = self.0.strip_prefix("env:") {
            host.env(name).filter(|value| !value.is_empty()).ok_or_else(|| {
                ConfigError::new(
                    field,
                    format!(
                        "names the environment variable {name}, which is empty or not handed on to the plugin: \
                         set it for Traefik and list {name} under the plugin's settings.envs"
                    ),
                )
            })
        } else if let Some(path) = self.0.strip_prefix("file:") {
            let bytes = host
                .read_file(path)
                .map_err(|error| ConfigError::of_file(field, path, &error))?;
            String::from_utf8(bytes).map_err(|_| {
                ConfigError::new(field, format!("names the file {path}, which is not UTF-8 text"))
            })
        } else if self.0.contains("urn:k8s:") {
            Err(ConfigError::new(
                field,
                "is a Kubernetes secret reference that Traefik did not resolve: write it as \
                 urn:k8s:secret:NAME:KEY (five parts, nothing before or after) in a Middleware of the kubernetesCRD \
                 provider; with other providers use env:NAME or file:/path",
            ))
        } else {
            Ok(self.0.clone())
        }
    }

    /// Where the value comes from, as the continuation of a sentence that the option's name begins.
    fn place(&self) -> String {
        match self.0.split_once(':') {
            Some(("env", name)) => format!("names the environment variable {name}, which "),
            Some(("file", path)) => format!("names the file {path}, which "),
            _ => String::new(),
        }
    }
}

/// A literal may be the secret itself, so only the kind of reference is shown.
impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split_once(':') {
            Some((kind @ ("env" | "file"), rest)) => write!(f, "SecretRef({kind}:{rest})"),
            _ => f.write_str("SecretRef(redacted)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FileError;
    use crate::test_doubles::host::TestHost;

    fn host() -> TestHost {
        TestHost::new()
            .with_variable("SET", "from-env")
            .with_variable("EMPTY", "")
            .with_variable("LINE", "from-env\r\n")
            .with_variable("LINES", "hunter\n2\n")
            .with_file("/run/secret", "from-file\r\n")
            .with_file("/run/two-lines", "hunter2\n\n")
            .with_file("/run/blank", "\n")
            .with_file("/run/binary", [0xff])
            .with_unreadable_file("/run/busy", FileError::Busy)
    }

    #[test]
    fn every_kind_of_reference_is_resolved() {
        for (reference, expected) in [
            ("literal", "literal"),
            ("env:SET", "from-env"),
            ("file:/run/secret", "from-file"),
            ("literal\n", "literal"),
            ("literal\r\n", "literal"),
            (" spaces stay ", " spaces stay "),
            ("gr\u{fc}n", "gr\u{fc}n"),
            ("env:LINE", "from-env"),
            ("with:colon", "with:colon"),
        ] {
            let secret = SecretRef::new(reference)
                .resolve("clientSecret", &host())
                .unwrap();
            assert_eq!(secret.expose(), expected, "{reference}");
        }
    }

    #[test]
    fn references_that_lead_nowhere_say_what_to_do() {
        for (reference, cure) in [
            ("env:UNSET", "settings.envs"),
            ("env:EMPTY", "settings.envs"),
            ("file:/elsewhere", "settings.mounts"),
            ("file:/run/blank", "is empty"),
            ("file:/run/binary", "not UTF-8"),
            (
                "file:/run/two-lines",
                "/run/two-lines, which has a control character",
            ),
            ("env:LINES", "LINES, which has a control character"),
            ("\n", "is empty"),
            ("urn:k8s:secret:creds:clientSecret", "kubernetesCRD"),
            ("urn:k8s:creds:creds:clientSecret", "urn:k8s:secret:NAME:KEY"),
            (" urn:k8s:secret:creds:clientSecret", "nothing before or after"),
            ("", "is empty"),
        ] {
            let error = SecretRef::new(reference)
                .resolve("clientSecret", &host())
                .unwrap_err();
            assert_eq!(error.field(), "clientSecret");
            assert!(error.to_string().contains(cure), "{reference}: {error}");
            assert!(!error.to_string().contains("hunter"), "{reference}: {error}");
        }
    }

    #[test]
    fn one_line_break_is_removed_and_other_control_characters_are_refused() {
        for text in [
            "s3cret\n\n",
            "s3\ncret",
            "s3cret\r",
            "s3cret\t",
            "s3\0cret",
            "\u{85}s3cret",
            "s3cret\u{7f}\n",
        ] {
            let error = SecretRef::new(text).resolve("clientSecret", &host()).unwrap_err();
            let shown = error.to_string();
            assert!(shown.contains("control character"), "{shown}");
            assert!(!shown.contains("cret\u{7f}") && !shown.contains("s3"), "{shown}");
        }
    }

    #[test]
    fn documents_keep_their_lines() {
        let pem = "-----BEGIN X-----\n\tAA==\r\n-----END X-----\n\n";
        let document = SecretRef::new(pem)
            .resolve_document("publicKey", &host())
            .unwrap();
        assert_eq!(document.expose(), pem.strip_suffix('\n').unwrap());
        let error = SecretRef::new("\n").resolve_document("publicKey", &host());
        assert!(error.is_err());
    }

    #[test]
    fn only_a_busy_host_is_not_the_fault_of_the_configuration() {
        for (reference, passing) in [("file:/run/busy", true), ("file:/elsewhere", false), ("", false)] {
            let error = SecretRef::new(reference)
                .resolve("clientSecret", &host())
                .unwrap_err();
            assert_eq!(error.is_passing(), passing, "{reference}");
            assert_eq!(error.within("jwt").is_passing(), passing, "{reference}");
        }
    }

    #[test]
    fn debug_output_never_shows_a_secret() {
        let shown = format!("{:?} {:?}", Secret::new("hunter2"), SecretRef::new("hunter2"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
