//! `check`: a user's own files, before Traefik sees them.
//!
//! In scope: the options of our plugins, in dynamic configuration of the file provider and in Kubernetes Middlewares, as
//! the plugins themselves read them; and routers that would open when they should close. Files are read as their readers
//! read them, Traefik or kubectl. Whatever routes requests and is not read here gets a finding that says so.
//!
//! Out of scope: everything else about Traefik's configuration, and whether what references name (environment,
//! Secrets) is there: the check may run elsewhere. Files and directories that are missing here are notes.

mod document;
mod file_provider;
mod files;
mod kubernetes;
mod machine;
mod model;
mod options;
mod placeholders;
mod plugins;
mod routes;
mod static_configuration;
mod toml;
mod traefik;
mod yaml;

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use files::Document;
use model::Model;

pub use yaml::Place;

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
    /// It may let pass what it should not, or it is not finished, or it may hide such a thing from the check.
    Warning,
    /// What the check did not look at, or could not judge where it runs.
    Note,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let (file, place) = (self.file.display(), self.place);
        write!(
            f,
            "{file}:{}:{}: {severity}: {}",
            place.line, place.column, self.message
        )
    }
}

/// Checks files as one configuration: what one names another may define. A file that cannot be read is a finding like
/// any other.
pub fn check(files: &[PathBuf]) -> Vec<Finding> {
    let (mut documents, mut findings) = (Vec::new(), Vec::new());
    for file in files {
        files::read(file, &mut documents, &mut findings);
    }
    let model = Model::of(&documents, &mut findings);
    options::check(&model, &mut findings);
    placeholders::check(&model, &mut findings);
    routes::check(&model, &mut findings);
    static_configuration::check(&documents, &mut findings);
    machine::check(&documents, &model, &mut findings);
    findings.sort();
    findings.dedup();
    findings
}

/// What Traefik's file provider would load from a file, as far as the check reads it: `http` and `tcp` with routers,
/// services and middlewares, all settings spelt as Traefik spells them.
///
/// # Errors
/// What keeps Traefik from loading the file.
pub fn loaded(file: &Path) -> Result<Value, Finding> {
    let (mut documents, mut findings) = (Vec::new(), Vec::new());
    files::read(file, &mut documents, &mut findings);
    if let Some(finding) = findings.into_iter().find(|it| it.severity == Severity::Error) {
        return Err(finding);
    }
    let dynamic = documents
        .into_iter()
        .find(|it| it.source == files::Source::Dynamic);
    Ok(dynamic.map_or(Value::Null, |document| document.node.to_json()))
}

fn finding(file: &Path, place: Place, severity: Severity, message: impl Into<String>) -> Finding {
    Finding {
        file: file.to_owned(),
        place,
        severity,
        message: message.into(),
    }
}

#[cfg(test)]
mod tests;
