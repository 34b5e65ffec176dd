//! `examples/` as they stand, started and called; the README shows the same lines.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use test_harness::certificates::CertificateAuthority;
use test_harness::client::{Client, Request};
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
