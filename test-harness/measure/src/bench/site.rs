//! The gateways that are measured, and everything around them.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::authoriser::Authoriser;
use super::backend::Backend;
use super::envoy::{self, Envoy};
use super::error::BenchError;
use harness::certificates::CertificateAuthority;
use harness::client::Client;
use harness::gateway::{INTEGRATION, JWT, OAUTH_CLIENT_CREDENTIALS, PATH_REWRITE, default_options};
use harness::idcs::{Idcs, Resource};
use harness::process::Process;
use harness::traefik::{LocalPlugin, Traefik};
use harness_build::guests::{self, plugin_dir};

/// The surroundings: identity provider, backend, authoriser, and the plugins as files.
pub(super) struct Site {
    pub(super) idcs: Idcs,
    pub(super) backend: Backend,
    authoriser: Authoriser,
    /// The folder that holds `plugins-local`.
    pub(super) plugins: PathBuf,
    client: Client,
    ca_pem: String,
    /// Whether Traefik offers Go profiles on its API.
    profiling: bool,
}

/// What Traefik does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Policy {
    /// Passes it on unchanged.
    Plain,
    /// Rewrites the path with Traefik's built-in middleware.
    ReplacePathRegex,
    /// Asks the authoriser.
    ForwardAuth,
    /// Runs the plugin `jwt` alone.
    Jwt,
    /// Runs the plugin `oAuthClientCredentials` alone.
    Oauth,
    /// Runs the plugin `pathRewrite` alone.
    Rewrite,
    /// Runs all three plugins, as in the examples.
    Three,
    /// Runs the plugin `gateway`, all three in one module.
    Gateway,
    /// Runs a plugin that does nothing, which shows Traefik's own cost.
    Idle,
    /// Runs three plugins that do nothing.
    ThreeIdle,
}

/// The effect of a policy on a request, as the backend sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Effect {
    /// Whether a request without a token gets a 401.
    pub(super) wants_token: bool,
    pub(super) rewrites: bool,
    /// Whether the client's token is kept from the backend.
    pub(super) hides_token: bool,
}

impl Policy {
    pub(super) fn effect(self) -> Effect {
        Effect {
            wants_token: matches!(self, Self::ForwardAuth | Self::Jwt | Self::Three | Self::Gateway),
            rewrites: matches!(
                self,
                Self::ReplacePathRegex | Self::Rewrite | Self::Three | Self::Gateway
            ),
            hides_token: matches!(self, Self::Jwt | Self::Oauth | Self::Three | Self::Gateway),
        }
    }
}

/// A Traefik with its state directory.
pub(super) struct Gateway {
    pub(super) traefik: Traefik,
    state: tempfile::TempDir,
}

/// Differences from the usual configuration.
#[derive(Clone, Debug)]
pub(super) struct Variation {
    /// The number of routers. Each has its own middlewares.
    pub(super) routers: usize,
    /// Options to merge into those of the plugins.
    pub(super) options: Value,
}

impl Default for Variation {
    fn default() -> Self {
        let (routers, options) = (1, json!({}));
        Self { routers, options }
    }
}

impl Site {
    /// Starts the surroundings.
    pub(super) fn start(plugins: PathBuf, profiling: bool) -> io::Result<Self> {
        const DAY: u32 = 24 * 60 * 60;
        // Tokens are not renewed while a row is measured.
        let idcs = Idcs::builder().set(|switches| switches.default_ttl = DAY).start();
        Ok(Self {
            backend: Backend::start()?,
            authoriser: Authoriser::start(idcs.signing_key())?,
            idcs,
            plugins,
            client: Client::plain(),
            ca_pem: CertificateAuthority::shared().ca_pem(),
            profiling,
        })
    }

    /// Starts a Traefik with plugins from `plugins`.
    pub(super) fn traefik(
        &self,
        policy: Policy,
        plugins: &Path,
        variation: &Variation,
    ) -> Result<Gateway, BenchError> {
        let state = tempfile::Builder::new()
            .prefix("bench-state-")
            .tempdir()
            .map_err(BenchError::Io)?;
        let plugins = match policy {
            Policy::Idle | Policy::ThreeIdle => lay_out_idle(state.path())?,
            _ => plugins,
        };
        let mut builder = Traefik::builder()
            .dynamic(self.dynamic(policy, variation).to_string())
            .plugins_from(plugins)
            .static_patch(json!({
                "log": { "level": "ERROR" },
                "api": { "debug": self.profiling },
                // With the default of 200, some rows would open and close backend connections and others would not.
                "serversTransport": { "maxIdleConnsPerHost": 1024 },
            }));
        for (name, folder) in registered(policy) {
            let plugin = LocalPlugin::new(name, format!("oic-gateway/{folder}"));
            builder = builder.plugin(match folder {
                "path-rewrite" | IDLE => plugin,
                _ => plugin.mount(state.path()),
            });
        }
        let traefik = builder.start()?;
        Ok(Gateway { traefik, state })
    }

    /// Starts an Envoy with the full policy.
    pub(super) fn envoy(&self, cache: bool) -> Result<Envoy, envoy::EnvoyError> {
        let (regex, replacement) = rewrite(0);
        Envoy::start(&envoy::Policy {
            backend: self.backend.address(),
            jwks: self.idcs.jwks().to_string(),
            issuer: self.idcs.issuer(),
            audience: Resource::gateway_api().primary_audience,
            cache,
            regex,
            substitution: replacement.replace("$1", "\\1"),
            token: self.idcs.client_token().mint(),
        })
    }

    /// Checks that the gateway at `address` does what it is measured for.
    pub(super) fn check(&self, address: SocketAddr, path: &str, effect: Effect) -> Result<(), BenchError> {
        let url = format!("http://{address}{path}");
        let token = self.idcs.client_token().mint();
        let mut status = 0;
        let head = self.backend.last_head_of(|| {
            let answer = self.client.get(&url).bearer(&token).send();
            status = answer.map_or(0, |answer| answer.status);
        });
        let head = String::from_utf8_lossy(&head);
        let without = self.client.get(&url).send().map_or(0, |answer| answer.status);
        let seen = Effect {
            wants_token: without == 401,
            rewrites: head.starts_with(&format!("GET {INTEGRATION}")),
            hides_token: !head.contains(&token),
        };
        if status == 200 && seen == effect && (without == 200 || effect.wants_token) {
            return Ok(());
        }
        Err(BenchError::Misbehaves {
            what: format!(
                "{path}: status {status} with and {without} without a token, {seen:?} in place of {effect:?}"
            ),
        })
    }

    fn dynamic(&self, policy: Policy, variation: &Variation) -> Value {
        let (mut routers, mut middlewares) = (Map::new(), Map::new());
        for number in 0..variation.routers {
            let own = self.middlewares(policy, number, &variation.options);
            let names: Vec<String> = own.iter().map(|(name, _)| format!("{name}-{number}")).collect();
            routers.insert(
                format!("route-{number}"),
                json!({
                    "rule": format!("PathPrefix(`{}`)", prefix(number)),
                    "entryPoints": ["web"],
                    "middlewares": names,
                    "service": "backend",
                }),
            );
            middlewares.extend(
                own.into_iter()
                    .map(|(name, block)| (format!("{name}-{number}"), block)),
            );
        }
        let mut http = json!({
            "routers": routers,
            "services": { "backend": { "loadBalancer": { "servers": [{ "url": self.backend.url() }] } } },
        });
        if !middlewares.is_empty() {
            http["middlewares"] = Value::Object(middlewares);
        }
        json!({ "http": http })
    }

    /// The middlewares in the order they have on a router.
    fn middlewares(&self, policy: Policy, router: usize, patch: &Value) -> Vec<(&'static str, Value)> {
        let options = self.options(router, patch);
        let (regex, replacement) = rewrite(router);
        let idle = |name| (name, json!({ "plugin": { IDLE: {} } }));
        let plugin = |name: &str| json!({ "plugin": { name: options[name] } });
        match policy {
            Policy::Plain => vec![],
            Policy::ReplacePathRegex => vec![(
                "rewrite",
                json!({ "replacePathRegex": { "regex": regex, "replacement": replacement } }),
            )],
            Policy::ForwardAuth => vec![(
                "auth",
                json!({ "forwardAuth": { "address": format!("http://{}/", self.authoriser.address()) } }),
            )],
            Policy::Jwt => vec![("jwt", plugin(JWT))],
            Policy::Oauth => vec![("oauth", plugin(OAUTH_CLIENT_CREDENTIALS))],
            Policy::Rewrite => vec![("rewrite", plugin(PATH_REWRITE))],
            Policy::Three => vec![
                ("rewrite", plugin(PATH_REWRITE)),
                ("jwt", plugin(JWT)),
                ("oauth", plugin(OAUTH_CLIENT_CREDENTIALS)),
            ],
            Policy::Gateway => vec![("gateway", json!({ "plugin": { GATEWAY: options } }))],
            Policy::Idle => vec![idle("idle")],
            Policy::ThreeIdle => ["first", "second", "third"].map(idle).into(),
        }
    }

    /// The options of the full policy: issuer, audience and scope.
    fn options(&self, router: usize, patch: &Value) -> Value {
        let mut options = default_options(&self.idcs, &self.ca_pem);
        let (regex, replacement) = rewrite(router);
        options[PATH_REWRITE] = json!({ "regex": regex, "replacement": replacement });
        let jwt = &mut options[JWT];
        jwt["issuers"] = json!([self.idcs.issuer()]);
        jwt["audiences"] = json!([Resource::gateway_api().primary_audience]);
        jwt["requiredScopes"] = json!(["echo"]);
        for (name, changes) in patch.as_object().into_iter().flatten() {
            for (option, value) in changes.as_object().into_iter().flatten() {
                match (value, options[name].as_object_mut()) {
                    (Value::Null, Some(block)) => drop(block.remove(option)),
                    _ => options[name][option] = value.clone(),
                }
            }
        }
        options
    }
}

impl Gateway {
    pub(super) fn address(&self) -> Result<SocketAddr, BenchError> {
        // The builder gives every Traefik this entry point.
        self.traefik
            .address("web")
            .ok_or_else(|| BenchError::Io(io::Error::other("Traefik has no entry point")))
    }

    pub(super) fn process(&self) -> Result<Process, BenchError> {
        Ok(Process(self.traefik.pid()?))
    }

    /// Removes everything that the plugins left in the state directory.
    pub(super) fn empty_state(&self) -> io::Result<()> {
        for entry in std::fs::read_dir(self.state.path())? {
            let path = entry?.path();
            if path.is_dir() && !path.is_symlink() {
                std::fs::remove_dir_all(path)?;
            } else {
                std::fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

/// Whether a folder with laid-out plugins contains the plugin `gateway`.
pub(super) fn has_gateway(plugins: &Path) -> bool {
    plugin_dir(plugins, GATEWAY).join("plugin.wasm").is_file()
}

/// The path of the requests to router `number`.
pub(super) fn path(number: usize) -> String {
    format!("{}/hello", prefix(number))
}

fn prefix(number: usize) -> String {
    match number {
        0 => "/echo".to_owned(),
        _ => format!("/echo{number}"),
    }
}

/// The regular expression and replacement of all three ways to rewrite, in Go syntax, which RE2 shares here.
fn rewrite(router: usize) -> (String, String) {
    let prefix = prefix(router);
    (format!("^{prefix}(/.*)?$"), format!("{INTEGRATION}$1"))
}

/// Lays out the plugin that does nothing in `folder`.
fn lay_out_idle(folder: &Path) -> Result<&Path, BenchError> {
    const PROBE: &str = "probe-idle";
    let lowered = guests::lower_and_check(PROBE, &guests::build_probe(PROBE)?, false)?;
    guests::lay_out_probe(folder, IDLE, &lowered.wasm)?;
    Ok(folder)
}

/// The names and folders of the plugins that a policy needs.
fn registered(policy: Policy) -> Vec<(&'static str, &'static str)> {
    let jwt = (JWT, "jwt");
    let oauth = (OAUTH_CLIENT_CREDENTIALS, "oauth-client-credentials");
    let rewrite = (PATH_REWRITE, "path-rewrite");
    match policy {
        Policy::Plain | Policy::ReplacePathRegex | Policy::ForwardAuth => vec![],
        Policy::Jwt => vec![jwt],
        Policy::Oauth => vec![oauth],
        Policy::Rewrite => vec![rewrite],
        Policy::Three => vec![jwt, oauth, rewrite],
        Policy::Gateway => vec![(GATEWAY, GATEWAY)],
        Policy::Idle | Policy::ThreeIdle => vec![(IDLE, IDLE)],
    }
}

/// Name and folder of the plugin `gateway`.
pub(super) const GATEWAY: &str = "gateway";
/// Name and folder of the plugin that does nothing.
const IDLE: &str = "idle";
