//! What is handed out: archives of the plugins and the operators' tool, their checksums, and what they are made of.
//!
//! In scope: one archive for each plugin, as Traefik's plugin catalogue wants them; one that holds everything an
//! installation needs, laid out for `experimental.localPlugins`, with the tool; the tool alone; SHA-256 sums; an SBOM
//! each. The same sources give the same bytes.
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

/// A file that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its name.
    pub name: String,
    /// Bytes.
    pub size: usize,
    /// SHA-256, hex.
    pub sha256: String,
}

/// Why there are no archives.
#[derive(Debug, thiserror::Error)]
pub enum DistError {
    /// The plugins could not be built.
    #[error(transparent)]
    Guest(#[from] GuestError),
    /// The operators' tool could not be built.
    #[error(transparent)]
    Tool(#[from] ToolFilesError),
    /// cargo does not say what they are made of.
    #[error(transparent)]
    Sbom(#[from] SbomError),
    /// A file operation failed.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What an installation needs beside the plugins, from the workspace.
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
    // As `sha256sum --check` reads them.
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
