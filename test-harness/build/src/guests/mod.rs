//! The plugins as Traefik loads them: built, lowered, checked, and laid out in the folders it looks in.
//!
//! Tests call [`artifacts`], the demo [`artifacts_of`]; `cargo run -p test-harness -- build --out DIR` calls [`build`].

mod cargo;
mod check;
mod lower;
mod memory;
mod probe;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::tools::{self, ToolError};

pub use cargo::{Program, STACK_SIZE, TARGET_FEATURES, compile, show_progress};
pub use check::{CheckError, MAX_SIZE, check};
pub use lower::{LowerError, Lowered, Replaced, lower};
pub use probe::{build_probe, lay_out_probe, probe_module};

/// A plugin of this workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guest {
    /// Its name in Traefik's configuration: `experimental.localPlugins.<name>`, `middlewares.x.plugin.<name>`.
    pub name: &'static str,
    /// Its folder below `plugins/`, which is also its crate's name.
    pub folder: &'static str,
}

impl Guest {
    /// Decides which user name and password the backend sees.
    pub const BASIC_CREDENTIALS: Self = Self {
        name: "basicCredentials",
        folder: "basic-credentials",
    };
    /// `jwt`, `oAuthClientCredentials` and `pathRewrite` in one.
    pub const GATEWAY: Self = Self {
        name: "gateway",
        folder: "gateway",
    };
    /// Validates access tokens.
    pub const JWT: Self = Self {
        name: "jwt",
        folder: "jwt",
    };
    /// Replaces the caller's token by one of the gateway's own.
    pub const OAUTH_CLIENT_CREDENTIALS: Self = Self {
        name: "oAuthClientCredentials",
        folder: "oauth-client-credentials",
    };
    /// Asks the identity provider about tokens.
    pub const OAUTH_INTROSPECTION: Self = Self {
        name: "oAuthIntrospection",
        folder: "oauth-introspection",
    };
    /// Swaps the caller's token for one of the same user at another provider.
    pub const OAUTH_TOKEN_EXCHANGE: Self = Self {
        name: "oAuthTokenExchange",
        folder: "oauth-token-exchange",
    };
    /// Rewrites paths by regular expressions.
    pub const PATH_REWRITE: Self = Self {
        name: "pathRewrite",
        folder: "path-rewrite",
    };

    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::BASIC_CREDENTIALS,
        Self::GATEWAY,
        Self::JWT,
        Self::OAUTH_CLIENT_CREDENTIALS,
        Self::OAUTH_INTROSPECTION,
        Self::OAUTH_TOKEN_EXCHANGE,
        Self::PATH_REWRITE,
    ];

    /// Those of the usual gateway, and the one that is all three: the ones that tests make trap.
    pub const MAIN: [Self; 4] = [
        Self::GATEWAY,
        Self::JWT,
        Self::OAUTH_CLIENT_CREDENTIALS,
        Self::PATH_REWRITE,
    ];

    /// The one with this folder.
    pub fn in_folder(folder: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|guest| guest.folder == folder)
    }

    /// The module name, by which Traefik finds the folder: `oic-gateway/<folder>`.
    pub fn module_name(&self) -> String {
        format!("{MODULE_PREFIX}/{}", self.folder)
    }

    /// The binary that cargo builds.
    fn bin(&self) -> String {
        format!("plugin-{}", self.folder)
    }

    fn manifest(&self) -> PathBuf {
        tools::workspace_root()
            .join("plugins")
            .join(self.folder)
            .join(MANIFEST)
    }
}

/// What a plugin is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// To be handed out.
    Plain,
    /// To look into: the names of functions are kept, for stack traces and profiles.
    WithNames,
    /// To be tortured: traps where a request asks for it (crate `trap`).
    WithTraps,
}

impl Variant {
    /// The plugins that are built so.
    const fn guests(self) -> &'static [Guest] {
        match self {
            Self::Plain | Self::WithNames => &Guest::ALL,
            Self::WithTraps => &Guest::MAIN,
        }
    }
}

/// Plugins on disk.
#[derive(Clone, Debug)]
pub struct Artifacts {
    /// The folder that holds `plugins-local`: Traefik's working directory, or what is linked into it.
    pub root: PathBuf,
    /// One entry per plugin.
    pub plugins: Vec<Report>,
}

impl Artifacts {
    /// What became of this plugin; `None` if it was not built.
    pub fn report(&self, guest: &Guest) -> Option<&Report> {
        self.plugins.iter().find(|report| report.folder == guest.folder)
    }
}

/// What became of one plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Its folder's name.
    pub folder: String,
    /// Bytes of `plugin.wasm`.
    pub size: usize,
    /// SHA-256 of `plugin.wasm`, hex.
    pub sha256: String,
    /// The instructions that were lowered.
    pub replaced: Replaced,
}

/// Why the plugins could not be provided.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    /// Something that the build needs is missing.
    #[error(transparent)]
    Tool(#[from] ToolError),

    /// The compiler refused.
    #[error("plugin {folder} does not compile ({status}):\n{output}")]
    DoesNotCompile {
        /// The plugin.
        folder: String,
        /// cargo's exit status.
        status: String,
        /// What cargo printed.
        output: String,
    },

    /// The compiled module cannot be made safe.
    #[error("plugin {folder}: {source}")]
    Lower {
        /// The plugin.
        folder: String,
        /// Why.
        source: LowerError,
    },

    /// The module must not be handed out.
    #[error("plugin {folder}: {source}")]
    Check {
        /// The plugin.
        folder: String,
        /// Why.
        source: CheckError,
    },

    /// A file operation failed.
    #[error("could not {action} {path}: {source}; check that it exists and the rights there")]
    Io {
        /// The verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },

    /// An earlier call in this process failed with this message.
    #[error("{0}")]
    Earlier(String),
}

/// The plugins, built if anything changed since the last time. Once per process; test processes that start together
/// build once and share the result. The folder is never changed afterwards, so a running Traefik keeps its plugins
/// when the next build differs.
pub fn artifacts() -> Result<&'static Artifacts, GuestError> {
    static ARTIFACTS: OnceLock<Result<Artifacts, String>> = OnceLock::new();
    ARTIFACTS
        .get_or_init(|| artifacts_of(&Guest::ALL).map_err(|error| error.to_string()))
        .as_ref()
        .map_err(|message| GuestError::Earlier(message.clone()))
}

/// These plugins alone, the same bytes as in [`artifacts`].
pub fn artifacts_of(guests: &[Guest]) -> Result<Artifacts, GuestError> {
    provide(Variant::Plain, guests)
}

/// Like [`artifacts`], but the plugins trap where a request asks for it.
pub fn trapping_artifacts() -> Result<&'static Artifacts, GuestError> {
    static ARTIFACTS: OnceLock<Result<Artifacts, String>> = OnceLock::new();
    ARTIFACTS
        .get_or_init(|| provide(Variant::WithTraps, &Guest::MAIN).map_err(|error| error.to_string()))
        .as_ref()
        .map_err(|message| GuestError::Earlier(message.clone()))
}

/// Builds the plugins into `out/plugins-local/src/oic-gateway/<folder>/`.
pub fn build(out: &Path, variant: Variant) -> Result<Artifacts, GuestError> {
    let built = provide(variant, variant.guests())?;
    for report in &built.plugins {
        let (from, to) = (
            plugin_dir(&built.root, &report.folder),
            plugin_dir(out, &report.folder),
        );
        fs::create_dir_all(&to).map_err(|source| io_error("create", &to, source))?;
        for file in [MANIFEST, WASM] {
            fs::copy(from.join(file), to.join(file))
                .map_err(|source| io_error("write", &to.join(file), source))?;
        }
    }
    Ok(Artifacts {
        root: out.to_path_buf(),
        plugins: built.plugins,
    })
}

/// Where plugins of all variants are built, below the target folder: most of what they are made of is the same. cargo puts
/// them under the same names in turn, so nobody else may build between a build and the reading of what came of it.
const FOLDER: &str = "guests";

/// Compiles these plugins and hands out the folder for this very input, filling it if it is new.
fn provide(variant: Variant, guests: &[Guest]) -> Result<Artifacts, GuestError> {
    let keep_names = variant == Variant::WithNames;
    let guests_dir = tools::target_dir().join(FOLDER);
    let _lock = tools::lock(&guests_dir, "artifacts")?;

    let bins: Vec<(Guest, String)> = guests.iter().map(|guest| (*guest, guest.bin())).collect();
    let programs: Vec<Program<'_>> = bins
        .iter()
        .map(|(guest, bin)| Program {
            package: guest.folder,
            bin,
        })
        .collect();
    let modules = compile(tools::workspace_root(), &guests_dir, &programs, variant)?;
    let mut inputs = Vec::new();
    for (guest, module) in guests.iter().zip(&modules) {
        inputs.push((guest, read(&guest.manifest())?, read(module)?));
    }

    let mut key = vec![keep_names.to_string().into_bytes()];
    key.extend(RECIPE.iter().map(|source| source.to_vec()));
    key.extend(
        inputs
            .iter()
            .flat_map(|(_, manifest, wasm)| [manifest.clone(), wasm.clone()]),
    );
    let digests: Vec<String> = key.iter().map(|part| sha256(part)).collect();
    let short_key: String = sha256(digests.join(" ").as_bytes()).chars().take(16).collect();
    let root = guests_dir.join("artifacts").join(short_key);

    if !root.is_dir() {
        let parent = guests_dir.join("artifacts");
        fs::create_dir_all(&parent).map_err(|source| io_error("create", &parent, source))?;
        let fresh = tempfile::tempdir_in(&parent).map_err(|source| io_error("create", &parent, source))?;
        let mut reports = Vec::new();
        for (guest, manifest, wasm) in &inputs {
            let lowered = lower_and_check(guest.folder, wasm, keep_names)?;
            let dir = plugin_dir(fresh.path(), guest.folder);
            fs::create_dir_all(&dir).map_err(|source| io_error("create", &dir, source))?;
            write(&dir.join(MANIFEST), manifest)?;
            write(&dir.join(WASM), &lowered.wasm)?;
            reports.push(Report {
                folder: guest.folder.into(),
                size: lowered.wasm.len(),
                sha256: sha256(&lowered.wasm),
                replaced: lowered.replaced,
            });
        }
        let json = serde_json::to_vec_pretty(&reports)
            .map_err(|error| io_error("write", fresh.path(), io::Error::other(error)))?;
        write(&fresh.path().join(REPORTS), &json)?;
        fs::rename(fresh.keep(), &root).map_err(|source| io_error("rename to", &root, source))?;
    }

    let json = read(&root.join(REPORTS))?;
    let plugins = serde_json::from_slice(&json)
        .map_err(|error| io_error("read", &root.join(REPORTS), io::Error::other(error)))?;
    Ok(Artifacts { root, plugins })
}

/// Makes a compiled module fit for Traefik, or refuses it.
pub fn lower_and_check(folder: &str, wasm: &[u8], keep_names: bool) -> Result<Lowered, GuestError> {
    let lowered = lower(wasm, keep_names).map_err(|source| GuestError::Lower {
        folder: folder.into(),
        source,
    })?;
    check(&lowered.wasm).map_err(|source| GuestError::Check {
        folder: folder.into(),
        source,
    })?;
    Ok(lowered)
}

/// Where Traefik looks for a local plugin, from its working directory.
pub fn plugin_dir(root: &Path, folder: &str) -> PathBuf {
    root.join("plugins-local/src").join(MODULE_PREFIX).join(folder)
}

/// SHA-256 in hex.
pub fn sha256(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, bytes);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, GuestError> {
    fs::read(path).map_err(|source| io_error("read", path, source))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), GuestError> {
    fs::write(path, bytes).map_err(|source| io_error("write", path, source))
}

fn io_error(action: &'static str, path: &Path, source: io::Error) -> GuestError {
    GuestError::Io {
        action,
        path: path.to_path_buf(),
        source,
    }
}

/// The programs of the step after the compiler, by their text: whoever changes one gets new artifacts.
const RECIPE: [&[u8]; 3] = [
    include_bytes!("lower.rs"),
    include_bytes!("memory.rs"),
    include_bytes!("check.rs"),
];

const MODULE_PREFIX: &str = "oic-gateway";
const MANIFEST: &str = ".traefik.yml";
const WASM: &str = "plugin.wasm";
const REPORTS: &str = "reports.json";
