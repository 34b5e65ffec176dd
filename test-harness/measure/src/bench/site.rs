//! The gateways that are measured, and everything around them.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::authoriser::Authoriser;
use super::backend::Backend;
use super::error::BenchError;
use super::peer::Errand;
use super::policy::{CALLER, DENIED, Effect, Module, Policy};
use harness::certificates::CertificateAuthority;
use harness::client::Client;
use harness::gateway::{GATEWAY, INTEGRATION, JWT, OAUTH_CLIENT_CREDENTIALS, PATH_REWRITE, default_options};
use harness::idcs::{Application, Idcs, Resource};
use harness::process::Process;
use harness::traefik::{LocalPlugin, Traefik};
use harness_build::guests;

/// The surroundings: identity provider, backend, authoriser, and the plugins as files.
pub(super) struct Site {
    pub(super) idcs: Idcs,
    pub(super) backend: Backend,
    authoriser: Authoriser,
    /// The folder that holds `plugins-local`.
    pub(super) plugins: PathBuf,
    client: Client,
    ca_pem: String,
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
    pub(super) fn start(plugins: PathBuf) -> io::Result<Self> {
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
        let modules = policy.guests();
        let plugins = match modules {
            [Module::Probe(_), ..] => lay_out_probes(modules, state.path())?,
            _ => plugins,
        };
        let mut builder = Traefik::builder()
            .dynamic(self.dynamic(policy, variation).to_string())
            .plugins_from(plugins)
            .static_patch(json!({
                "log": { "level": "ERROR" },
                // With the default of 200, some rows would open and close backend connections and others would not.
                "serversTransport": { "maxIdleConnsPerHost": 1024 },
            }));
        for module in modules {
            let plugin = match module {
                Module::Plugin(guest) => LocalPlugin::of(guest),
                Module::Probe(name) => LocalPlugin::new(*name, guests::probe_module(name)),
            };
            builder = builder.plugin(match module.has_state() {
                true => plugin.mount(state.path()),
                false => plugin,
            });
        }
        let traefik = builder.start()?;
        Ok(Gateway { traefik, state })
    }

    /// What another gateway than Traefik should do.
    pub(super) fn errand(&self) -> Errand {
        let (regex, replacement) = rewrite(0);
        Errand {
            backend: self.backend.address(),
            key: self.idcs.signing_key(),
            issuer: self.idcs.issuer(),
            audience: Resource::gateway_api().primary_audience,
            regex,
            replacement: replacement.replace("$1", "\\1"),
            token: self.own_token(),
        }
    }

    /// A token of the gateway, as long as the one that `oAuthClientCredentials` gets.
    fn own_token(&self) -> String {
        const DAY: i64 = 24 * 60 * 60;
        let token = self.idcs.client_token().client_id(Application::GATEWAY_ID);
        token
            .audience(&Resource::oic().primary_audience)
            .expires_in(DAY)
            .mint()
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
            names_caller: head.contains(&format!("\r\n{CALLER}: ")),
        };
        let forged = self.idcs.client_token().signed_by_another_key().mint();
        let forged = self
            .client
            .get(&url)
            .bearer(&forged)
            .send()
            .map_or(0, |answer| answer.status);
        let refuses = |status| status == if effect.wants_token { 401 } else { 200 };
        if status == 200 && seen == effect && refuses(without) && refuses(forged) {
            return Ok(());
        }
        Err(BenchError::Misbehaves {
            what: format!(
                "{path}: status {status} with a token, {without} without, {forged} with a forged one; {seen:?} in place of \
                 {effect:?}"
            ),
        })
    }

    /// Checks that the rules of `authorize` at `address` close a path.
    pub(super) fn check_denial(&self, address: SocketAddr) -> Result<(), BenchError> {
        let url = format!("http://{address}{DENIED}/hello");
        let answer = self
            .client
            .get(&url)
            .bearer(&self.idcs.client_token().mint())
            .send();
        match answer.map_or(0, |answer| answer.status) {
            403 => Ok(()),
            status => Err(BenchError::Misbehaves {
                what: format!("{DENIED}: status {status} in place of 403"),
            }),
        }
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
        let floor = || {
            let target = path(router).replacen(&prefix(router), INTEGRATION, 1);
            let options = json!({
                "authorization": format!("Bearer {}", self.own_token()), "uri": target, "replaced": path(router),
            });
            let probe = |module: &Module| (module.name(), json!({ "plugin": { module.name(): options } }));
            policy.guests().iter().map(probe).collect()
        };
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
            Policy::Floor | Policy::ThreeFloor => floor(),
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

/// Builds probes as the plugins are built, and lays them out in `folder`.
fn lay_out_probes<'f>(modules: &[Module], folder: &'f Path) -> Result<&'f Path, BenchError> {
    for name in modules.iter().map(|module| module.name()) {
        let lowered = guests::lower_and_check(name, &guests::build_probe(name)?, false)?;
        guests::lay_out_probe(folder, name, &lowered.wasm)?;
    }
    Ok(folder)
}
