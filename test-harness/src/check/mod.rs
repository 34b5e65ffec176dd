//! `check`: a user's own files, before Traefik sees them.
//!
//! In scope: the options of our plugins, in dynamic configuration of the file provider and in Kubernetes Middlewares, as
//! the plugins themselves read them; and routers that would open when they should close.
//!
//! Out of scope: everything else about Traefik's configuration, and whether what references name (environment, files,
//! Secrets) is there: the check runs elsewhere.
//!
//! The one place of the harness that uses the plugins' own code: their reading of options is what is to be known.

mod document;
mod options;
mod routes;
mod schema;

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use document::Node;

pub use document::Place;
pub use schema::schemas;

/// Something about a file that its owner should know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file.
    pub file: PathBuf,
    /// Where in it.
    pub place: Place,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, and what to do.
    pub message: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It does not work: requests are refused, or the file cannot be read.
    Error,
    /// It may let pass what it should not.
    Warning,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let (file, place) = (self.file.display(), self.place);
        write!(
            f,
            "{file}:{}:{}: {severity}: {}",
            place.line, place.column, self.message
        )
    }
}

/// A document, and the file it is in.
struct Document {
    file: PathBuf,
    node: Node,
}

/// Checks files as one configuration: what one names another may define.
///
/// # Errors
/// A file that cannot be read.
pub fn check(files: &[PathBuf]) -> io::Result<Vec<Finding>> {
    let (mut documents, mut findings) = (Vec::new(), Vec::new());
    for file in files {
        match document::read(&fs::read_to_string(file)?) {
            Ok(nodes) => documents.extend(nodes.into_iter().map(|node| Document {
                file: file.clone(),
                node,
            })),
            Err((place, what)) => {
                findings.push(finding(file, place, Severity::Error, format!("no YAML: {what}")))
            }
        }
    }
    options::check(&documents, &mut findings);
    routes::check(&documents, &mut findings);
    findings.sort();
    findings.dedup();
    Ok(findings)
}

fn finding(file: &Path, place: Place, severity: Severity, message: impl Into<String>) -> Finding {
    Finding {
        file: file.to_owned(),
        place,
        severity,
        message: message.into(),
    }
}

/// A Middleware, wherever it is defined.
struct Definition<'d> {
    document: &'d Document,
    /// As routers name it: `name`, or `namespace/name` in Kubernetes.
    name: String,
    /// What stands below the name, or below `spec`.
    spec: &'d Node,
}

/// All Middlewares of all documents.
fn middlewares(documents: &[Document]) -> Vec<Definition<'_>> {
    let mut found = Vec::new();
    for document in documents {
        let node = &document.node;
        if let Some(named) = node.at(&["http", "middlewares"]) {
            found.extend(named.members().map(|(name, _, spec)| Definition {
                document,
                name: name.to_owned(),
                spec,
            }));
        }
        if kind(node) == Some("Middleware")
            && let (Some(name), Some(spec)) = (node.at(&["metadata", "name"]), node.get("spec"))
        {
            found.push(Definition {
                document,
                name: qualified(namespace(node), name.text().unwrap_or_default()),
                spec,
            });
        }
    }
    found
}

/// The kind of a Kubernetes object.
fn kind(node: &Node) -> Option<&str> {
    node.get("apiVersion")?;
    node.get("kind")?.text()
}

fn namespace(node: &Node) -> &str {
    node.at(&["metadata", "namespace"])
        .and_then(Node::text)
        .unwrap_or("default")
}

fn qualified(namespace: &str, name: &str) -> String {
    format!("{namespace}/{name}")
}

#[cfg(test)]
mod tests;
