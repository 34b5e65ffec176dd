//! Makes a release: archives of the plugins and the operators' tool, their checksums, and SBOMs.
//!
//! In scope: one archive per plugin in the format of Traefik's plugin catalogue; one archive with everything that an
//! installation needs, laid out for `experimental.localPlugins` and including the tool; archives of the tool alone;
//! SHA-256 sums; an SBOM for the plugins and one for the tool. The same sources give the same bytes.
//!
//! Out of scope: publishing.

mod archive;
mod sbom;
mod tool;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use harness_build::guests::{self, GuestError, plugin_dir, sha256};
use harness_build::operator_tool;
use harness_build::tools::{WASM_TARGET, workspace_root};

use archive::Archive;
pub use sbom::SbomError;
pub use tool::ToolFilesError;

/// A file of the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: usize,
    /// Its SHA-256 in hex.
    pub sha256: String,
}

/// Why a release could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DistError {
    /// The plugins could not be built.
    #[error(transparent)]
    Guest(#[from] GuestError),
    /// The operators' tool could not be built.
    #[error(transparent)]
    Tool(#[from] ToolFilesError),
    /// The SBOM could not be made.
    #[error(transparent)]
    Sbom(#[from] SbomError),
    /// A file operation failed.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },
}

/// Files of the workspace that an installation needs besides the plugins.
const DOCUMENTS: [&str; 5] = ["README.md", "CHANGELOG.md", "LICENSE", "docs", "examples"];

/// Builds the plugins and writes everything into `out`.
///
/// # Errors
/// [`DistError`].
pub fn make(out: &Path) -> Result<Vec<Made>, DistError> {
    let built = guests::artifacts()?;
    let version = env!("CARGO_PKG_VERSION");
    fs::create_dir_all(out).map_err(at(out))?;

    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut everything = Archive::default();
    let plugins = built.root.join("plugins-local");
    everything
        .add_folder(&plugins, "plugins-local")
        .map_err(at(&plugins))?;
    for name in DOCUMENTS {
        let path = workspace_root().join(name);
        let added = match path.is_dir() {
            true => everything.add_folder(&path, name),
            false => fs::read(&path).map(|bytes| everything.add(name, bytes)),
        };
        added.map_err(at(&path))?;
    }
    let programs = tool::programs()?;
    for (processor, program) in &programs {
        everything.add_program(&format!("bin/linux-{processor}/oic-gateway"), program.clone());
        let mut archive = Archive::default();
        archive.add_program("oic-gateway", program.clone());
        tool::add_manual(&mut archive)?;
        let name = format!("oic-gateway-tool-linux-{processor}-{version}.zip");
        files.push((name, archive.to_zip().map_err(at(out))?));
    }
    tool::add_manual(&mut everything)?;
    tool::add_schemas(&mut everything)?;
    files.push((
        format!("oic-gateway-{version}.zip"),
        everything.to_zip().map_err(at(out))?,
    ));
    for plugin in &built.plugins {
        let folder = plugin_dir(&built.root, &plugin.folder);
        let mut archive = Archive::default();
        archive.add_folder(&folder, "").map_err(at(&folder))?;
        let name = format!("oic-gateway-{}-{version}.zip", plugin.folder);
        files.push((name, archive.to_zip().map_err(at(out))?));
    }
    let folders: Vec<&str> = built
        .plugins
        .iter()
        .map(|plugin| plugin.folder.as_str())
        .collect();
    files.push((
        format!("oic-gateway-{version}.cdx.json"),
        sbom::cyclonedx(version, WASM_TARGET, &folders)?,
    ));
    let target = operator_tool::static_target(operator_tool::PROCESSORS[0]);
    files.push((
        format!("oic-gateway-tool-{version}.cdx.json"),
        sbom::cyclonedx(version, &target, &["oic-gateway"])?,
    ));

    let made: Vec<Made> = files
        .iter()
        .map(|(name, bytes)| Made {
            name: name.clone(),
            size: bytes.len(),
            sha256: sha256(bytes),
        })
        .collect();
    // The format of `sha256sum --check`.
    let sums: String = made
        .iter()
        .map(|file| format!("{}  {}\n", file.sha256, file.name))
        .collect();
    files.push(("SHA256SUMS".to_owned(), sums.into_bytes()));
    for (name, bytes) in &files {
        let path = out.join(name);
        fs::write(&path, bytes).map_err(at(&path))?;
    }
    Ok(made)
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> DistError + '_ {
    |source| DistError::Io {
        path: path.to_owned(),
        source,
    }
}
