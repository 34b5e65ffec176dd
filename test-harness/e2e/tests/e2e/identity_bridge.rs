//! `examples/identity-bridge` without changes, between mocks of Entra ID, IDCS and OIC.

use std::fs;

use harness::certificates::CertificateAuthority;
use harness::client::Request;
use harness::entra::{API, Entra, TENANT};
use harness::idcs::{Application, Idcs};
use harness::keys::SigningKey;
use harness::load::{Load, get_with_bearer};
use harness::oic::OicBuilder;
use serde_json::Value;

use crate::support::example::{Example, ExampleBuilder, HOST};
use crate::support::{assert_served, plugin_lines};

const USERS: [&str; 6] = [
    "jane@example.com",
    "joe@example.com",
    "ann.o'neil@example.com",
    "jürgen@example.com",
    "li@example.com",
    "zoë@example.com",
];

/// The gateway of the example, and what it needs besides the mocks of IDCS and OIC.
struct Bridge {
    example: Example,
    entra: Entra,
    _secrets: tempfile::TempDir,
}

impl Bridge {
    fn start() -> Self {
        let key = SigningKey::rsa_cached(2048, 700_000).with_kid("gateway-2026");
        let (entra, idcs) = (Entra::start(), Idcs::start());
        idcs.register(Application::gateway().key(&key));
        for user in USERS {
            idcs.add_user(user);
        }
        let secrets = tempfile::tempdir().unwrap();
        fs::write(secrets.path().join("gateway.key"), key.private_pem()).unwrap();
        let known = |oic: OicBuilder| USERS.iter().fold(oic, |oic, user| oic.service_invoker(user));
        let example = ExampleBuilder::with_oic("identity-bridge", idcs, known)
            .name(
                "https://login.microsoftonline.com/YOUR_ENTRA_TENANT/discovery/v2.0/keys",
                entra.jwks_url(),
            )
            .name("YOUR_ENTRA_TENANT", TENANT)
            .name("YOUR_API_CLIENT_ID", API)
            .name("/etc/traefik-oic-secrets", secrets.path().display().to_string())
            .name("# clientConfig:", "clientConfig:")
            .start();
        Self {
            example,
            entra,
            _secrets: secrets,
        }
    }

    fn get(&self, token: &str) -> Request {
        let request = self.example.get("/echo/orders");
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
        assert_served(&answer, &bridge.example.traefik, name);
        assert_eq!(answer.json()["sub"], "jane@example.com", "{name}");
        assert_eq!(answer.json()["sub_type"], "user", "{name}");
    }
    assert_eq!(bridge.example.idcs.token_calls(), 2, "one user, two issuers");
    assert_eq!(bridge.get(&jane().mint()).send().unwrap().status, 200);
    let [request, _] = bridge.example.idcs.requests().try_into().unwrap();
    assert_eq!(
        request.form["grant_type"],
        "urn:ietf:params:oauth:grant-type:jwt-bearer"
    );

    let foreign = SigningKey::rsa_cached(2048, 700_001);
    for (name, token, status, reason) in [
        ("no token", String::new(), 401, "missing_token"),
        ("no JWT", "opaque".to_owned(), 401, "invalid_token"),
        ("forged", jane().signed_by(&foreign).mint(), 401, "invalid_token"),
        // The gateway has a cached OIC token for this user, but a caller without a valid token of their own must not
        // get it.
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
            jane().without("upn").mint(),
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
        bridge.example.oic.forget_records();
        let answer = bridge.get(&token).send().unwrap();
        assert_eq!(
            (answer.status, answer.json()["reason"].as_str()),
            (status, Some(reason)),
            "{name}: {}",
            answer.text()
        );
        assert_eq!(bridge.example.oic.requests_count(), 0, "{name}");
        assert_eq!(
            answer.header("www-authenticate").is_some(),
            reason != "forbidden",
            "{name}"
        );
    }
    assert_eq!(
        bridge.example.idcs.token_calls(),
        3,
        "one for each issuer of jane, and one for the unknown user"
    );
    let log = bridge.example.traefik.log();
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

    // Many users at the same time: each gets their own token, and the gateway requests each token once.
    bridge.example.idcs.forget_records();
    let tokens: Vec<String> = USERS.iter().map(|user| entra.token(user).mint()).collect();
    let report = Load::to(&format!("https://localhost:{}", bridge.example.port()))
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
    let asked = bridge.example.idcs.token_calls();
    assert!(
        (USERS.len() - 1..=USERS.len() + 2).contains(&asked),
        "{asked} calls for {} users, one of whom was known",
        USERS.len()
    );
}
