//! Envoy, the other gateway of the comparison, with a policy as close to ours as its filters allow. It verifies the
//! token (`jwt_authn`), rewrites the path (`regex_rewrite`) and puts a fixed token into `Authorization`; our gateway
//! fetches and renews one.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use harness::process::Process;
use harness_build::tools::{self, ToolError};

/// A running Envoy. Killed when dropped.
pub(super) struct Envoy {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

/// What Envoy should do.
pub(super) struct Policy {
    pub(super) backend: SocketAddr,
    /// The keys, as JSON text.
    pub(super) jwks: String,
    pub(super) issuer: String,
    pub(super) audience: String,
    /// Whether Envoy remembers verified tokens.
    pub(super) cache: bool,
    pub(super) regex: String,
    /// In RE2 syntax.
    pub(super) substitution: String,
    /// Replaces the client's token.
    pub(super) token: String,
}

/// Why Envoy does not run.
#[derive(Debug, thiserror::Error)]
pub(super) enum EnvoyError {
    #[error(transparent)]
    Tool(#[from] ToolError),
    #[error("Envoy could not be started: {0}")]
    Io(#[from] io::Error),
    #[error("Envoy did not begin to listen; it said:\n{0}")]
    NotReady(String),
}

impl Envoy {
    /// Starts Envoy and waits until it listens.
    pub(super) fn start(policy: &Policy) -> Result<Self, EnvoyError> {
        const PATIENCE: Duration = Duration::from_secs(20);
        let binary = tools::envoy()?;
        let folder = tempfile::Builder::new().prefix("envoy-").tempdir()?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let config = folder.path().join("envoy.json");
        fs::write(&config, policy.bootstrap(address).to_string())?;
        let log = folder.path().join("envoy.log");
        let output = File::create(&log)?;
        let child = Command::new(binary)
            .arg("--config-path")
            .arg(&config)
            // With hot restart, two Envoys on one machine take each other for a predecessor.
            .arg("--disable-hot-restart")
            .args(["--log-level", "error"])
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()?;
        let mut envoy = Self {
            child,
            address,
            _folder: folder,
        };
        let started = Instant::now();
        while std::net::TcpStream::connect(address).is_err() {
            if started.elapsed() > PATIENCE || envoy.child.try_wait()?.is_some() {
                let said = fs::read_to_string(&log).unwrap_or_default();
                return Err(EnvoyError::NotReady(tools::last_lines(&said, 15)));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(envoy)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn process(&self) -> Process {
        Process(self.child.id())
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        // Both fail only if the process has already ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Policy {
    fn bootstrap(&self, listen: SocketAddr) -> Value {
        let mut provider = json!({
            "issuer": self.issuer,
            "audiences": [self.audience],
            "local_jwks": { "inline_string": self.jwks },
            "forward": true, // replaced below
        });
        if self.cache {
            provider["jwt_cache_config"] = json!({ "jwt_cache_size": 10_000 });
        }
        let authn = json!({
            "@type": type_url("extensions.filters.http.jwt_authn.v3.JwtAuthentication"),
            "providers": { "idcs": provider },
            "rules": [{ "match": { "prefix": "/" }, "requires": { "provider_name": "idcs" } }],
        });
        let route = json!({
            "match": { "prefix": "/echo" },
            "route": {
                "cluster": "backend",
                "regex_rewrite": { "pattern": { "regex": self.regex }, "substitution": self.substitution },
            },
            "request_headers_to_add": [{
                "header": { "key": "Authorization", "value": format!("Bearer {}", self.token) },
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }],
        });
        let manager = json!({
            "@type": type_url("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
            "stat_prefix": "web",
            "route_config": { "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [route] }] },
            "http_filters": [
                { "name": "envoy.filters.http.jwt_authn", "typed_config": authn },
                { "name": "envoy.filters.http.router",
                  "typed_config": { "@type": type_url("extensions.filters.http.router.v3.Router") } },
            ],
        });
        let backend = json!({
            "name": "backend",
            "type": "STATIC",
            "load_assignment": {
                "cluster_name": "backend",
                "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": socket(self.backend) } }] }],
            },
        });
        let chain = json!({
            "filters": [{ "name": "envoy.filters.network.http_connection_manager", "typed_config": manager }],
        });
        json!({ "static_resources": {
            "listeners": [{ "name": "web", "address": socket(listen), "filter_chains": [chain] }],
            "clusters": [backend],
        }})
    }
}

fn socket(address: SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } })
}

fn type_url(message: &str) -> String {
    format!("type.googleapis.com/envoy.{message}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_the_only_difference_between_the_two_rows() {
        let policy = |cache| Policy {
            backend: SocketAddr::from(([127, 0, 0, 1], 1)),
            jwks: "{}".into(),
            issuer: "i".into(),
            audience: "a".into(),
            cache,
            regex: "r".into(),
            substitution: "s".into(),
            token: "t".into(),
        };
        let listen = SocketAddr::from(([127, 0, 0, 1], 2));
        let mut with = policy(true).bootstrap(listen);
        let place = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config/providers/idcs";
        let provider = with.pointer_mut(place).unwrap().as_object_mut().unwrap();
        assert!(provider.remove("jwt_cache_config").is_some());
        assert_eq!(with, policy(false).bootstrap(listen));
    }
}
