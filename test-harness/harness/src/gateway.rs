//! The whole picture in one value: a mock IDCS, a mock OIC, and a real Traefik with our plugins between them.
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

use serde_json::{Value, json};

use crate::certificates::CertificateAuthority;
use crate::client::{Client, Request};
use crate::faults::Fault;
use crate::guests::{Artifacts, Guest};
use crate::idcs::{Application, Idcs, Resource};
use crate::load::{Load, LoadReport, get_with_bearer};
use crate::oic::Oic;
use crate::traefik::{LocalPlugin, Traefik, TraefikBuilder};

/// The integration that `/echo` stands for.
pub const INTEGRATION: &str = "/ic/api/integration/v2/flows/rest/project/DEMO/ECHO/1.0";

/// The names under which the plugins are registered, those of Traefik Hub and of Traefik's own middlewares.
pub const JWT: &str = "jwt";
/// See [`JWT`].
pub const OAUTH_CLIENT_CREDENTIALS: &str = "oAuthClientCredentials";
/// See [`JWT`].
pub const OAUTH_INTROSPECTION: &str = "oAuthIntrospection";
/// Our own name: neither has such a middleware.
pub const BASIC_CREDENTIALS: &str = "basicCredentials";
/// See [`JWT`].
pub const PATH_REWRITE: &str = "pathRewrite";
/// See [`JWT`].
pub const GATEWAY: &str = "gateway";

/// A running gateway; everything stops when it is dropped.
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

/// What a gateway is made of; every method changes one thing.
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
    artifacts: Option<Artifacts>,
    traefik: Box<dyn FnOnce(TraefikBuilder) -> TraefikBuilder>,
}

/// A folder of the gateway's own: the state directory and the authority's certificate.
struct Files {
    folder: tempfile::TempDir,
    state: PathBuf,
}

impl Gateway {
    /// The usual gateway: `/echo` on an entry point, in front of the mocks' defaults.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Chooses what differs from the usual gateway.
    pub fn builder() -> GatewayBuilder {
        Self::in_front_of(Idcs::start())
    }

    /// Like [`Gateway::builder`], with an identity provider of the test's own.
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
            artifacts: None,
            traefik: Box::new(|traefik| traefik),
        }
    }

    /// A request to the gateway's entry point.
    pub fn get(&self, path: &str) -> Request {
        self.client.get(&self.url(path))
    }

    /// A request by a client that the domain issued a good token to.
    pub fn get_as_client(&self, path: &str) -> Request {
        self.get(path).bearer(&self.idcs.client_token().mint())
    }

    /// So many requests at once by one client with a good token, taking turns with these paths.
    pub fn burst(&self, paths: &[&str], clients: usize) -> LoadReport {
        let token = self.idcs.client_token().mint();
        let paths: Vec<String> = paths.iter().map(|&path| path.to_owned()).collect();
        Load::to(&self.traefik.url())
            .burst(clients)
            .run(move |index| get_with_bearer(&paths[index % paths.len()], &token))
    }

    /// The URL of `path` on the entry point.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.traefik.url())
    }

    /// The client that requests go through, one connection pool.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The state directory.
    pub fn state(&self) -> &Path {
        &self.files.state
    }

    /// The authority's certificate as a file.
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
    /// Puts a backend of the test's own behind the gateway.
    pub fn oic(mut self, start: impl FnOnce(&Idcs) -> Oic) -> Self {
        self.oic = Some(start(&self.idcs));
        self
    }

    /// Registers one more plugin under this name, with the state directory. The usual ones are there already.
    pub fn plugin(mut self, name: &'static str, guest: Guest) -> Self {
        self.more.push((name, guest));
        self
    }

    /// Takes the plugins from here, and registers none that is not here. Without this call all plugins are built.
    pub fn artifacts(mut self, artifacts: &Artifacts) -> Self {
        self.artifacts = Some(artifacts.clone());
        self
    }

    /// Lays `options` over those of the `jwt` plugin (RFC 7396: `null` removes one).
    pub fn jwt(mut self, options: Value) -> Self {
        self.jwt = options;
        self
    }

    /// Lays `options` over those of the `oAuthClientCredentials` plugin.
    pub fn oauth(mut self, options: Value) -> Self {
        self.oauth = options;
        self
    }

    /// Lays `options` over those of the `pathRewrite` plugin.
    pub fn rewrite(mut self, options: Value) -> Self {
        self.rewrite = options;
        self
    }

    /// One router for each of these path prefixes, all with the same middlewares.
    pub fn routers(mut self, prefixes: &[&str]) -> Self {
        self.paths = prefixes.iter().map(|&path| path.to_owned()).collect();
        self
    }

    /// Lays `http` over the `http` block of the dynamic configuration.
    pub fn http(mut self, http: Value) -> Self {
        self.extra = http;
        self
    }

    /// Uses this state directory, which may be shared with another gateway.
    pub fn state(mut self, folder: &Path) -> Self {
        self.state = Some(folder.to_owned());
        self
    }

    /// The plugin `gateway` with the three blocks, instead of three middlewares.
    pub fn one_module(mut self) -> Self {
        self.one_module = true;
        self
    }

    /// Changes how Traefik is started.
    pub fn traefik(mut self, change: impl FnOnce(TraefikBuilder) -> TraefikBuilder + 'static) -> Self {
        self.traefik = Box::new(change);
        self
    }

    /// Starts it with nothing at hand, neither keys nor token: the provider refused to answer while Traefik started,
    /// and is back since.
    ///
    /// # Panics
    /// See [`GatewayBuilder::start`].
    pub fn start_cold(self) -> Gateway {
        self.idcs.down(Fault::Refuse);
        let gateway = self.start();
        gateway.idcs.up();
        // What was written down about the outage must not count as news.
        let written = std::fs::read_dir(gateway.state()).expect("the state directory was made");
        for entry in written.flatten() {
            std::fs::remove_file(entry.path()).expect("the state directory holds links alone");
        }
        gateway.idcs.forget_records();
        gateway
    }

    /// Starts it and waits until its routers are in force.
    ///
    /// # Panics
    /// When it does not start; the message holds Traefik's own.
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
            artifacts,
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

        let is_there = |guest: &Guest| {
            artifacts
                .as_ref()
                .is_none_or(|artifacts| artifacts.report(guest).is_some())
        };
        let with_state = [
            (GATEWAY, Guest::GATEWAY),
            (JWT, Guest::JWT),
            (OAUTH_CLIENT_CREDENTIALS, Guest::OAUTH_CLIENT_CREDENTIALS),
        ];
        let mut builder = Traefik::builder()
            .dynamic(json!({ "http": http }).to_string())
            .plugin(LocalPlugin::new(PATH_REWRITE, Guest::PATH_REWRITE.module_name()));
        for (name, guest) in with_state.iter().filter(|(_, guest)| is_there(guest)) {
            builder = builder.plugin(LocalPlugin::new(*name, guest.module_name()).mount(&files.state));
        }
        if let Some(artifacts) = &artifacts {
            builder = builder.plugins_from(&artifacts.root);
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

/// The options of the usual gateway, with the mocks' names.
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

/// The middlewares by name, in the usual gateway's order.
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

/// The `http` block: the middlewares on one router for each prefix.
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

/// RFC 7396.
fn merge(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(members), Value::Object(changes)) => {
            for (name, change) in changes {
                if change.is_null() {
                    members.remove(name);
                } else {
                    merge(members.entry(name.as_str()).or_insert(Value::Null), change);
                }
            }
        }
        (target, patch) => *target = patch.clone(),
    }
}
