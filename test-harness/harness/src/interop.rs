//! An authorization server that we did not write: `oidc-provider` for Node.js, which is certified for OpenID Connect.
//! It shows that the plugins work with a server other than our own mock. Its configuration is
//! `test-harness/interop/server.mjs`.

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use harness_build::guests::sha256;
use harness_build::tools::{target_dir, workspace_root};

use crate::keys::SigningKey;

/// A running authorization server. It ends when this value is dropped, and at the latest with this process.
pub struct AuthorizationServer {
    url: String,
    child: Child,
    _ends_when_closed: Option<ChildStdin>,
}

/// The reason why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum InteropError {
    /// Node.js or npm is missing or too old.
    #[error("Node.js 20 or later with npm is needed: {0}")]
    NoNode(String),
    /// The server could not be installed or started.
    #[error("{0}")]
    Failed(String),
}

/// The audience of its access tokens.
pub const RESOURCE: &str = "https://api.example.com";
/// The scope of its access tokens.
pub const SCOPE: &str = "echo";
/// The audience of its opaque tokens.
pub const OPAQUE_RESOURCE: &str = "https://opaque.example.com";
/// A confidential client that may use client credentials.
pub const CLIENT: (&str, &str) = ("gateway", "secret with: +%/");
/// A client that authenticates with a private key.
pub const SIGNING_CLIENT: &str = "signer";
/// A client that authenticates with assertions signed by its secret.
pub const MAC_CLIENT: (&str, &str) = ("mac", "a secret of 32 characters or more");
/// A public client that may use the device flow.
pub const DEVICE_CLIENT: &str = "device";

const FILES: [&str; 3] = ["package.json", "package-lock.json", "server.mjs"];

impl AuthorizationServer {
    /// Starts a server, and installs it first if necessary. Its access tokens are valid for `access_token_seconds`, and
    /// it knows [`SIGNING_CLIENT`] by the public key of `signer`.
    ///
    /// # Errors
    /// Returns [`InteropError::NoNode`] if this machine cannot run the server.
    pub fn start(access_token_seconds: u32, signer: &SigningKey) -> Result<Self, InteropError> {
        for (program, least) in [("node", 20), ("npm", 1)] {
            let version = version(program).map_err(InteropError::NoNode)?;
            if version < least {
                return Err(InteropError::NoNode(format!("{program} has version {version}")));
            }
        }
        let folder = install()?;
        let mut child = Command::new("node")
            .arg(folder.join("server.mjs"))
            .env("ACCESS_TOKEN_SECONDS", access_token_seconds.to_string())
            .env("SIGNER_JWK", signer.jwk().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| failed("start", &folder, &error))?;
        let mut url = String::new();
        if let Some(output) = child.stdout.take() {
            let read = BufReader::new(output).read_line(&mut url);
            read.map_err(|error| failed("listen to", &folder, &error))?;
        }
        let url = url.trim().to_owned();
        if !url.starts_with("http://127.0.0.1:") {
            return Err(InteropError::Failed(
                "the authorization server ended at its start".to_owned(),
            ));
        }
        Ok(Self {
            _ends_when_closed: child.stdin.take(),
            child,
            url,
        })
    }

    /// Returns the issuer, which is also the base of all URLs.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the URL of the token endpoint.
    pub fn token_url(&self) -> String {
        format!("{}/token", self.url)
    }

    /// Returns the URL of the introspection endpoint.
    pub fn introspection_url(&self) -> String {
        format!("{}/token/introspection", self.url)
    }

    /// Returns the URL of the revocation endpoint.
    pub fn revocation_url(&self) -> String {
        format!("{}/token/revocation", self.url)
    }

    /// Returns the URL of the keys that sign its tokens.
    pub fn jwks_url(&self) -> String {
        format!("{}/jwks", self.url)
    }

    /// Returns the URL of the device authorization endpoint.
    pub fn device_url(&self) -> String {
        format!("{}/device/auth", self.url)
    }

    /// Returns the URL that approves a device. A POST to it acts as the user who types in `user_code`.
    pub fn allow_url(&self, user_code: &str, user: &str) -> String {
        format!("{}/allow?user_code={user_code}&user={user}", self.url)
    }
}

impl Drop for AuthorizationServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the major version that `program --version` prints.
fn version(program: &str) -> Result<u32, String> {
    let output = Command::new(program)
        .arg("--version")
        .stderr(Stdio::null())
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let number = text.trim().trim_start_matches('v').split('.').next();
    number
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| format!("{program} tells no version"))
}

/// Returns the folder with the installed server. Its name contains the hash of the sources. Several processes may
/// create it at the same time.
fn install() -> Result<PathBuf, InteropError> {
    let source = workspace_root().join("test-harness/interop");
    let mut content = Vec::new();
    for file in FILES {
        let path = source.join(file);
        content.extend(fs::read(&path).map_err(|error| failed("read", &path, &error))?);
    }
    let digest = sha256(&content);
    let folder = target_dir().join(format!("interop-{}", digest.get(..12).unwrap_or(&digest)));
    if folder.is_dir() {
        return Ok(folder);
    }
    let fresh = tempfile::Builder::new()
        .prefix("interop-new-")
        .tempdir_in(target_dir())
        .map_err(|error| failed("make a folder in", &target_dir(), &error))?;
    for file in FILES {
        let path = fresh.path().join(file);
        fs::copy(source.join(file), &path).map_err(|error| failed("write", &path, &error))?;
    }
    let output = Command::new("npm")
        .args(["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"])
        .current_dir(fresh.path())
        .output()
        .map_err(|error| failed("install in", fresh.path(), &error))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(InteropError::Failed(format!("npm ci: {said}")));
    }
    let fresh = fresh.keep();
    if let Err(error) = fs::rename(&fresh, &folder)
        && !folder.is_dir()
    {
        return Err(failed("rename", &fresh, &error));
    }
    Ok(folder)
}

fn failed(step: &str, path: &Path, error: &io::Error) -> InteropError {
    InteropError::Failed(format!("cannot {step} {}: {error}", path.display()))
}
