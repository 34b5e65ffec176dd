//! `check`: a user's own files, before Traefik sees them.
//!
//! In scope: the options of our plugins, in dynamic configuration of the file provider and in Kubernetes Middlewares, as
//! the plugins themselves read them; and routers that would open when they should close. Files are read as their readers
//! read them, Traefik or kubectl. Whatever routes requests and is not read here gets a finding that says so.
//!
//! Out of scope: everything else about Traefik's configuration, and whether what references name (environment,
//! Secrets) is there: the check may run elsewhere. Files and directories that are missing here are notes.

mod arguments;
mod compose;
mod document;
mod dynamic;
mod elsewhere;
mod file_provider;
mod files;
pub mod finding;
mod helm;
mod kubernetes;
pub mod loaded;
mod machine;
mod model;
mod options;
pub mod place;
mod placeholders;
mod plugins;
mod raw;
pub mod report;
mod routes;
mod static_configuration;
mod toml;
mod traefik;
mod tree;
mod yaml;

use std::path::PathBuf;

use finding::Finding;
use model::Model;
use plugins::Plugins;

/// Checks files as one configuration: what one names another may define. A file that cannot be read is a finding like
/// any other.
pub fn check(files: &[PathBuf]) -> Vec<Finding> {
    let (mut documents, mut findings) = (Vec::new(), Vec::new());
    for file in files {
        files::read(file, &mut documents, &mut findings);
    }
    let mut model = Model {
        plugins: Plugins::of(&documents),
        ..Model::default()
    };
    dynamic::read(&documents, &mut model, &mut findings);
    kubernetes::read(&documents, &mut model, &mut findings);
    options::check(&model, &mut findings);
    placeholders::check(&model, &mut findings);
    routes::check(&model, &mut findings);
    static_configuration::check(&documents, &mut findings);
    machine::check(&documents, &model, &mut findings);
    findings.sort();
    findings.dedup();
    findings
}

#[cfg(test)]
mod tests;
