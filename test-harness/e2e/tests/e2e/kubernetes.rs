//! The Kubernetes example without changes, through Traefik's `kubernetesCRD` provider and a mock API server.

mod changes;
mod schema;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use harness::certificates::CertificateAuthority;
use harness::client::{Client, Request};
use harness::gateway::INTEGRATION;
use harness::idcs::{Application, Idcs, Resource};
use harness::kubernetes::ApiServer;
use harness::oic::Oic;
use harness::traefik::Traefik;
use harness_build::tools::workspace_root;
use serde_json::{Value, json};

use crate::support::{Deadline, assert_served};

/// A cluster that contains the example, and Traefik started with the values of the chart.
struct Site {
    cluster: ApiServer,
    traefik: Traefik,
    idcs: Idcs,
    oic: Oic,
    client: Client,
    _files: tempfile::TempDir,
}

impl Site {
    /// Starts everything and waits until the example's route is active.
    fn start() -> Self {
        let site = Self::start_with(|cluster, changed| apply(cluster, "manifests", changed));
        site.wait_for("the example's route", "/echo", 401);
        site
    }

    /// Like [`Self::start`], with other manifests. The second argument replaces the names of the example with those of
    /// the mocks.
    fn start_with(manifests: impl FnOnce(&ApiServer, &dyn Fn(&str) -> String)) -> Self {
        let (idcs, authority) = (Idcs::start(), CertificateAuthority::shared());
        let address = oic_address();
        let oic = Oic::builder(&idcs)
            .at(address)
            .service_invoker(OTHER_CLIENT)
            .start();
        let files = tempfile::tempdir().unwrap();
        let ca = authority.write_ca_pem(files.path()).unwrap();
        let state = files.path().join("state");
        std::fs::create_dir(&state).unwrap();

        let cluster = ApiServer::start();
        let names = names(&idcs, &oic);
        manifests(&cluster, &|text| {
            names
                .iter()
                .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
        });
        let traefik = Traefik::builder()
            .static_yaml(
                static_configuration_of_the_values()
                    .to_string()
                    .replace(STATE, &state.display().to_string()),
            )
            .static_patch(json!({
                "experimental": { "localPlugins": {
                    "jwt": in_addition(&state, &files),
                    "oAuthClientCredentials": in_addition(&state, &files),
                }},
                "providers": { "kubernetesCRD": values()["providers"]["kubernetesCRD"] },
            }))
            .kubernetes(&cluster)
            // Traefik and the plugins trust the mocks' authority.
            .env("SSL_CERT_FILE", ca.display().to_string())
            .start()
            .unwrap();
        let address = traefik.address("websecure").unwrap();
        // Traefik has no certificate for this host name.
        let client = Client::with(|builder| builder.danger_accept_invalid_certs(true).resolve(HOST, address));
        Self {
            cluster,
            traefik,
            idcs,
            oic,
            client,
            _files: files,
        }
    }

    fn get(&self, path: &str) -> Request {
        let port = self.traefik.address("websecure").unwrap().port();
        self.client.get(&format!("https://{HOST}:{port}{path}"))
    }

    /// Starts a request with a valid token.
    fn call(&self, path: &str) -> Request {
        self.get(path).bearer(&self.idcs.client_token().mint())
    }

    /// Returns the port of the Service.
    fn port(&self) -> u16 {
        self.oic.address().port()
    }

    /// Waits until a request without a token is answered with this status.
    fn wait_for(&self, what: &str, path: &str, status: u16) {
        let deadline = Deadline::after(Duration::from_secs(30));
        while self.get(path).send().unwrap().status != status {
            deadline.pause(what);
        }
    }
}

/// Returns additional settings that give the mocks' authority to a plugin. The values of the chart stay in effect.
fn in_addition(state: &Path, files: &tempfile::TempDir) -> Value {
    json!({ "settings": { "envs": ["SSL_CERT_FILE"], "mounts": [state, files.path()] } })
}

/// Returns what a reader replaces: host names, and the values of the Secret.
fn names(idcs: &Idcs, oic: &Oic) -> Vec<(String, String)> {
    let gateway = Application::gateway();
    let quoted = |text: &str| json!(text).to_string();
    let mut names = vec![
        (
            "idcs-<your-domain>.identity.oraclecloud.com:443",
            idcs.address().to_string(),
        ),
        (
            "idcs-<your-domain>.identity.oraclecloud.com",
            idcs.address().to_string(),
        ),
        (
            "your-oic-instance.integration.oraclecloud.com",
            oic.address().ip().to_string(),
        ),
        ("YOUR_PROJECT/YOUR_INTEGRATION", "DEMO/ECHO".to_owned()),
        ("<your-client-id>", gateway.client_id.clone()),
        ("<your-client-secret>", quoted(&gateway.client_secret)),
        (
            "<your-oic-scope>",
            Resource::oic().full_scope("urn:opc:resource:consumer::all"),
        ),
    ];
    if oic.address().port() != 443 {
        let port = oic.address().port();
        names.push(("- port: 443", format!("- port: {port}\n      name: https")));
        names.push(("port: 443", format!("port: {port}")));
    }
    let owned = names.into_iter().map(|(from, to)| (from.to_owned(), to));
    owned.collect()
}

/// Returns port 443 of a loopback address that no other test uses, so that the manifests need no change. If that port
/// is not available, returns any free port, and the port in the manifests is changed.
fn oic_address() -> SocketAddr {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    let own = u8::try_from(std::process::id() % 250).unwrap_or_default() + 2;
    let wanted = SocketAddr::from((
        Ipv4Addr::new(127, 44, own, NEXT.fetch_add(1, Ordering::Relaxed)),
        443,
    ));
    match TcpListener::bind(wanted) {
        Ok(_) => wanted,
        Err(error) => {
            eprintln!(
                "{wanted} is not to be had ({error}): the example is tested with another port than 443"
            );
            (Ipv4Addr::LOCALHOST, 0).into()
        }
    }
}

fn apply(cluster: &ApiServer, folder: &str, changed: &dyn Fn(&str) -> String) {
    cluster
        .apply_folder(&example(folder), changed)
        .unwrap_or_else(|error| panic!("{error}"));
}

fn example(file: &str) -> PathBuf {
    workspace_root()
        .join("examples/oic-gateway-kubernetes")
        .join(file)
}

fn values() -> Value {
    let text = std::fs::read_to_string(example("values.yml")).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// Converts the arguments `--a.b=c` in the values of the chart to a tree.
fn static_configuration_of_the_values() -> Value {
    const LISTS: [&str; 2] = ["mounts", "envs"];
    let values = values();
    assert_eq!(values["additionalVolumeMounts"][0]["mountPath"], STATE);
    assert_eq!(
        values["additionalVolumeMounts"][0]["name"],
        values["deployment"]["additionalVolumes"][0]["name"]
    );
    let mut tree = json!({ "entryPoints": { "websecure": {} } });
    for argument in values["additionalArguments"].as_array().unwrap() {
        let (name, value) = argument
            .as_str()
            .unwrap()
            .strip_prefix("--")
            .unwrap()
            .split_once('=')
            .unwrap();
        let mut place = &mut tree;
        for part in name.split('.') {
            place = &mut place[part];
        }
        let is_list = LISTS.iter().any(|list| name.ends_with(list));
        *place = if is_list { json!([value]) } else { json!(value) };
    }
    tree
}

#[test]
fn the_example_does_the_whole_way_with_either_rewriting() {
    let site = Site::start();
    assert_eq!((site.idcs.jwks_calls(), site.idcs.token_calls()), (1, 1));
    for rewriting in ["Traefik's own", "ours"] {
        if rewriting == "ours" {
            site.cluster
                .apply_folder(&example("with-path-rewrite"), |text| {
                    text.replace("YOUR_PROJECT/YOUR_INTEGRATION", "DEMO/OTHER")
                })
                .unwrap();
            let deadline = Deadline::after(Duration::from_secs(30));
            while site
                .call("/echo")
                .send()
                .is_ok_and(|_| !seen_path(&site).contains("/OTHER/"))
            {
                deadline.pause("the other rewriting");
            }
        }
        let answer = site.call("/echo/orders/7?expand=lines").send().unwrap();
        assert_served(&answer, &site.traefik, rewriting);
        assert_eq!(answer.json()["sub"], Application::GATEWAY_ID, "{rewriting}");
        let expected = match rewriting {
            "ours" => format!("{INTEGRATION}/orders/7").replace("/ECHO/", "/OTHER/"),
            _ => format!("{INTEGRATION}/orders/7"),
        };
        assert_eq!(seen_path(&site), expected, "{rewriting}");
        assert_eq!(
            site.oic.last_request().unwrap().query.as_deref(),
            Some("expand=lines")
        );
        let wrong = site.idcs.client_token().expired().mint();
        assert_eq!(site.get("/echo").bearer(&wrong).send().unwrap().status, 401);
        assert_eq!(site.get("/echo").send().unwrap().status, 401);
    }
    assert_eq!(
        (site.idcs.jwks_calls(), site.idcs.token_calls()),
        (1, 1),
        "a configuration change causes no calls"
    );
}

fn seen_path(site: &Site) -> String {
    site.oic.last_request().map(|seen| seen.path).unwrap_or_default()
}

/// Another client of the gateway that may call OIC.
const OTHER_CLIENT: &str = "another-client-of-the-gateway";
const STATE: &str = "/var/lib/traefik-oic";
const HOST: &str = "api.yourdomain.com";
