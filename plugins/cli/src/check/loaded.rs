//! Shows what Traefik would load from a file, for comparison with a running Traefik.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::files::{self, Source};
use super::finding::{Finding, Severity};

/// Returns, for each file, what Traefik's file provider would load from it, as far as the check reads it: `http` and
/// `tcp` with routers, services, and middlewares, in Traefik's own spelling. If Traefik cannot load a file, the entry
/// says why.
pub fn all(files: &[PathBuf]) -> Value {
    let files = files.iter().map(|file| match loaded(file) {
        Ok(configuration) => json!({ "loaded": configuration }),
        Err(finding) => json!({ "refused": finding.to_string() }),
    });
    files.collect()
}

fn loaded(file: &Path) -> Result<Value, Finding> {
    let (mut documents, mut findings) = (Vec::new(), Vec::new());
    files::read(file, &mut documents, &mut findings);
    if let Some(finding) = findings.into_iter().find(|it| it.severity == Severity::Error) {
        return Err(finding);
    }
    let dynamic = documents.into_iter().find(|it| it.source == Source::Dynamic);
    Ok(dynamic.map_or(Value::Null, |document| document.node.to_json()))
}
