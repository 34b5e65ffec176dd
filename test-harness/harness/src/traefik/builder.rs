//! Builds the configuration of a Traefik and starts it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use harness_build::guests::{self, Guest};
use harness_build::tools;
use serde_json::{Value, json};

#[cfg(feature = "yaml")]
use super::configuration::from_yaml;
use super::configuration::{entry_points, redirects};
use super::error::{TraefikError, io_error};
use super::layout::{ACCESS_LOG, API, DYNAMIC_DIR, LOG, WEB};
use super::process::{Endpoints, Program, Traefik};
#[cfg(feature = "kubernetes")]
use crate::kubernetes::ApiServer;
use crate::merge::merge;

/// A plugin for `experimental.localPlugins`.
#[derive(Clone, Debug)]
pub struct LocalPlugin {
    name: String,
    module_name: String,
    mounts: Vec<String>,
    envs: Vec<String>,
}

impl LocalPlugin {
    /// Creates a plugin with this name in the configuration. The module name is its folder below `plugins-local/src`.
    pub fn new(name: impl Into<String>, module_name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            module_name: module_name.into(),
            mounts: Vec::new(),
            envs: Vec::new(),
        }
    }

    /// Returns one of the plugins of this workspace.
    pub fn of(guest: &Guest) -> Self {
        Self::new(guest.name, guest.module_name())
    }

    /// Mounts a folder into the plugin, under the same path. It must exist when Traefik starts.
    pub fn mount(mut self, folder: impl AsRef<Path>) -> Self {
        self.mounts.push(folder.as_ref().display().to_string());
        self
    }

    /// Passes an environment variable from Traefik to the plugin.
    pub fn env(mut self, name: impl Into<String>) -> Self {
        self.envs.push(name.into());
        self
    }
}

/// The settings of a Traefik; see [`Traefik::builder`].
#[derive(Clone, Debug, Default)]
pub struct TraefikBuilder {
    #[cfg(feature = "yaml")]
    base: Option<String>,
    patches: Vec<Value>,
    dynamic: String,
    plugins: Vec<LocalPlugin>,
    plugins_from: Option<PathBuf>,
    entry_points: BTreeMap<String, Value>,
    root_cas: Vec<PathBuf>,
    env: Vec<(String, String)>,
    access_log: bool,
}

impl Traefik {
    /// Returns the default settings. Nothing runs before [`TraefikBuilder::start`].
    pub fn builder() -> TraefikBuilder {
        TraefikBuilder::default()
    }
}

impl TraefikBuilder {
    /// Sets the dynamic configuration, in the format of the file provider (YAML or JSON).
    pub fn dynamic(mut self, yaml: impl Into<String>) -> Self {
        self.dynamic = yaml.into();
        self
    }

    /// Uses this static configuration, such as an example's. Its entry points keep their settings and get free ports.
    /// The harness replaces log, API and providers.
    #[cfg(feature = "yaml")]
    pub fn static_yaml(mut self, yaml: impl Into<String>) -> Self {
        self.base = Some(yaml.into());
        self
    }

    /// Merges `patch` into the finished static configuration (RFC 7396: `null` removes a member). The API must stay
    /// enabled, because the harness uses it to find out whether Traefik is running.
    pub fn static_patch(mut self, patch: Value) -> Self {
        self.patches.push(patch);
        self
    }

    /// Registers a plugin.
    pub fn plugin(mut self, plugin: LocalPlugin) -> Self {
        self.plugins.push(plugin);
        self
    }

    /// Uses the plugins from `plugins-local` in this folder. Without this call, the harness builds the registered
    /// plugins of this workspace.
    pub fn plugins_from(mut self, folder: impl Into<PathBuf>) -> Self {
        self.plugins_from = Some(folder.into());
        self
    }

    /// Adds an entry point on a free port of 127.0.0.1. `settings` are its settings without `address`; use `json!({})`
    /// for the defaults.
    pub fn entry_point(mut self, name: impl Into<String>, settings: Value) -> Self {
        self.entry_points.insert(name.into(), settings);
        self
    }

    /// Makes Traefik trust the authority in this PEM file for TLS to backends (`serversTransport.rootCAs`).
    pub fn root_ca(mut self, pem_file: impl Into<PathBuf>) -> Self {
        self.root_cas.push(pem_file.into());
        self
    }

    /// Sets an environment variable of the process. A plugin sees it only if [`LocalPlugin::env`] names it.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Adds the provider `kubernetesCRD`, which reads dynamic configuration from this API server.
    #[cfg(feature = "kubernetes")]
    pub fn kubernetes(self, server: &ApiServer) -> Self {
        self.static_patch(
            json!({ "providers": { "providersThrottleDuration": "100ms", "kubernetesCRD": {
                "endpoint": server.url(),
                "allowExternalNameServices": true,
                "disableClusterScopeResources": true,
            }}}),
        )
    }

    /// Writes an access log in JSON with all headers; see [`Traefik::access_log`].
    pub fn access_log(mut self) -> Self {
        self.access_log = true;
        self
    }

    /// Builds the registered plugins, starts Traefik, and waits until it serves the dynamic configuration.
    pub fn start(self) -> Result<Traefik, TraefikError> {
        const ATTEMPTS: usize = 5;
        let binary = tools::traefik()?;
        let mut attempt = 1;
        loop {
            match self.start_once(&binary) {
                // Another process has taken the port between our choice and Traefik's start.
                Err(TraefikError::EndedEarly { log, .. })
                    if attempt < ATTEMPTS && log.contains("address already in use") =>
                {
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }

    fn start_once(&self, binary: &Path) -> Result<Traefik, TraefikError> {
        let dir = tempfile::Builder::new()
            .prefix("traefik-")
            .tempdir()
            .map_err(|source| io_error("create", std::env::temp_dir(), source))?;
        let dynamic_dir = dir.path().join(DYNAMIC_DIR);
        std::fs::create_dir(&dynamic_dir).map_err(|source| io_error("create", &dynamic_dir, source))?;

        let (settings, endpoints) = self.settings(dir.path())?;
        if let Some(root) = self.plugins_root(&settings)? {
            let (target, link) = (root.join("plugins-local"), dir.path().join("plugins-local"));
            symlink(&target, &link).map_err(|source| io_error("link", link, source))?;
        }
        let config = dir.path().join("traefik.yml");
        // JSON is also valid YAML.
        std::fs::write(&config, format!("{settings:#}"))
            .map_err(|source| io_error("write", &config, source))?;
        let program = Program {
            binary: binary.to_path_buf(),
            config,
            env: self.env.clone(),
        };
        Traefik::start_in(dir, program, endpoints, &self.dynamic)
    }

    /// Returns the folder that contains `plugins-local`. Builds the plugins of this workspace that the static
    /// configuration registers.
    fn plugins_root(&self, settings: &Value) -> Result<Option<PathBuf>, TraefikError> {
        if let Some(folder) = &self.plugins_from {
            return Ok(Some(folder.clone()));
        }
        let registered = settings["experimental"]["localPlugins"].as_object();
        let mut guests: Vec<Guest> = registered
            .into_iter()
            .flat_map(|plugins| plugins.values())
            .filter_map(|plugin| Guest::of_module(plugin["moduleName"].as_str()?))
            .collect();
        if guests.is_empty() {
            return Ok(None);
        }
        // The same plugin may be registered under several names.
        guests.sort_by_key(|guest| guest.folder);
        guests.dedup();
        Ok(Some(guests::artifacts_of(&guests)?.root))
    }

    /// Returns the static configuration to start from.
    #[cfg(feature = "yaml")]
    fn base(&self) -> Result<Value, TraefikError> {
        self.base.as_deref().map_or_else(|| Ok(json!({})), from_yaml)
    }

    /// Returns the static configuration to start from.
    #[cfg(not(feature = "yaml"))]
    fn base(&self) -> Result<Value, TraefikError> {
        Ok(json!({}))
    }

    /// Returns the static configuration and the addresses of the entry points.
    fn settings(&self, dir: &Path) -> Result<(Value, Endpoints), TraefikError> {
        let mut settings = self.base()?;
        for plugin in &self.plugins {
            let registration = json!({
                "moduleName": plugin.module_name,
                "settings": { "mounts": plugin.mounts, "envs": plugin.envs },
            });
            merge(
                &mut settings,
                &json!({ "experimental": { "localPlugins": { &plugin.name: registration } } }),
            );
        }
        for (name, own) in &self.entry_points {
            merge(&mut settings, &json!({ "entryPoints": { name: own } }));
        }
        let mut names = entry_points(&settings);
        for name in [WEB, API] {
            if !names.iter().any(|known| known == name) {
                names.push(name.into());
            }
        }
        let addresses: BTreeMap<String, SocketAddr> = names.into_iter().zip(free_addresses()?).collect();
        for (name, address) in &addresses {
            merge(
                &mut settings,
                &json!({ "entryPoints": { name: { "address": address.to_string() } } }),
            );
        }
        merge(
            &mut settings,
            &json!({
                "global": { "checkNewVersion": false, "sendAnonymousUsage": false },
                "api": { "insecure": true },
                "providers": null,
                "log": { "level": "DEBUG", "format": "json", "filePath": dir.join(LOG) },
                // Without this, Traefik continues without any plugins if one of them fails to load.
                "experimental": { "abortOnPluginFailure": true },
            }),
        );
        merge(
            &mut settings,
            &json!({ "providers": {
                "providersThrottleDuration": "50ms", // the default is two seconds
                "file": { "directory": dir.join(DYNAMIC_DIR), "watch": true },
            }}),
        );
        if !self.root_cas.is_empty() {
            merge(
                &mut settings,
                &json!({ "serversTransport": { "rootCAs": self.root_cas } }),
            );
        }
        if self.access_log {
            let fields = json!({ "headers": { "defaultMode": "keep" } });
            let access_log = json!({ "format": "json", "filePath": dir.join(ACCESS_LOG), "fields": fields });
            merge(&mut settings, &json!({ "accessLog": access_log }));
        }
        for patch in &self.patches {
            merge(&mut settings, patch);
        }
        let probed = if redirects(&settings, WEB) { API } else { WEB };
        let endpoints = Endpoints { addresses, probed };
        Ok((settings, endpoints))
    }
}

/// Returns addresses with different ports that are currently free.
fn free_addresses() -> Result<impl Iterator<Item = SocketAddr>, TraefikError> {
    const AT_MOST: usize = 16;
    let failed = |source| io_error("find", "a free port", source);
    let listeners: Vec<TcpListener> = (0..AT_MOST)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    let addresses: Vec<SocketAddr> = listeners
        .iter()
        .map(TcpListener::local_addr)
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    Ok(addresses.into_iter())
}

#[cfg(all(test, feature = "yaml"))]
mod tests {
    use super::*;

    fn settings(builder: TraefikBuilder) -> (Value, Endpoints) {
        builder.settings(Path::new("/run/here")).unwrap()
    }

    #[test]
    fn every_entry_point_gets_a_port_of_its_own_on_loopback() {
        let example = "entryPoints:\n  web: {address: ':80', http: {maxHeaderBytes: 9}}\n  websecure: {address: ':443'}\n";
        let (settings, endpoints) = settings(
            TraefikBuilder::default()
                .static_yaml(example)
                .entry_point("extra", json!({})),
        );
        let names: Vec<&String> = endpoints.addresses.keys().collect();
        assert_eq!(names, ["extra", "traefik", "web", "websecure"]);
        let ports: std::collections::BTreeSet<u16> =
            endpoints.addresses.values().map(SocketAddr::port).collect();
        assert_eq!(ports.len(), 4);
        for (name, address) in &endpoints.addresses {
            assert!(address.ip().is_loopback());
            assert_eq!(settings["entryPoints"][name]["address"], address.to_string());
        }
        assert_eq!(settings["entryPoints"]["web"]["http"]["maxHeaderBytes"], 9);
    }

    #[test]
    fn plugins_are_registered_beside_those_of_the_example() {
        let example = "experimental: {localPlugins: {jwt: {moduleName: oic-gateway/jwt}}}";
        let (settings, _) = settings(
            TraefikBuilder::default().static_yaml(example).plugin(
                LocalPlugin::of(&Guest::PATH_REWRITE)
                    .mount("/state")
                    .env("SECRET"),
            ),
        );
        assert_eq!(
            settings["experimental"]["localPlugins"],
            json!({
                "jwt": { "moduleName": "oic-gateway/jwt" },
                "pathRewrite": {
                    "moduleName": "oic-gateway/path-rewrite",
                    "settings": { "mounts": ["/state"], "envs": ["SECRET"] },
                },
            })
        );
    }

    #[test]
    fn the_providers_of_an_example_give_way_and_a_patch_has_the_last_word() {
        let (settings, _) = settings(
            TraefikBuilder::default()
                .static_yaml("providers: {docker: {}}")
                .static_patch(json!({ "log": { "level": "INFO" } }))
                .static_patch(json!({ "global": null })),
        );
        assert_eq!(settings["providers"]["docker"], Value::Null);
        assert_eq!(settings["providers"]["file"]["directory"], "/run/here/dynamic");
        assert_eq!(settings["log"]["level"], "INFO");
        assert_eq!(settings.get("global"), None);
    }

    #[test]
    fn an_entry_point_that_redirects_is_not_asked() {
        let redirecting = "entryPoints: {web: {http: {redirections: {entryPoint: {to: websecure}}}}}";
        assert_eq!(
            settings(TraefikBuilder::default().static_yaml(redirecting))
                .1
                .probed,
            API
        );
        assert_eq!(settings(TraefikBuilder::default()).1.probed, WEB);
    }
}
