//! Secrets come from the environment or from files, and never appear in logs, answers or the API.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use harness::certificates::CertificateAuthority;
use harness::faults::Fault;
use harness::gateway::{Gateway, JWT, OAUTH_CLIENT_CREDENTIALS, default_options};
use harness::idcs::{Application, Endpoint, Idcs};
use harness::merge::merge;
use harness::traefik::{LocalPlugin, TraefikBuilder};
use harness_build::guests::Guest;
use serde_json::{Value, json};

use super::{SECRET, assert_misconfigured, beside_an_open_router, complaints, in_directory};
use crate::support::{Deadline, plugin_lines};

#[test]
fn options_may_stand_in_the_environment_and_in_files() {
    let idcs = Idcs::start();
    let authority = CertificateAuthority::shared().ca_pem();
    let good = default_options(&idcs, &authority)[OAUTH_CLIENT_CREDENTIALS].clone();
    let text = |option: &str| good[option].as_str().unwrap().to_owned();
    let (client_id, client_secret, scope) = (
        text("clientID"),
        text("clientSecret"),
        good["scopes"][0].as_str().unwrap().to_owned(),
    );
    let secrets = tempfile::tempdir().unwrap();
    for (file, content) in [
        ("client-id", client_id.clone()),
        ("client-secret", format!("{client_secret}\n")),
        ("windows-secret", format!("{client_secret}\r\n")),
        ("ca.pem", authority),
    ] {
        std::fs::write(secrets.path().join(file), content).unwrap();
    }
    let tls = json!({ "tls": { "ca": "file:<state>/ca.pem" } });
    let middlewares = [
        (
            "environment",
            json!({
                "url": "env:OIC_TOKEN_URL",
                "clientID": "env:OIC_CLIENT_ID",
                "clientSecret": "env:OIC_CLIENT_SECRET",
                "scopes": ["env:OIC_SCOPE"],
            }),
        ),
        (
            "files",
            json!({
                "clientID": "file:<state>/client-id",
                "clientSecret": "file:<state>/client-secret",
                "clientConfig": tls,
            }),
        ),
        (
            "windows",
            json!({ "clientSecret": "file:<state>/windows-secret" }),
        ),
    ];
    let url = idcs.token_url();
    // As in Kubernetes, the secrets have their own read-only mount. It comes first, and the state directory comes
    // second.
    let folder = secrets.path().to_owned();
    let state = tempfile::tempdir().unwrap();
    let state_folder = state.path().to_owned();
    let blocks = middlewares.iter().map(|(name, patch)| {
        let mut options = good.clone();
        merge(&mut options, patch);
        let options = in_directory(&options, secrets.path());
        (
            (*name).to_owned(),
            json!({ "plugin": { OAUTH_CLIENT_CREDENTIALS: options } }),
        )
    });
    let gateway = beside_an_open_router(Gateway::in_front_of(idcs), blocks)
        .state(state.path())
        .traefik(move |traefik: TraefikBuilder| {
            let plugin = LocalPlugin::of(&Guest::OAUTH_CLIENT_CREDENTIALS)
                .mount(format!("{}:ro", folder.display()))
                .mount(state_folder);
            let variables = [
                ("OIC_TOKEN_URL", url),
                ("OIC_CLIENT_ID", client_id),
                ("OIC_CLIENT_SECRET", client_secret),
                ("OIC_SCOPE", scope),
            ];
            let plugin = variables
                .iter()
                .fold(plugin, |plugin, (name, _)| plugin.env(*name));
            variables
                .into_iter()
                .fold(traefik.plugin(plugin), |traefik, (name, value)| {
                    traefik.env(name, value)
                })
        })
        .start();
    for (name, _) in &middlewares {
        let answer = gateway.get(&format!("/{name}")).send().unwrap();
        assert_eq!(
            answer.status,
            200,
            "{name}: {} {:?}",
            answer.text(),
            complaints(&gateway.traefik.log(), name)
        );
    }
    assert_eq!(
        gateway.idcs.token_calls(),
        1,
        "the form of an option does not change the client or its token"
    );
}

#[test]
fn a_secret_that_is_put_in_place_later_is_found_without_a_restart() {
    let state = tempfile::tempdir().unwrap();
    let late = state.path().join("late");
    let options = json!({ "clientSecret": format!("file:{}", late.display()) });
    let gateway = Gateway::builder().oauth(options).state(state.path()).start();
    assert_misconfigured("no file yet", &gateway.get_as_client("/echo").send().unwrap());
    std::fs::write(&late, Application::gateway().client_secret).unwrap();
    // The plugin checks the file again five seconds after the last check.
    let within = Deadline::after(Duration::from_secs(8));
    loop {
        let answer = gateway.get_as_client("/echo").send().unwrap();
        if answer.status == 200 {
            break;
        }
        assert_misconfigured("not found yet", &answer);
        within.pause("the file that came later");
    }
    assert_eq!(gateway.oic.requests_count(), 1);
}

#[test]
fn secrets_and_tokens_appear_in_no_log_no_answer_and_not_in_clear_in_the_state_directory() {
    const SIGNING_SECRET: &str = "a signing secret of more than 32 bytes";
    let idcs = Idcs::start();
    idcs.set(|switches| switches.default_ttl = 2);
    let good = default_options(&idcs, &CertificateAuthority::shared().ca_pem());
    let with = |plugin: &str, patch: Value| {
        let mut options = good[plugin].clone();
        merge(&mut options, &patch);
        json!({ "plugin": { plugin: options } })
    };
    let secret = json!({ "clientSecret": "env:CLIENT_SECRET" });
    let posted =
        json!({ "clientSecret": "env:CLIENT_SECRET", "tokenEndpointAuthMethod": "client_secret_post" });
    let wrong = json!({ "clientSecret": "env:WRONG_SECRET" });
    let broken = json!({ "clientSecret": "env:CLIENT_SECRET", "url": "env:CLIENT_SECRET" });
    let no_key = json!({
        "clientSecret": "env:CLIENT_SECRET",
        "clientConfig": { "tls": { "cert": "env:CLIENT_SECRET", "key": "env:CLIENT_SECRET" } },
    });
    let blocks = [
        ("basic", with(OAUTH_CLIENT_CREDENTIALS, secret)),
        ("posted", with(OAUTH_CLIENT_CREDENTIALS, posted)),
        ("wrong", with(OAUTH_CLIENT_CREDENTIALS, wrong)),
        ("broken", with(OAUTH_CLIENT_CREDENTIALS, broken)),
        ("nokey", with(OAUTH_CLIENT_CREDENTIALS, no_key)),
        ("keys", with(JWT, json!({}))),
        (
            "signed",
            with(
                JWT,
                json!({ "jwksUrl": null, "signingSecret": "env:SIGNING_SECRET" }),
            ),
        ),
        (
            "base64",
            with(
                JWT,
                json!({
                    "jwksUrl": null, "signingSecret": "env:SIGNING_SECRET", "signingSecretBase64Encoded": true,
                }),
            ),
        ),
        (
            "nojwks",
            with(JWT, json!({ "jwksUrl": null, "jwksFile": "env:SIGNING_SECRET" })),
        ),
        (
            "nopem",
            with(JWT, json!({ "jwksUrl": null, "publicKey": "env:SIGNING_SECRET" })),
        ),
    ];
    let names: Vec<&str> = blocks.iter().map(|(name, _)| *name).collect();
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().to_owned();
    let client_secret = Application::gateway().client_secret;
    let environment = [
        ("CLIENT_SECRET", client_secret.clone()),
        ("WRONG_SECRET", SECRET.to_owned()),
        ("SIGNING_SECRET", SIGNING_SECRET.to_owned()),
    ];
    let blocks = blocks.clone().map(|(name, block)| (name.to_owned(), block));
    let gateway = beside_an_open_router(Gateway::in_front_of(idcs), blocks)
        .oauth(json!({ "clientSecret": "env:CLIENT_SECRET" }))
        .state(state.path())
        .traefik(move |traefik| {
            let traefik =
                [Guest::JWT, Guest::OAUTH_CLIENT_CREDENTIALS]
                    .iter()
                    .fold(traefik, |traefik, guest| {
                        let plugin = LocalPlugin::of(guest).mount(&folder);
                        traefik.plugin(
                            environment
                                .iter()
                                .fold(plugin, |plugin, (name, _)| plugin.env(*name)),
                        )
                    });
            environment
                .into_iter()
                .fold(traefik, |traefik, (name, value)| traefik.env(name, value))
        })
        .start();

    // Trigger every message about a secret: success, refusal, outage, and invalid answers.
    let token = gateway.idcs.client_token().mint();
    let nonsense = gateway.idcs.client_token().signed_by_another_key().mint();
    let mut statuses = std::collections::BTreeSet::new();
    let mut answers = String::new();
    let mut ask_everything = || {
        for name in &names {
            for token in [&token, &nonsense] {
                let answer = gateway.get(&format!("/{name}")).bearer(token).send().unwrap();
                statuses.insert(answer.status);
                // The gateway is not responsible for OIC's own answers.
                if answer.status != 200 {
                    answers.push_str(&format!("{:?} {}\n", answer.headers, answer.text()));
                }
            }
        }
    };
    ask_everything();
    gateway.idcs.down_at(Endpoint::Token, Fault::InvalidJson);
    let within = Deadline::after(Duration::from_secs(20));
    while gateway.get("/basic").send().unwrap().status != 503 {
        within.pause("the end of the token's two seconds");
    }
    ask_everything();
    gateway.idcs.up();
    while gateway.get("/basic").send().unwrap().status != 200 {
        within.pause("the end of the outage");
    }
    ask_everything();
    assert_eq!(
        statuses.into_iter().collect::<Vec<_>>(),
        [200, 401, 500, 502, 503]
    );

    let header = token.split('.').next().unwrap();
    let secrets = [
        ("the client secret", client_secret.as_str()),
        ("the wrong client secret", SECRET),
        ("the signing secret", SIGNING_SECRET),
        // All tokens of the domain begin with this header.
        ("a token", header),
        ("a refused token", nonsense.rsplit('.').next().unwrap()),
    ];
    let log = gateway.traefik.log();
    assert!(log.contains(r#""level":"debug""#) && plugin_lines(&log).count() > 10);
    let (state, tokens) = texts_below(state.path());
    assert!(tokens > 0, "the state directory has no token:\n{state}");
    for (what, secret) in secrets {
        for form in forms(secret) {
            assert!(!log.contains(&form), "{what} is in the log, as {form}:\n{log}");
            assert!(
                !answers.contains(&form),
                "{what} is in an answer, as {form}:\n{answers}"
            );
            assert!(
                !state.contains(&form),
                "{what} is in the state directory, as {form}:\n{state}"
            );
        }
    }
    let api = gateway.traefik.api("/api/rawdata").unwrap().to_string();
    assert!(!api.contains(SIGNING_SECRET) && !api.contains(SECRET), "{api}");
}

/// Returns the forms that a secret may have in a text: unchanged, form-encoded, and inside the base64 of a longer
/// value.
fn forms(secret: &str) -> Vec<String> {
    let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let mut forms = vec![secret.to_owned(), encoded];
    for skipped in 0..3 {
        let within = [&[0; 2][..skipped], secret.as_bytes()].concat();
        for text in [STANDARD.encode(&within), URL_SAFE_NO_PAD.encode(&within)] {
            // The first and the last character also depend on the text next to the secret, so leave them out.
            let text = text.trim_end_matches('=');
            forms.push(text[(skipped * 8).div_ceil(6)..text.len() - 1].to_owned());
        }
    }
    forms
}

/// Returns all names and contents below a folder, including the targets of links, and the number of tokens.
fn texts_below(folder: &Path) -> (String, usize) {
    let (mut texts, mut tokens) = (String::new(), 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let content = match std::fs::read_link(&path) {
            Ok(target) => target.display().to_string(),
            Err(_) if path.is_dir() => texts_below(&path).0,
            Err(_) => String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).into_owned(),
        };
        tokens += usize::from(name.starts_with("token-") && content.len() > 500);
        texts.push_str(&format!("{name} {content}\n"));
    }
    (texts, tokens)
}
