//! The same file has different contents for different readers.

/// The reader of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::check) enum Dialect {
    /// Traefik's file provider and its static configuration: Go's yaml.v3.
    Traefik,
    /// kubectl: Go's yaml.v2 with YAML 1.1, then JSON.
    Kubectl,
}
