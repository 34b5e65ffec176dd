//! A mock Kubernetes API server for Traefik's `kubernetesCRD` provider. It serves manifests by list and watch, and a
//! test can change them while Traefik runs.
//!
//! In scope: namespaces, resource versions, watches with initial events and bookmarks, label selectors, and changes
//! that the API server makes to a manifest and that Traefik sees (a Secret's `stringData`).
//!
//! Out of scope: RBAC, admission, validation and defaults of the CRD schemas. The mock does not show that a cluster
//! accepts a manifest. It shows how Traefik and the plugins handle it.

mod cluster;
mod kinds;
mod manifest;
mod service;

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use crate::server::Server;

use cluster::Cluster;
use manifest::Manifest;
use service::Api;

pub use manifest::ManifestError;

/// A running API server. It stops when it is dropped.
pub struct ApiServer {
    cluster: Arc<Cluster>,
    server: Server,
}

/// The reason why manifests could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is not a valid manifest.
    #[error("{path}: {source}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: ManifestError,
    },
}

impl ApiServer {
    /// Starts an empty cluster on a free port of 127.0.0.1, over plain HTTP.
    pub fn start() -> Self {
        let cluster = Arc::new(Cluster::new());
        let server = Server::start(Arc::new(Api::new(Arc::clone(&cluster))), None);
        Self { cluster, server }
    }

    /// Returns the address that the server listens on.
    pub fn address(&self) -> SocketAddr {
        self.server.control().address()
    }

    /// Returns the URL for `providers.kubernetesCRD.endpoint`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Creates or replaces the objects of a manifest. The YAML may contain several documents.
    ///
    /// # Errors
    /// Returns [`ManifestError`] if the manifest is invalid. In that case nothing is applied.
    pub fn apply(&self, yaml: &str) -> Result<(), ManifestError> {
        for object in Manifest::read(yaml)? {
            self.cluster.put(object);
        }
        Ok(())
    }

    /// Applies every `.yml` and `.yaml` file of a folder in the order of their names. `change` edits the text of each
    /// file first.
    ///
    /// # Errors
    /// Returns [`ApplyError`], which names the file.
    pub fn apply_folder(&self, folder: &Path, change: impl Fn(&str) -> String) -> Result<(), ApplyError> {
        let read = |path: &Path| {
            fs::read_to_string(path).map_err(|source| ApplyError::Read {
                path: path.to_owned(),
                source,
            })
        };
        let entries = fs::read_dir(folder).map_err(|source| ApplyError::Read {
            path: folder.to_owned(),
            source,
        })?;
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|it| it == "yml" || it == "yaml"));
        paths.sort();
        for path in paths {
            self.apply(&change(&read(&path)?))
                .map_err(|source| ApplyError::Manifest { path, source })?;
        }
        Ok(())
    }

    /// Changes an object. Returns whether it exists.
    pub fn edit(&self, kind: &str, namespace: &str, name: &str, change: impl FnOnce(&mut Value)) -> bool {
        self.cluster.edit(kind, namespace, name, change)
    }

    /// Deletes an object. Returns whether it existed.
    pub fn delete(&self, kind: &str, namespace: &str, name: &str) -> bool {
        self.cluster.delete(kind, namespace, name)
    }

    /// Returns the number of open watches.
    pub fn watches(&self) -> usize {
        self.cluster.watches()
    }

    /// Ends all open watches, as an API server sometimes does.
    pub fn end_watches(&self) {
        self.cluster.end_watches();
    }
}

#[cfg(test)]
mod tests;
