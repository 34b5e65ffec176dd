//! Builds plugins and lays them out.
//!
//! Two kinds of folders below `target/guests` are filled once and never changed, so a running Traefik keeps its plugins
//! when the next build differs. `modules/KEY` holds one plugin; the key is a hash of everything that it is made of.
//! `artifacts/KEY` holds links to the plugins that a Traefik registers together.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde::{Deserialize, Serialize};

use super::cargo::{Program, compile};
use super::check::check;
use super::error::{GuestError, io_error};
use super::layout::{MANIFEST, WASM, create_dir, plugin_dir, read, sha256, write};
use super::lower::{Lowered, Replaced, lower};
use super::merge::merge;
use super::plugins::Guest;
use super::variant::Variant;
use crate::tools;

/// Plugins on disk.
#[derive(Clone, Debug)]
pub struct Artifacts {
    /// The folder that contains `plugins-local`: Traefik's working directory, or a folder that is linked into it.
    pub root: PathBuf,
    /// One entry per plugin.
    pub plugins: Vec<Report>,
}

impl Artifacts {
    /// The report on this plugin. `None` if it was not built.
    pub fn report(&self, guest: &Guest) -> Option<&Report> {
        self.plugins.iter().find(|report| report.folder == guest.folder)
    }
}

/// The result of building one plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The name of its folder.
    pub folder: String,
    /// The size of `plugin.wasm` in bytes.
    pub size: usize,
    /// SHA-256 of `plugin.wasm`, hex.
    pub sha256: String,
    /// The instructions that were lowered.
    pub replaced: Replaced,
}

/// Provides all plugins. See [`artifacts_of`].
pub fn artifacts() -> Result<&'static Artifacts, GuestError> {
    static ARTIFACTS: OnceLock<Result<Artifacts, String>> = OnceLock::new();
    once(&ARTIFACTS, || artifacts_of(&Guest::ALL))
}

/// Like [`artifacts`], but the plugins trap when a request asks for it.
pub fn trapping_artifacts() -> Result<&'static Artifacts, GuestError> {
    static ARTIFACTS: OnceLock<Result<Artifacts, String>> = OnceLock::new();
    once(&ARTIFACTS, || provide(Variant::WithTraps, &Guest::MAIN))
}

/// Provides these plugins. Builds them if anything changed since the last time, each at most once per process. Test
/// processes that start together share what they build.
pub fn artifacts_of(guests: &[Guest]) -> Result<Artifacts, GuestError> {
    provide(Variant::Plain, guests)
}

/// Builds the plugins into `out/plugins-local/src/oic-gateway/<folder>/`, even if this process has built them before.
pub fn build(out: &Path, variant: Variant) -> Result<Artifacts, GuestError> {
    let modules = build_modules(variant, variant.guests())?;
    for module in &modules {
        let to = plugin_dir(out, &module.report.folder);
        create_dir(&to)?;
        for file in [MANIFEST, WASM] {
            fs::copy(module.folder.join(file), to.join(file))
                .map_err(|source| io_error("write", &to.join(file), source))?;
        }
    }
    Ok(Artifacts {
        root: out.to_path_buf(),
        plugins: modules.into_iter().map(|module| module.report).collect(),
    })
}

/// Makes a compiled module fit for Traefik, or refuses it. If `folder` is that of a plugin, the plugin's budget applies.
pub fn lower_and_check(folder: &str, wasm: &[u8], keep_names: bool) -> Result<Lowered, GuestError> {
    let budget = Guest::in_folder(folder).map(|guest| guest.budget);
    finish(folder, wasm, keep_names, budget)
}

fn finish(folder: &str, wasm: &[u8], keep_names: bool, budget: Option<usize>) -> Result<Lowered, GuestError> {
    let unusable = |source| GuestError::Lower {
        folder: folder.into(),
        source,
    };
    let Lowered { wasm, replaced } = lower(wasm, keep_names).map_err(unusable)?;
    let lowered = Lowered {
        wasm: merge(&wasm).map_err(unusable)?,
        replaced,
    };
    check(&lowered.wasm, budget).map_err(|source| GuestError::Check {
        folder: folder.into(),
        source,
    })?;
    Ok(lowered)
}

fn once(
    cell: &'static OnceLock<Result<Artifacts, String>>,
    make: impl FnOnce() -> Result<Artifacts, GuestError>,
) -> Result<&'static Artifacts, GuestError> {
    cell.get_or_init(|| make().map_err(|error| error.to_string()))
        .as_ref()
        .map_err(|message| GuestError::Earlier(message.clone()))
}

/// A built plugin with its folder below `modules`.
#[derive(Clone)]
struct Module {
    folder: PathBuf,
    report: Report,
}

/// What this process has built, and the message of the first failed build.
#[derive(Default)]
struct Built {
    modules: BTreeMap<(Variant, &'static str), Module>,
    failed: Option<String>,
}

/// Provides a folder with these plugins. Compiles those that this process has not compiled yet.
fn provide(variant: Variant, guests: &[Guest]) -> Result<Artifacts, GuestError> {
    static BUILT: Mutex<Option<Built>> = Mutex::new(None);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let built = built.get_or_insert_with(Built::default);
    if let Some(message) = &built.failed {
        return Err(GuestError::Earlier(message.clone()));
    }
    let is_missing = |guest: &Guest| !built.modules.contains_key(&(variant, guest.folder));
    let missing: Vec<Guest> = guests.iter().copied().filter(is_missing).collect();
    if !missing.is_empty() {
        let modules =
            build_modules(variant, &missing).inspect_err(|error| built.failed = Some(error.to_string()))?;
        let names = missing.iter().map(|guest| (variant, guest.folder));
        built.modules.extend(names.zip(modules));
    }
    let module = |guest: &Guest| built.modules.get(&(variant, guest.folder)).cloned();
    lay_out(guests.iter().filter_map(module).collect())
}

/// Compiles these plugins in one go and makes each of them fit for Traefik.
fn build_modules(variant: Variant, guests: &[Guest]) -> Result<Vec<Module>, GuestError> {
    let guests_dir = guests_dir();
    // All variants are compiled below the same folder, because they share most of their dependencies. cargo gives their
    // results the same names, so the lock is held until the results are read.
    let _lock = tools::lock(&guests_dir, "artifacts")?;
    let bins: Vec<String> = guests.iter().map(Guest::bin).collect();
    let programs: Vec<Program<'_>> = guests
        .iter()
        .zip(&bins)
        .map(|(guest, bin)| Program {
            package: guest.folder,
            bin,
        })
        .collect();
    let linked = compile(tools::workspace_root(), &guests_dir, &programs, variant)?;
    guests
        .iter()
        .zip(&linked)
        .map(|(guest, wasm)| module(guest, &read(wasm)?, variant))
        .collect()
}

/// Returns the folder of one plugin. Fills it if it is new.
fn module(guest: &Guest, linked: &[u8], variant: Variant) -> Result<Module, GuestError> {
    let manifest = read(&guest.manifest())?;
    let keep_names = variant == Variant::WithNames;
    // Traps that tests ask for are not part of what users load.
    let budget = (variant != Variant::WithTraps).then_some(guest.budget);
    let options = format!("{keep_names} {budget:?}");
    let parts = [options.as_bytes(), &manifest, linked];
    let folder = guests_dir()
        .join("modules")
        .join(key(RECIPE.into_iter().chain(parts)));
    fill(&folder, |fresh| {
        let lowered = finish(guest.folder, linked, keep_names, budget)?;
        let report = Report {
            folder: guest.folder.into(),
            size: lowered.wasm.len(),
            sha256: sha256(&lowered.wasm),
            replaced: lowered.replaced,
        };
        let json = serde_json::to_vec_pretty(&report)
            .map_err(|error| io_error("write", fresh, io::Error::other(error)))?;
        write(&fresh.join(MANIFEST), &manifest)?;
        write(&fresh.join(WASM), &lowered.wasm)?;
        write(&fresh.join(REPORT), &json)
    })?;
    let path = folder.join(REPORT);
    let report = serde_json::from_slice(&read(&path)?)
        .map_err(|error| io_error("read", &path, io::Error::other(error)))?;
    Ok(Module { folder, report })
}

/// Returns a folder with these plugins, laid out for Traefik.
fn lay_out(modules: Vec<Module>) -> Result<Artifacts, GuestError> {
    let keys = modules
        .iter()
        .map(|module| module.folder.as_os_str().as_encoded_bytes());
    let root = guests_dir().join("artifacts").join(key(keys));
    fill(&root, |fresh| {
        for module in &modules {
            let to = plugin_dir(fresh, &module.report.folder);
            create_dir(&to)?;
            for file in [MANIFEST, WASM] {
                fs::hard_link(module.folder.join(file), to.join(file))
                    .map_err(|source| io_error("link", &to.join(file), source))?;
            }
        }
        Ok(())
    })?;
    Ok(Artifacts {
        root,
        plugins: modules.into_iter().map(|module| module.report).collect(),
    })
}

/// Fills a new folder and renames it to `folder` when it is complete. Does nothing if `folder` exists.
fn fill(folder: &Path, fill: impl FnOnce(&Path) -> Result<(), GuestError>) -> Result<(), GuestError> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or(folder);
    create_dir(parent)?;
    let fresh = tempfile::tempdir_in(parent).map_err(|source| io_error("create", parent, source))?;
    fill(fresh.path())?;
    match fs::rename(fresh.path(), folder) {
        Ok(()) => {
            let _ = fresh.keep(); // it was renamed
            Ok(())
        }
        // Another process was faster, with the same content.
        Err(_) if folder.is_dir() => Ok(()),
        Err(source) => Err(io_error("rename to", folder, source)),
    }
}

/// A short name for something that consists of these parts.
fn key<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> String {
    let digests: Vec<String> = parts.into_iter().map(sha256).collect();
    sha256(digests.join(" ").as_bytes()).chars().take(16).collect()
}

fn guests_dir() -> PathBuf {
    tools::target_dir().join("guests")
}

/// The sources of the steps after the compiler. A change to them makes new modules.
const RECIPE: [&[u8]; 4] = [
    include_bytes!("lower.rs"),
    include_bytes!("memory.rs"),
    include_bytes!("merge.rs"),
    include_bytes!("check.rs"),
];

const REPORT: &str = "report.json";
