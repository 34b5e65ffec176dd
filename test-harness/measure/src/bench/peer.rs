//! Other gateways, with a policy as close to ours as they allow: they verify the token, rewrite the path and put a fixed
//! token into `Authorization`. Our gateway fetches and renews one.

pub(super) mod envoy;
pub(super) mod haproxy;

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use harness::keys::SigningKey;
use harness::process::Process;
use harness_build::tools::{self, ToolError};

/// What a peer should do with a request.
pub(super) struct Errand {
    pub(super) backend: SocketAddr,
    /// The issuer's key.
    pub(super) key: SigningKey,
    pub(super) issuer: String,
    pub(super) audience: String,
    /// What the path must match.
    pub(super) regex: String,
    /// The new path. `\1` is the first group.
    pub(super) replacement: String,
    /// Replaces the client's token.
    pub(super) token: String,
}

/// A running gateway. Killed when dropped.
pub(super) struct Peer {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

/// Why a peer does not run.
#[derive(Debug, thiserror::Error)]
pub(super) enum PeerError {
    #[error(transparent)]
    Tool(#[from] ToolError),
    #[error("{program} is not installed: install it, or set {variable} to its path")]
    Missing {
        program: &'static str,
        variable: &'static str,
    },
    #[error("could not start: {0}")]
    Io(#[from] io::Error),
    #[error("{program} does not listen; it said:\n{said}")]
    NotReady { program: &'static str, said: String },
}

impl Peer {
    /// Starts the command that `prepare` makes from a folder and an address to listen at. Waits until it listens.
    fn start(
        program: &'static str,
        prepare: impl FnOnce(&Path, SocketAddr) -> io::Result<Command>,
    ) -> Result<Self, PeerError> {
        const PATIENCE: Duration = Duration::from_secs(20);
        let folder = tempfile::Builder::new().prefix("bench-peer-").tempdir()?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let log = folder.path().join("log");
        let output = File::create(&log)?;
        let mut command = prepare(folder.path(), address)?;
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let mut peer = Self {
            child: command.spawn()?,
            address,
            _folder: folder,
        };
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            if started.elapsed() > PATIENCE || peer.child.try_wait()?.is_some() {
                let said = tools::last_lines(&fs::read_to_string(&log).unwrap_or_default(), 15);
                return Err(PeerError::NotReady { program, said });
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(peer)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn process(&self) -> Process {
        Process(self.child.id())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Both fail only if the process has already ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
impl Errand {
    /// An errand for tests of configurations.
    fn example() -> Self {
        Self {
            backend: SocketAddr::from(([127, 0, 0, 1], 1)),
            key: SigningKey::rsa_cached(2048, 0),
            issuer: "https://issuer.example/".into(),
            audience: "https://api.example/".into(),
            regex: "^/echo(/.*)?$".into(),
            replacement: "/new\\1".into(),
            token: "t".into(),
        }
    }
}
