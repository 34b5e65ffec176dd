//! `examples/` as they stand, started and called; the README shows the same lines.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use test_harness::certificates::CertificateAuthority;
use test_harness::client::{Client, Request};
use test_harness::gateway::INTEGRATION;
use test_harness::idcs::{Application, Idcs, Resource};
use test_harness::oic::Oic;
use test_harness::tools::workspace_root;
use test_harness::traefik::Traefik;

/// The gateway of the example, between mocks.
struct Example {
    traefik: Traefik,
    idcs: Idcs,
    oic: Oic,
    client: Client,
    _files: tempfile::TempDir,
}

impl Example {
    /// Starts both files with nothing changed but what a reader changes too: names, paths, and, since the mocks'
    /// certificates come from an authority of their own, the lines for a private authority taken in.
    fn start() -> Self {
        let (idcs, authority) = (Idcs::start(), CertificateAuthority::shared());
        let oic = Oic::start(&idcs);
        let files = tempfile::tempdir().unwrap();
        let ca = authority.write_ca_pem(files.path()).unwrap();
        let (certificate, key) = authority.issue(&[HOST]).write(files.path(), HOST).unwrap();

        let state = files.path().display().to_string();
        let scope = Resource::oic().full_scope("urn:opc:resource:consumer::all");
        let changes = [
            (
                "idcs-YOUR_DOMAIN.identity.oraclecloud.com",
                idcs.address().to_string(),
            ),
            ("idcs-YOUR_DOMAIN", idcs.tenant().to_owned()),
            (OIC_SCOPE, scope),
            ("YOUR_OIC_HOST", oic.address().to_string()),
            ("YOUR_PROJECT/YOUR_INTEGRATION", "DEMO/ECHO".to_owned()),
            (STATE, state),
            (
                "/etc/traefik/api.example.com.pem",
                certificate.display().to_string(),
            ),
            ("/etc/traefik/api.example.com.key", key.display().to_string()),
            ("# clientConfig:", "clientConfig:".to_owned()),
        ];
        let (static_yaml, dynamic) = (example("traefik.yml"), example("dynamic.yml"));
        let changed = |text: &str| {
            changes
                .iter()
                .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
        };
        for (from, _) in &changes {
            assert!(
                format!("{static_yaml}{dynamic}").contains(from),
                "the example no longer says {from}"
            );
        }

        let gateway = Application::gateway();
        let traefik = Traefik::builder()
            .static_yaml(changed(&static_yaml))
            .dynamic(changed(&dynamic))
            .plugins_from(&test_harness::guests::artifacts().unwrap().root)
            .root_ca(ca)
            .env("OIC_CLIENT_ID", gateway.client_id)
            .env("OIC_CLIENT_SECRET", gateway.client_secret)
            .start()
            .unwrap();
        let address = traefik.address("websecure").unwrap();
        let authority = reqwest::Certificate::from_pem(authority.ca_pem().as_bytes()).unwrap();
        let client = Client::with(|builder| builder.tls_certs_only([authority]).resolve(HOST, address));
        Self {
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
}

#[test]
fn the_file_example_does_the_whole_way() {
    let example = Example::start();
    let token = example.idcs.client_token().mint();
    let answer = example
        .get("/echo/orders/7?expand=lines")
        .bearer(&token)
        .send()
        .unwrap();
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), example.traefik.log());
    assert_eq!(answer.json()["sub"], Application::GATEWAY_ID);
    let seen = example.oic.last_request().unwrap();
    assert_eq!(
        seen.path,
        "/ic/api/integration/v2/flows/rest/project/DEMO/ECHO/1.0/orders/7"
    );
    assert_eq!((example.idcs.jwks_calls(), example.idcs.token_calls()), (1, 1));
}

#[test]
fn the_file_example_checks_audience_scope_issuer_and_tenant() {
    let example = Example::start();
    let token = || example.idcs.client_token();
    for (what, token, status) in [
        ("audience", token().audience("https://other.example.com/"), 401),
        ("issuer", token().issuer("https://other.example.com/"), 401),
        ("tenant", token().tenant("idcs-0"), 401),
        ("scope", token().scope("orders.read"), 403),
    ] {
        let answer = example.get("/echo").bearer(&token.mint()).send().unwrap();
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
    }
    assert_eq!(example.get("/echo").send().unwrap().status, 401);
    assert_eq!(example.oic.requests_count(), 0);
}

#[test]
fn the_readme_shows_the_file_example() {
    let readme = read("README.md");
    for file in ["traefik.yml", "dynamic.yml"] {
        let text = example(file);
        assert!(
            readme.contains(text.trim()),
            "README.md shows another {file} than the example"
        );
    }
}

/// Without a cluster: the chart's values start Traefik, and the manifests are translated into the file provider's
/// words, which are the same for middlewares.
#[test]
fn the_kubernetes_example_does_the_whole_way_with_either_rewriting() {
    for rewriting in [
        "manifests/virtual-endpoint.yml",
        "with-path-rewrite/virtual-endpoint.yml",
    ] {
        let (idcs, authority) = (Idcs::start(), CertificateAuthority::shared());
        let oic = Oic::start(&idcs);
        let files = tempfile::tempdir().unwrap();
        let state = files.path().display().to_string();
        let traefik = Traefik::builder()
            .static_yaml(
                static_configuration_of_the_values()
                    .to_string()
                    .replace(STATE, &state),
            )
            .plugins_from(&test_harness::guests::artifacts().unwrap().root)
            .root_ca(authority.write_ca_pem(files.path()).unwrap())
            .dynamic(dynamic_configuration_of_the_manifests(rewriting, &idcs, &oic).to_string())
            .start()
            .unwrap();

        let address = traefik.address("websecure").unwrap();
        let request = |path: &str| {
            let url = format!("http://{address}{path}");
            Client::plain().get(&url).header("host", "api.yourdomain.com")
        };
        let token = idcs.client_token().mint();
        let answer = request("/echo/orders/7").bearer(&token).send().unwrap();
        assert_eq!(
            answer.status,
            200,
            "{rewriting}: {}\n{}",
            answer.text(),
            traefik.log()
        );
        assert_eq!(answer.json()["sub"], Application::GATEWAY_ID);
        assert_eq!(
            oic.last_request().unwrap().path,
            format!("{INTEGRATION}/orders/7")
        );
        assert_eq!(request("/echo").send().unwrap().status, 401);
        assert_eq!((idcs.jwks_calls(), idcs.token_calls()), (1, 1));
    }
}

/// The arguments `--a.b=c` of the chart's values as the tree they stand for.
fn static_configuration_of_the_values() -> Value {
    const LISTS: [&str; 2] = ["mounts", "envs"];
    let values = manifest("values.yml");
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

/// What Traefik's Kubernetes provider makes of the manifests, with the names changed that a reader changes too, and
/// the mocks' authority trusted.
fn dynamic_configuration_of_the_manifests(rewriting: &str, idcs: &Idcs, oic: &Oic) -> Value {
    let gateway = Application::gateway();
    let secrets = json!({
        "clientID": gateway.client_id,
        "clientSecret": gateway.client_secret,
        "scope": Resource::oic().full_scope("urn:opc:resource:consumer::all"),
    });
    let secret = manifest("manifests/secret.yml");
    let mut middlewares = json!({});
    for file in ["manifests/jwt.yml", "manifests/oauth.yml", rewriting] {
        let middleware = manifest(file);
        let mut text = middleware["spec"]
            .to_string()
            .replace(
                "idcs-<your-domain>.identity.oraclecloud.com:443",
                &idcs.address().to_string(),
            )
            .replace(
                "idcs-<your-domain>.identity.oraclecloud.com",
                &idcs.address().to_string(),
            )
            .replace("YOUR_PROJECT/YOUR_INTEGRATION", "DEMO/ECHO");
        for key in secret["stringData"].as_object().unwrap().keys() {
            let reference = format!(
                "urn:k8s:secret:{}:{key}",
                secret["metadata"]["name"].as_str().unwrap()
            );
            text = text.replace(&reference, secrets[key].as_str().unwrap());
        }
        let mut spec: Value = serde_json::from_str(&text).unwrap();
        for plugin in ["jwt", "oAuthClientCredentials"] {
            if let Some(options) = spec.pointer_mut(&format!("/plugin/{plugin}")) {
                options["clientConfig"] = json!({ "tls": { "ca": CertificateAuthority::shared().ca_pem() } });
            }
        }
        middlewares[middleware["metadata"]["name"].as_str().unwrap()] = spec;
    }

    let route = manifest("manifests/ingress-route.yml");
    let rule = &route["spec"]["routes"][0];
    let backend = &rule["services"][0];
    let service = manifest("manifests/service.yml");
    assert_eq!(backend["name"], service["metadata"]["name"]);
    assert_eq!(backend["port"], service["spec"]["ports"][0]["port"]);
    let names: Vec<&Value> = rule["middlewares"]
        .as_array()
        .unwrap()
        .iter()
        .map(|named| &named["name"])
        .collect();
    json!({ "http": {
        "middlewares": middlewares,
        "routers": { "route": {
            "rule": rule["match"],
            "entryPoints": route["spec"]["entryPoints"],
            "middlewares": names,
            "service": "backend",
        }},
        "services": { "backend": { "loadBalancer": {
            "servers": [{ "url": oic.url() }],
            "passHostHeader": backend["passHostHeader"],
        }}},
    }})
}

#[test]
fn every_kubernetes_object_is_in_the_namespace_of_the_route() {
    let namespace = manifest("manifests/ingress-route.yml")["metadata"]["namespace"].clone();
    for file in [
        "jwt.yml",
        "oauth.yml",
        "secret.yml",
        "service.yml",
        "virtual-endpoint.yml",
    ] {
        assert_eq!(
            manifest(&format!("manifests/{file}"))["metadata"]["namespace"],
            namespace,
            "{file}"
        );
    }
    let variant = manifest("with-path-rewrite/virtual-endpoint.yml");
    assert_eq!(
        variant["metadata"],
        manifest("manifests/virtual-endpoint.yml")["metadata"]
    );
}

fn manifest(file: &str) -> Value {
    serde_saphyr::from_str(&read(&format!("examples/oic-gateway-kubernetes/{file}"))).unwrap()
}

fn example(file: &str) -> String {
    read(&format!("examples/oic-gateway-file/{file}"))
}

fn read(file: &str) -> String {
    let path: PathBuf = workspace_root().join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

const STATE: &str = "/var/lib/traefik-oic";
const HOST: &str = "api.example.com";
const OIC_SCOPE: &str =
    "https://YOUR_INSTANCE.integration.YOUR_REGION.ocp.oraclecloud.com:443urn:opc:resource:consumer::all";
