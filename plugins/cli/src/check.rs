//! `check`: checks a user's own files before Traefik reads them.
//!
//! It checks the options of our plugins with the plugins' own code, and looks for routers that let requests through
//! unchecked. `files` reads each file like its reader, Traefik or kubectl. `dynamic` and `kubernetes` build one `model`
//! of all files, and the other modules judge it. If configuration that routes requests is not read, a finding says so.
//!
//! It does not check Traefik's other settings. It also does not check whether the environment variables and Secrets in
//! the files exist, because it may run on another machine. For files and directories that do not exist on this machine,
//! it gives notes.

mod acceptance;
mod arguments;
mod compose;
mod document;
mod dynamic;
mod elsewhere;
mod environment;
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
mod role;
mod routes;
mod rule;
mod secrets;
mod static_configuration;
mod target;
mod toml;
mod traefik;
mod tree;
mod undefined;
mod unused;
mod ways_around;
pub(crate) mod yaml;

use std::path::PathBuf;

use finding::Finding;
use model::Model;
use plugins::Plugins;

/// Checks files as one configuration: one file may define what another uses. A file that cannot be read is a finding.
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
    acceptance::check(&model, &mut findings);
    placeholders::check(&documents, &model, &mut findings);
    routes::check(&model, &mut findings);
    ways_around::check(&model, &mut findings);
    undefined::check(&documents, &model, &mut findings);
    unused::check(&model, &mut findings);
    static_configuration::check(&documents, &model, &mut findings);
    environment::check(&documents, &model, &mut findings);
    secrets::check(&documents, &model, &mut findings);
    machine::check(&documents, &model, &mut findings);
    findings.sort();
    findings.dedup();
    findings
}

#[cfg(test)]
mod tests;
