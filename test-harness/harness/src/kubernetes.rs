//! A mock Kubernetes API server, as far as Traefik's `kubernetesCRD` provider asks one: it serves manifests by list and
//! watch, and lets a test change them while Traefik runs.
//!
//! In scope: namespaces, resource versions, watches with initial events and bookmarks, label selectors, and what the API
//! server makes of a manifest where Traefik sees it (a Secret's `stringData`).
//!
//! Out of scope: RBAC, admission, validation by the CRDs' schemas and their defaults. Nothing here shows that a cluster
//! takes a manifest; it shows what Traefik and the plugins make of it.

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

/// A running API server; it stops when it is dropped.
pub struct ApiServer {
    cluster: Arc<Cluster>,
    server: Server,
}

/// Why manifests could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no manifest.
    #[error("{path}: {source}")]
    Manifest {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        source: ManifestError,
    },
}

impl ApiServer {
    /// An empty cluster on a free port of 127.0.0.1, over plain HTTP.
    pub fn start() -> Self {
        let cluster = Arc::new(Cluster::new());
        let server = Server::start(Arc::new(Api::new(Arc::clone(&cluster))), None);
        Self { cluster, server }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.control().address()
    }

    /// Its URL, for `providers.kubernetesCRD.endpoint`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Creates or replaces the objects of a manifest (YAML, several documents allowed).
    ///
    /// # Errors
    /// [`ManifestError`]; nothing is applied then.
    pub fn apply(&self, yaml: &str) -> Result<(), ManifestError> {
        for object in Manifest::read(yaml)? {
            self.cluster.put(object);
        }
        Ok(())
    }

    /// Applies every `.yml` and `.yaml` file of a folder, by name, after `change` has seen its text.
    ///
    /// # Errors
    /// [`ApplyError`] names the file.
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

    /// Changes an object; says whether there is one.
    pub fn edit(&self, kind: &str, namespace: &str, name: &str, change: impl FnOnce(&mut Value)) -> bool {
        self.cluster.edit(kind, namespace, name, change)
    }

    /// Deletes an object; says whether there was one.
    pub fn delete(&self, kind: &str, namespace: &str, name: &str) -> bool {
        self.cluster.delete(kind, namespace, name)
    }

    /// How many watches are open.
    pub fn watches(&self) -> usize {
        self.cluster.watches()
    }

    /// Ends all open watches, as an API server does now and then.
    pub fn end_watches(&self) {
        self.cluster.end_watches();
    }
}

#[cfg(test)]
mod tests;
