//! Secrets and the ways to name them in a configuration.

use std::fmt;

use serde::Deserialize;

use crate::{ConfigError, Host};

/// A value that must never be shown. `Debug` hides it, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The secret itself. Look twice at where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

/// A configuration value that is, or names, a secret: a literal, `env:NAME` or `file:/absolute/path`.
///
/// `urn:k8s:secret:NAME:KEY` is resolved by Traefik's Kubernetes CRD provider before a plugin sees it; one that
/// arrives here was not, and would otherwise be sent to the identity provider as if it were the secret.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct SecretRef(String);

impl SecretRef {
    /// Wraps a configuration value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// What the configuration says: where the secret is, or the secret itself. Look twice at where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// True for the empty string, which counts as "not given".
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Finds the secret. `field` is the option's name, for the error. The content of a file loses one
    /// trailing line break, since editors and `echo` add one; everything else is kept.
    ///
    /// # Errors
    /// [`ConfigError`] when the reference leads nowhere or the secret is empty.
    pub fn resolve(&self, field: &str, host: &dyn Host) -> Result<Secret, ConfigError> {
        let value = if let Some(name) = self.0.strip_prefix("env:") {
            host.env(name).filter(|value| !value.is_empty()).ok_or_else(|| {
                ConfigError::new(
                    field,
                    format!(
                        "names the environment variable {name}, which is empty or not handed on to the plugin: \
                         set it for Traefik and list {name} under the plugin's settings.envs"
                    ),
                )
            })?
        } else if let Some(path) = self.0.strip_prefix("file:") {
            let bytes = host
                .read_file(path)
                .map_err(|error| ConfigError::new(field, format!("names the file {path}: {error}")))?;
            let text = String::from_utf8(bytes).map_err(|_| {
                ConfigError::new(field, format!("names the file {path}, which is not UTF-8 text"))
            })?;
            let text = text.strip_suffix('\n').unwrap_or(&text);
            text.strip_suffix('\r').unwrap_or(text).to_owned()
        } else if self.0.contains("urn:k8s:") {
            return Err(ConfigError::new(
                field,
                "is a Kubernetes secret reference that Traefik did not resolve: write it as \
                 urn:k8s:secret:NAME:KEY (five parts, nothing before or after) in a Middleware of the kubernetesCRD \
                 provider; with other providers use env:NAME or file:/path",
            ));
        } else {
            self.0.clone()
        };
        if value.is_empty() {
            return Err(ConfigError::new(field, "is empty"));
        }
        Ok(Secret::new(value))
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
    use crate::{Event, FileError, UnixTime};

    struct FakeHost;

    impl Host for FakeHost {
        fn now(&self) -> UnixTime {
            UnixTime::EPOCH
        }
        fn fill_random(&self, _: &mut [u8]) {}
        fn env(&self, name: &str) -> Option<String> {
            match name {
                "SET" => Some("from-env".to_owned()),
                "EMPTY" => Some(String::new()),
                _ => None,
            }
        }
        fn read_file(&self, path: &str) -> Result<Vec<u8>, FileError> {
            match path {
                "/run/secret" => Ok(b"from-file\r\n".to_vec()),
                "/run/two-lines" => Ok(b"a\n\n".to_vec()),
                "/run/blank" => Ok(b"\n".to_vec()),
                "/run/binary" => Ok(vec![0xff]),
                _ => Err(FileError::NotMounted),
            }
        }
        fn log(&self, _: &Event) {}
    }

    #[test]
    fn every_kind_of_reference_is_resolved() {
        for (reference, expected) in [
            ("literal", "literal"),
            ("env:SET", "from-env"),
            ("file:/run/secret", "from-file"),
            ("file:/run/two-lines", "a\n"),
            ("with:colon", "with:colon"),
        ] {
            let secret = SecretRef::new(reference)
                .resolve("clientSecret", &FakeHost)
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
            ("urn:k8s:secret:creds:clientSecret", "kubernetesCRD"),
            ("urn:k8s:creds:creds:clientSecret", "urn:k8s:secret:NAME:KEY"),
            (" urn:k8s:secret:creds:clientSecret", "nothing before or after"),
            ("", "is empty"),
        ] {
            let error = SecretRef::new(reference)
                .resolve("clientSecret", &FakeHost)
                .unwrap_err();
            assert_eq!(error.field(), "clientSecret");
            assert!(error.to_string().contains(cure), "{reference}: {error}");
        }
    }

    #[test]
    fn debug_output_never_shows_a_secret() {
        let shown = format!("{:?} {:?}", Secret::new("hunter2"), SecretRef::new("hunter2"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
