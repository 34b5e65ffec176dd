//! A complete gateway: a mock IDCS, a mock OIC, and a real Traefik with our plugins between them.
//!
//! ```no_run
//! use harness::gateway::Gateway;
//!
//! let gateway = Gateway::start();
//! let token = gateway.idcs.client_token().mint();
//! let answer = gateway.get("/echo/hello").bearer(&token).send().unwrap();
//! assert_eq!(answer.status, 200);
//! ```

use std::path::{Path, PathBuf};

use harness_build::guests::Guest;
use serde_json::{Value, json};

use crate::certificates::CertificateAuthority;
use crate::client::{Client, Request};
use crate::faults::Fault;
use crate::idcs::{Application, Idcs, Resource};
use crate::load::{Load, LoadReport, get_with_bearer};
use crate::merge::merge;
use crate::oic::Oic;
use crate::traefik::{LocalPlugin, Traefik, TraefikBuilder};

/// The integration that `/echo` is rewritten to.
pub const INTEGRATION: &str = "/ic/api/integration/v2/flows/rest/project/DEMO/ECHO/1.0";

/// The name under which the plugin is registered, the same as in Traefik Hub.
pub const JWT: &str = Guest::JWT.name;
/// See [`JWT`].
pub const OAUTH_CLIENT_CREDENTIALS: &str = Guest::OAUTH_CLIENT_CREDENTIALS.name;
/// See [`JWT`].
pub const OAUTH_INTROSPECTION: &str = Guest::OAUTH_INTROSPECTION.name;
/// See [`JWT`]. The name is our own, because Traefik Hub does not have this middleware.
pub const BASIC_CREDENTIALS: &str = Guest::BASIC_CREDENTIALS.name;
/// See [`JWT`].
pub const PATH_REWRITE: &str = Guest::PATH_REWRITE.name;
/// See [`JWT`].
pub const GATEWAY: &str = Guest::GATEWAY.name;

/// A running gateway. Everything stops when it is dropped.
pub struct Gateway {
    /// The real Traefik.
    pub traefik: Traefik,
    /// The identity provider.
    pub idcs: Idcs,
    /// The backend.
    pub oic: Oic,
    client: Client,
    files: Files,
}

/// The settings of a gateway. Each method changes one of them.
pub struct GatewayBuilder {
    idcs: Idcs,
    oic: Option<Oic>,
    jwt: Value,
    oauth: Value,
    rewrite: Value,
    paths: Vec<String>,
    extra: Value,
    state: Option<PathBuf>,
    one_module: bool,
    more: Vec<(&'static str, Guest)>,
    traefik: Box<dyn FnOnce(TraefikBuilder) -> TraefikBuilder>,
}

/// The files of the gateway: the state directory and the certificate of the authority.
struct Files {
    folder: tempfile::TempDir,
    state: PathBuf,
}

impl Gateway {
    /// Starts the default gateway: `/echo` on one entry point, with `jwt`, `oAuthClientCredentials` and `pathRewrite`
    /// in front of the default mocks.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Returns the settings of the default gateway.
    pub fn builder() -> GatewayBuilder {
        Self::in_front_of(Idcs::start())
    }

    /// Like [`Gateway::builder`], with an identity provider that the test has configured.
    pub fn in_front_of(idcs: Idcs) -> GatewayBuilder {
        GatewayBuilder {
            idcs,
            oic: None,
            jwt: json!({}),
            oauth: json!({}),
            rewrite: json!({}),
            paths: vec!["/echo".to_owned()],
            extra: json!({}),
            state: None,
            one_module: false,
            more: Vec::new(),
            traefik: Box::new(|traefik| traefik),
        }
    }

    /// Starts a GET request to the gateway's entry point.
    pub fn get(&self, path: &str) -> Request {
        self.client.get(&self.url(path))
    }

    /// Starts a GET request with a valid token of the domain.
    pub fn get_as_client(&self, path: &str) -> Request {
        self.get(path).bearer(&self.idcs.client_token().mint())
    }

    /// Sends `clients` requests at the same time, all with one valid token. The requests use these paths in turn.
    pub fn burst(&self, paths: &[&str], clients: usize) -> LoadReport {
        let token = self.idcs.client_token().mint();
        let paths: Vec<String> = paths.iter().map(|&path| path.to_owned()).collect();
        Load::to(&self.traefik.url())
            .burst(clients)
            .run(move |index| get_with_bearer(&paths[index % paths.len()], &token))
    }

    /// Returns the URL of `path` on the entry point.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.traefik.url())
    }

    /// Returns the client of all requests, which has one connection pool.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the path of the state directory.
    pub fn state(&self) -> &Path {
        &self.files.state
    }

    /// Returns the path of the authority's certificate file.
    pub fn ca_file(&self) -> PathBuf {
        self.files.ca_file()
    }
}

impl Files {
    fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
}

impl GatewayBuilder {
    /// Puts another backend behind the gateway.
    pub fn oic(mut self, start: impl FnOnce(&Idcs) -> Oic) -> Self {
        self.oic = Some(start(&self.idcs));
        self
    }

    /// Registers another plugin under this name, with the state directory mounted. The default plugins are registered
    /// if a middleware uses them when Traefik starts.
    pub fn plugin(mut self, name: &'static str, guest: Guest) -> Self {
        self.more.push((name, guest));
        self
    }

    /// Merges `options` into those of the `jwt` plugin (RFC 7396: `null` removes an option).
    pub fn jwt(mut self, options: Value) -> Self {
        self.jwt = options;
        self
    }

    /// Merges `options` into those of the `oAuthClientCredentials` plugin.
    pub fn oauth(mut self, options: Value) -> Self {
        self.oauth = options;
        self
    }

    /// Merges `options` into those of the `pathRewrite` plugin.
    pub fn rewrite(mut self, options: Value) -> Self {
        self.rewrite = options;
        self
    }

    /// Creates one router for each of these path prefixes. All have the same middlewares.
    pub fn routers(mut self, prefixes: &[&str]) -> Self {
        self.paths = prefixes.iter().map(|&path| path.to_owned()).collect();
        self
    }

    /// Merges `http` into the `http` block of the dynamic configuration.
    pub fn http(mut self, http: Value) -> Self {
        self.extra = http;
        self
    }

    /// Uses this state directory, which another gateway may share.
    pub fn state(mut self, folder: &Path) -> Self {
        self.state = Some(folder.to_owned());
        self
    }

    /// Uses the `gateway` plugin with the three blocks of options instead of three middlewares.
    pub fn one_module(mut self) -> Self {
        self.one_module = true;
        self
    }

    /// Changes how Traefik is started.
    pub fn traefik(mut self, change: impl FnOnce(TraefikBuilder) -> TraefikBuilder + 'static) -> Self {
        self.traefik = Box::new(change);
        self
    }

    /// Starts the gateway without keys and tokens. The provider refuses connections while Traefik starts, and answers
    /// afterwards.
    ///
    /// # Panics
    /// See [`GatewayBuilder::start`].
    pub fn start_cold(self) -> Gateway {
        self.idcs.down(Fault::Refuse);
        let gateway = self.start();
        gateway.idcs.up();
        // The record of the failure would make the plugins wait before the next attempt.
        let written = std::fs::read_dir(gateway.state()).expect("the state directory was made");
        for entry in written.flatten() {
            std::fs::remove_file(entry.path()).expect("the state directory holds links alone");
        }
        gateway.idcs.forget_records();
        gateway
    }

    /// Starts the gateway and waits until its routers are active.
    ///
    /// # Panics
    /// Panics if the gateway does not start. The message contains Traefik's error.
    pub fn start(self) -> Gateway {
        let Self {
            idcs,
            oic,
            jwt,
            oauth,
            rewrite,
            paths,
            extra,
            state,
            one_module,
            more,
            traefik,
        } = self;
        let oic = oic.unwrap_or_else(|| Oic::start(&idcs));
        let folder = tempfile::tempdir().expect("the temporary folder can be written");
        let state = state.unwrap_or_else(|| folder.path().join("state"));
        std::fs::create_dir_all(&state).expect("the temporary folder can be written");
        let files = Files { folder, state };
        let authority = CertificateAuthority::shared().ca_pem();
        std::fs::write(files.ca_file(), &authority).expect("the temporary folder can be written");

        let mut options = default_options(&idcs, &authority);
        for (name, patch) in [
            (JWT, &jwt),
            (OAUTH_CLIENT_CREDENTIALS, &oauth),
            (PATH_REWRITE, &rewrite),
        ] {
            merge(&mut options[name], patch);
        }
        let (names, middlewares) = if one_module {
            one_middleware(&options)
        } else {
            three_middlewares(&options)
        };
        let mut http = http(&names, middlewares, &paths, &oic, &files.ca_file());
        merge(&mut http, &extra);

        let mut builder = Traefik::builder().dynamic(json!({ "http": http }).to_string());
        for guest in Guest::MAIN.iter().filter(|guest| uses(&http, guest.name)) {
            let plugin = LocalPlugin::of(guest);
            builder = builder.plugin(match *guest {
                Guest::PATH_REWRITE => plugin,
                _ => plugin.mount(&files.state),
            });
        }
        let builder = more.iter().fold(builder, |builder, (name, guest)| {
            builder.plugin(LocalPlugin::new(*name, guest.module_name()).mount(&files.state))
        });
        let traefik = traefik(builder).start().unwrap_or_else(|error| panic!("{error}"));
        Gateway {
            traefik,
            idcs,
            oic,
            client: Client::plain(),
            files,
        }
    }
}

/// Returns the options of the default gateway for these mocks.
pub fn default_options(idcs: &Idcs, ca_pem: &str) -> Value {
    let gateway = Application::gateway();
    let client_config = json!({ "tls": { "ca": ca_pem } });
    json!({
        JWT: { "jwksUrl": idcs.jwks_url(), "clientConfig": client_config },
        OAUTH_CLIENT_CREDENTIALS: {
            "url": idcs.token_url(),
            "clientID": gateway.client_id,
            "clientSecret": gateway.client_secret,
            "scopes": [Resource::oic().full_scope("urn:opc:resource:consumer::all")],
            "clientConfig": client_config,
        },
        PATH_REWRITE: { "regex": "^/[a-z0-9]+(/.*)?$", "replacement": format!("{INTEGRATION}$1") },
    })
}

/// Returns the names of the middlewares in the order in which requests pass them, and the middlewares.
fn three_middlewares(options: &Value) -> (Vec<&'static str>, Value) {
    let middlewares = json!({
        "rewrite": { "plugin": { PATH_REWRITE: options[PATH_REWRITE] } },
        "jwt": { "plugin": { JWT: options[JWT] } },
        "oauth": { "plugin": { OAUTH_CLIENT_CREDENTIALS: options[OAUTH_CLIENT_CREDENTIALS] } },
    });
    (vec!["rewrite", "jwt", "oauth"], middlewares)
}

fn one_middleware(options: &Value) -> (Vec<&'static str>, Value) {
    (
        vec!["gateway"],
        json!({ "gateway": { "plugin": { GATEWAY: options } } }),
    )
}

/// Builds the `http` block: one router for each prefix, all with the same middlewares.
fn http(names: &[&str], middlewares: Value, prefixes: &[String], oic: &Oic, ca_file: &Path) -> Value {
    let routers: serde_json::Map<String, Value> = prefixes
        .iter()
        .enumerate()
        .map(|(index, prefix)| {
            let router = json!({
                "rule": format!("PathPrefix(`{prefix}`)"),
                "entryPoints": ["web"],
                "middlewares": names,
                "service": "oic",
            });
            (format!("route-{index}"), router)
        })
        .collect();
    json!({
        "routers": routers,
        "middlewares": middlewares,
        "services": { "oic": { "loadBalancer": {
            "servers": [{ "url": oic.url() }],
            "passHostHeader": false,
            "serversTransport": "oic",
        }}},
        "serversTransports": { "oic": { "rootCAs": [ca_file] } },
    })
}

/// Returns whether a middleware uses the plugin of this name.
fn uses(http: &Value, plugin: &str) -> bool {
    let middlewares = http["middlewares"].as_object();
    middlewares
        .into_iter()
        .flat_map(|middlewares| middlewares.values())
        .any(|middleware| middleware["plugin"].get(plugin).is_some())
}
