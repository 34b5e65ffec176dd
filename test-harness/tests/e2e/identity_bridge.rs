//! `examples/identity-bridge` as it stands, between mocks of Entra ID, IDCS and OIC.

use std::fs;

use serde_json::Value;
use test_harness::certificates::CertificateAuthority;
use test_harness::client::{Client, Request};
use test_harness::entra::{API, Entra, TENANT};
use test_harness::idcs::{Application, Idcs, Resource};
use test_harness::keys::SigningKey;
use test_harness::load::{Load, get_with_bearer};
use test_harness::oic::Oic;
use test_harness::tools::workspace_root;
use test_harness::traefik::Traefik;

use crate::support::plugin_lines;

const HOST: &str = "api.example.com";
const USERS: [&str; 6] = [
    "jane@example.com",
    "joe@example.com",
    "ann.o'neil@example.com",
    "jürgen@example.com",
    "li@example.com",
    "zoë@example.com",
];

/// The example's gateway, and all that it stands between.
struct Bridge {
    traefik: Traefik,
    entra: Entra,
    idcs: Idcs,
    oic: Oic,
    client: Client,
    _files: tempfile::TempDir,
}

fn example(file: &str) -> String {
    let path = workspace_root().join("examples/identity-bridge").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

impl Bridge {
    /// Starts both files with nothing changed but what a reader changes too: names, paths, and, since the mocks'
    /// certificates come from an authority of their own, the lines for a private authority taken in.
    fn start() -> Self {
        let authority = CertificateAuthority::shared();
        let key = SigningKey::rsa_cached(2048, 700_000).with_kid("gateway-2026");
        let (entra, idcs) = (Entra::start(), Idcs::start());
        idcs.register(Application::gateway().key(&key));
        let mut oic = Oic::builder(&idcs);
        for user in USERS {
            idcs.add_user(user);
            oic = oic.service_invoker(user);
        }
        let oic = oic.start();
        let files = tempfile::tempdir().unwrap();
        let (state, secrets) = (files.path().join("state"), files.path().join("secrets"));
        for folder in [&state, &secrets] {
            fs::create_dir(folder).unwrap();
        }
        let ca = authority.write_ca_pem(&state).unwrap();
        let (certificate, certificate_key) = authority
            .issue(&[HOST, "127.0.0.1"])
            .write(files.path(), HOST)
            .unwrap();
        fs::write(secrets.join("gateway.key"), key.private_pem()).unwrap();

        let changes = [
            (
                "https://login.microsoftonline.com/YOUR_ENTRA_TENANT/discovery/v2.0/keys",
                entra.jwks_url(),
            ),
            ("YOUR_ENTRA_TENANT", TENANT.to_owned()),
            ("YOUR_API_CLIENT_ID", API.to_owned()),
            (
                "idcs-YOUR_DOMAIN.identity.oraclecloud.com",
                idcs.address().to_string(),
            ),
            (
                "https://YOUR_INSTANCE.integration.YOUR_REGION.ocp.oraclecloud.com:443urn:opc:resource:consumer::all",
                Resource::oic().full_scope("urn:opc:resource:consumer::all"),
            ),
            ("YOUR_OIC_HOST", oic.address().to_string()),
            ("YOUR_PROJECT/YOUR_INTEGRATION", "DEMO/ECHO".to_owned()),
            ("/var/lib/traefik-oic", state.display().to_string()),
            ("/run/secrets/traefik-oic", secrets.display().to_string()),
            (
                "/etc/traefik/api.example.com.pem",
                certificate.display().to_string(),
            ),
            (
                "/etc/traefik/api.example.com.key",
                certificate_key.display().to_string(),
            ),
            ("# clientConfig:", "clientConfig:".to_owned()),
        ];
        let (static_yaml, dynamic) = (example("traefik.yml"), example("dynamic.yml"));
        for (from, _) in &changes {
            assert!(
                format!("{static_yaml}{dynamic}").contains(from),
                "the example no longer says {from}"
            );
        }
        let changed = |text: &str| {
            let replace = |text: String, (from, to): &(&str, String)| text.replace(from, to);
            changes.iter().fold(text.to_owned(), replace)
        };
        let traefik = Traefik::builder()
            .static_yaml(changed(&static_yaml))
            .dynamic(changed(&dynamic))
            .plugins_from(&test_harness::guests::artifacts().unwrap().root)
            .root_ca(ca)
            .env("OIC_CLIENT_ID", Application::GATEWAY_ID)
            .start()
            .unwrap();
        let address = traefik.address("websecure").unwrap();
        let root = reqwest::Certificate::from_pem(authority.ca_pem().as_bytes()).unwrap();
        let client = Client::with(|builder| builder.tls_certs_only([root]).resolve(HOST, address));
        Self {
            traefik,
            entra,
            idcs,
            oic,
            client,
            _files: files,
        }
    }

    fn get(&self, token: &str) -> Request {
        let port = self.traefik.address("websecure").unwrap().port();
        let request = self.client.get(&format!("https://{HOST}:{port}/echo/orders"));
        match token {
            "" => request,
            token => request.bearer(token),
        }
    }
}

#[test]
fn a_user_of_entra_id_is_the_same_user_in_oic_and_nobody_else_gets_there() {
    let bridge = Bridge::start();
    let entra = &bridge.entra;
    let jane = || entra.token("jane@example.com");
    for (name, token) in [("version 2", jane()), ("version 1", jane().v1())] {
        let answer = bridge.get(&token.mint()).send().unwrap();
        assert_eq!(
            answer.status,
            200,
            "{name}: {}\n{}",
            answer.text(),
            bridge.traefik.log()
        );
        assert_eq!(answer.json()["sub"], "jane@example.com", "{name}");
        assert_eq!(answer.json()["sub_type"], "user", "{name}");
    }
    assert_eq!(bridge.idcs.token_calls(), 1, "one user, whatever his tokens");
    let [request] = bridge.idcs.requests().try_into().unwrap();
    assert_eq!(
        request.form["grant_type"],
        "urn:ietf:params:oauth:grant-type:jwt-bearer"
    );

    let foreign = SigningKey::rsa_cached(2048, 700_001);
    for (name, token, status, reason) in [
        ("no token", String::new(), 401, "missing_token"),
        ("no JWT", "opaque".to_owned(), 401, "invalid_token"),
        ("forged", jane().signed_by(&foreign).mint(), 401, "invalid_token"),
        // The user's token for OIC is at hand, but that is nobody's who has no good one of his own.
        ("expired", jane().expires_in(-120).mint(), 401, "invalid_token"),
        (
            "of another application",
            jane().claim("aud", "api://another").mint(),
            401,
            "invalid_token",
        ),
        (
            "of another tenant",
            jane()
                .claim("iss", "https://login.microsoftonline.com/other/v2.0")
                .mint(),
            401,
            "invalid_token",
        ),
        (
            "without the scope",
            jane().claim("scp", "User.Read").mint(),
            403,
            "insufficient_scope",
        ),
        (
            "of an application without a user",
            jane().without("preferred_username").mint(),
            403,
            "forbidden",
        ),
        (
            "of a user whom OCI IAM does not know",
            entra.token("nobody@example.com").mint(),
            401,
            "invalid_token",
        ),
    ] {
        bridge.oic.forget_records();
        let answer = bridge.get(&token).send().unwrap();
        assert_eq!(
            (answer.status, answer.json()["reason"].as_str()),
            (status, Some(reason)),
            "{name}: {}",
            answer.text()
        );
        assert_eq!(bridge.oic.requests_count(), 0, "{name}");
        assert_eq!(
            answer.header("www-authenticate").is_some(),
            reason != "forbidden",
            "{name}"
        );
    }
    assert_eq!(bridge.idcs.token_calls(), 2, "asked for jane, and for nobody");
    let log = bridge.traefik.log();
    for line in [
        "code=fetch.denied kind=user-token",
        "The user of the assertion is not known.",
        "code=exchange.no_user",
    ] {
        assert!(log.contains(line), "{line}: {log}");
    }
    for line in plugin_lines(&log) {
        assert!(!line.contains("@example.com") && !line.contains("eyJ"), "{line}");
    }

    // Many users at once: each gets what is his, and each is asked for once.
    bridge.idcs.forget_records();
    let tokens: Vec<String> = USERS.iter().map(|user| entra.token(user).mint()).collect();
    let report = Load::to(&format!(
        "https://{}",
        bridge.traefik.address("websecure").unwrap()
    ))
    .trusting(&CertificateAuthority::shared().ca_pem())
    .host(HOST)
    .requests(400)
    .concurrency(24)
    .check(|index, _, _, body| {
        let body: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        let user = USERS[index % USERS.len()];
        match body["sub"] == user {
            true => Ok(()),
            false => Err(format!("{user} is {body}")),
        }
    })
    .run(move |index| get_with_bearer("/echo/orders", &tokens[index % USERS.len()]));
    assert!(report.all_have_status(200), "{report}");
    let asked = bridge.idcs.token_calls();
    assert!(
        (USERS.len() - 1..=USERS.len() + 2).contains(&asked),
        "{asked} calls for {} users, one of whom was known",
        USERS.len()
    );
}
