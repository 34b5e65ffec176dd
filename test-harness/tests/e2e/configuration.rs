//! Configurations that cannot be used: every request is refused, nothing falls through to a broader router, and the log
//! says what to do. And secrets: where they may come from, and where they never appear.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use test_harness::certificates::CertificateAuthority;
use test_harness::client::Response;
use test_harness::faults::Fault;
use test_harness::gateway::{
    Gateway, GatewayBuilder, JWT, OAUTH_CLIENT_CREDENTIALS, PATH_REWRITE, default_options,
};
use test_harness::guests::Guest;
use test_harness::idcs::{Application, Endpoint, Idcs};
use test_harness::oic::Oic;
use test_harness::traefik::{LocalPlugin, TraefikBuilder};

use crate::support::{Deadline, merge, plugin_lines};

/// A configuration that cannot be used.
struct Bad {
    plugin: &'static str,
    /// Laid over options that work (`null` removes).
    patch: Value,
    /// The option that the log names.
    option: &'static str,
    /// What the log says to do.
    cure: &'static str,
}

fn bad(plugin: &'static str, patch: Value, option: &'static str, cure: &'static str) -> Bad {
    Bad {
        plugin,
        patch,
        option,
        cure,
    }
}

/// Stands wherever a value may be a secret.
const SECRET: &str = "hunter2hunter2";

fn jwt_table() -> Vec<Bad> {
    let bad = |patch, option, cure| bad(JWT, patch, option, cure);
    let secret = |value: &str| json!({ "jwksUrl": null, "signingSecret": value });
    let key = |value: &str| json!({ "jwksUrl": null, "publicKey": value });
    vec![
        bad(
            json!({ "audience": ["x"] }),
            "audience",
            "did you mean `audiences`?",
        ),
        bad(
            json!({ "clientConfig": { "timeout": 1 } }),
            "clientConfig.timeout",
            "did you mean `timeoutSeconds`?",
        ),
        bad(
            json!({ "zzzzzzzzzzzzzz": SECRET }),
            "zzzzzzzzzzzzzz",
            "known here are: jwksUrl, ",
        ),
        bad(
            json!({ "jwksUrl": null }),
            "jwksUrl",
            "is required: give exactly one source of keys",
        ),
        bad(json!({ "jwksUrl": "" }), "jwksUrl", "is required"),
        bad(
            json!({ "signingSecret": SECRET }),
            "signingSecret",
            "keep exactly one of them",
        ),
        bad(
            json!({ "jwksUrl": "idcs.example.com/jwk" }),
            "jwksUrl",
            "must be an absolute URL",
        ),
        bad(
            json!({ "jwksUrl": format!("https://me:{SECRET}@idcs/") }),
            "jwksUrl",
            "without user name, password",
        ),
        bad(
            secret("urn:k8s:secret:creds:key"),
            "signingSecret",
            "kubernetesCRD",
        ),
        bad(
            secret("urn:k8s:creds:creds:key"),
            "signingSecret",
            "urn:k8s:secret:NAME:KEY",
        ),
        bad(
            secret("env:SET_NOWHERE"),
            "signingSecret",
            "list SET_NOWHERE under the plugin's settings.envs",
        ),
        bad(
            secret("env:NOT_HANDED_ON"),
            "signingSecret",
            "list NOT_HANDED_ON under",
        ),
        bad(secret("file:/elsewhere/key"), "signingSecret", "settings.mounts"),
        bad(key("file:<state>/nothing.pem"), "publicKey", "does not exist"),
        bad(key(SECRET), "publicKey", "PEM"),
        bad(
            json!({ "jwksUrl": null, "jwksFile": SECRET }),
            "jwksFile",
            "must be a JWK Set",
        ),
        bad(json!({ "algorithms": ["none"] }), "algorithms[0]", "known are"),
        bad(
            json!({ "algorithms": ["HS256"] }),
            "algorithms[0]",
            "cannot serve",
        ),
        bad(json!({ "audiences": "" }), "audiences", "list at least one value"),
        bad(json!({ "audiences": [] }), "audiences", "list at least one value"),
        bad(
            json!({ "leewaySeconds": SECRET }),
            "leewaySeconds",
            "a whole number that is not negative",
        ),
        bad(
            json!({ "leewaySeconds": -1 }),
            "leewaySeconds",
            "a whole number that is not negative",
        ),
        bad(
            json!({ "leewaySeconds": 1.5 }),
            "leewaySeconds",
            "a whole number that is not negative",
        ),
        bad(
            json!({ "leewaySeconds": 3601 }),
            "leewaySeconds",
            "must be from 0 to 3600",
        ),
        bad(json!({ "requireExp": "perhaps" }), "requireExp", "true or false"),
        bad(
            json!({ "stateDirectory": "/elsewhere" }),
            "stateDirectory",
            "is not among the plugin's mounts",
        ),
        bad(
            json!({ "stateDirectory": "state" }),
            "stateDirectory",
            "must be an absolute path",
        ),
    ]
}

fn oauth_table() -> Vec<Bad> {
    let bad = |patch, option, cure| bad(OAUTH_CLIENT_CREDENTIALS, patch, option, cure);
    let tls = |options: Value| json!({ "clientConfig": { "tls": options } });
    let authority = CertificateAuthority::shared().ca_pem();
    vec![
        bad(json!({ "scope": "x" }), "scope", "did you mean `scopes`?"),
        bad(
            json!({ "clientConfig": { "tls": { "rootCA": "x" } } }),
            "clientConfig.tls.rootCA",
            "known here are: ca",
        ),
        bad(json!({ "url": null }), "url", "is required"),
        bad(json!({ "clientID": null }), "clientID", "is required"),
        bad(json!({ "clientSecret": null }), "clientSecret", "is required"),
        bad(json!({ "clientSecret": "" }), "clientSecret", "is required"),
        bad(
            json!({ "clientSecret": 12345678 }),
            "clientSecret",
            "expected a string",
        ),
        bad(
            json!({ "clientSecret": [SECRET] }),
            "clientSecret",
            "expected a string",
        ),
        bad(
            json!({ "clientSecret": "urn:k8s:secret:c:s" }),
            "clientSecret",
            "urn:k8s:secret:NAME:KEY",
        ),
        bad(
            json!({ "clientSecret": " urn:k8s:secret:c:s" }),
            "clientSecret",
            "urn:k8s:secret:NAME:KEY",
        ),
        bad(
            json!({ "clientSecret": "env:SET_NOWHERE" }),
            "clientSecret",
            "list SET_NOWHERE under",
        ),
        bad(
            json!({ "clientSecret": "env:NOT_HANDED_ON" }),
            "clientSecret",
            "set it for Traefik and list",
        ),
        bad(
            json!({ "clientSecret": "file:/elsewhere/secret" }),
            "clientSecret",
            "settings.mounts",
        ),
        bad(
            json!({ "clientSecret": "file:<state>/nothing" }),
            "clientSecret",
            "does not exist",
        ),
        bad(
            json!({ "clientID": "urn:k8s:secret:c:id" }),
            "clientID",
            "kubernetesCRD",
        ),
        bad(
            json!({ "scopes": ["urn:k8s:secret:c:scope"] }),
            "scopes[0]",
            "kubernetesCRD",
        ),
        bad(
            json!({ "url": format!("//{SECRET}") }),
            "url",
            "must be an absolute URL",
        ),
        bad(json!({ "url": "env:SET_NOWHERE" }), "url", "settings.envs"),
        bad(
            json!({ "tokenEndpointAuthMethod": SECRET }),
            "tokenEndpointAuthMethod",
            "client_secret_post",
        ),
        bad(
            json!({ "endpointParams": { "scope": "x" } }),
            "endpointParams.scope",
            "an option of its own",
        ),
        bad(
            json!({ "endpointParams": SECRET }),
            "endpointParams",
            "a block of options",
        ),
        bad(
            json!({ "clientConfig": { "timeoutSeconds": 0 } }),
            "clientConfig.timeoutSeconds",
            "from 1 to 60",
        ),
        bad(
            json!({ "clientConfig": { "timeoutSeconds": "5s" } }),
            "clientConfig.timeoutSeconds",
            "a whole number",
        ),
        bad(
            json!({ "clientConfig": { "maxRetries": 11 } }),
            "clientConfig.maxRetries",
            "from 0 to 10",
        ),
        bad(
            tls(json!({ "ca": SECRET })),
            "clientConfig.tls.ca",
            "holds no PEM certificate",
        ),
        bad(
            tls(json!({ "ca": "file:/elsewhere/ca.pem" })),
            "clientConfig.tls.ca",
            "settings.mounts",
        ),
        bad(
            tls(json!({ "cert": authority })),
            "clientConfig.tls.key",
            "is required together with",
        ),
        bad(
            tls(json!({ "cert": authority, "key": SECRET })),
            "clientConfig.tls.key",
            "is no PEM private key",
        ),
        bad(
            tls(json!({ "insecureSkipVerify": "yes" })),
            "clientConfig.tls.insecureSkipVerify",
            "true or false",
        ),
        bad(
            json!({ "stateDirectory": "/elsewhere" }),
            "stateDirectory",
            "is not among the plugin's mounts",
        ),
    ]
}

fn rewrite_table() -> Vec<Bad> {
    let bad = |patch, option, cure| bad(PATH_REWRITE, patch, option, cure);
    let rules = |rules: Value| json!({ "regex": null, "replacement": null, "rules": rules });
    vec![
        bad(json!({ "regexp": "x" }), "regexp", "did you mean `regex`?"),
        bad(
            json!({ "regex": null }),
            "regex",
            "is required: give regex and replacement, or a list of rules",
        ),
        bad(json!({ "replacement": null }), "replacement", "is required"),
        bad(json!({ "regex": "^/(a" }), "regex", "a ( without its )"),
        bad(json!({ "regex": r"^/\p{Greek}" }), "regex", "at character 3"),
        bad(
            json!({ "regex": "^/(?=a)" }),
            "regex",
            "is no valid Go regular expression",
        ),
        bad(json!({ "regex": { "a": 1 } }), "regex", "expected a string"),
        bad(json!({ "replacement": "/$1é" }), "replacement", "write ${1}é"),
        bad(
            json!({ "rules": [{ "regex": "a", "replacement": "b" }] }),
            "rules",
            "cannot stand beside",
        ),
        bad(
            rules(json!([{ "regexp": "a", "replacement": "b" }])),
            "rules[0].regexp",
            "did you mean `regex`?",
        ),
        bad(
            rules(json!([{ "regex": "a" }])),
            "rules[0].replacement",
            "is required",
        ),
        bad(
            rules(json!([{ "regex": "a", "replacement": "b" }, { "regex": "*", "replacement": "" }])),
            "rules[1].regex",
            "is no valid Go regular expression",
        ),
    ]
}

#[test]
fn a_bad_configuration_refuses_every_request_and_says_why_and_a_corrected_one_serves() {
    let idcs = Idcs::start();
    let good = default_options(&idcs, &CertificateAuthority::shared().ca_pem());
    let state = tempfile::tempdir().unwrap();
    let table: Vec<Bad> = [jwt_table(), oauth_table(), rewrite_table()]
        .into_iter()
        .flatten()
        .collect();
    let name = |index: usize| format!("bad{index:03}");
    let block = |index: usize, bad: &Bad, patched: bool| {
        let mut options = good[bad.plugin].clone();
        if patched {
            merge(&mut options, &bad.patch);
        }
        (
            name(index),
            json!({ "plugin": { bad.plugin: in_directory(&options, state.path()) } }),
        )
    };
    let middlewares = |patched| {
        table
            .iter()
            .enumerate()
            .map(|(index, bad)| block(index, bad, patched))
            .collect::<Map<_, _>>()
    };
    let mut gateway = beside_an_open_router(Gateway::in_front_of(idcs), middlewares(true))
        .state(state.path())
        .traefik(|traefik| traefik.env("NOT_HANDED_ON", SECRET))
        .start();

    assert_eq!(
        gateway.get("/anything").send().unwrap().status,
        200,
        "the open router is there"
    );
    gateway.oic.forget_records();
    for (index, bad) in table.iter().enumerate() {
        let shown = format!("{} {}", bad.plugin, bad.patch);
        for path in [format!("/{}", name(index)), format!("/{}/below?x=1", name(index))] {
            assert_misconfigured(&shown, &gateway.get_as_client(&path).send().unwrap());
        }
    }
    assert_eq!(gateway.oic.requests_count(), 0, "nothing fell through");
    let log = gateway.traefik.log();
    for (index, bad) in table.iter().enumerate() {
        let told = complaints(&log, &name(index));
        let expected = format!("plugin={} option={} problem=", bad.plugin, bad.option);
        assert!(!told.is_empty(), "{} {}: not in the log", bad.plugin, bad.patch);
        for line in told {
            assert!(
                line.contains(&expected) && line.contains(bad.cure),
                "{expected}…{}:\n{line}",
                bad.cure
            );
        }
    }
    assert!(
        !plugin_lines(&log).any(|line| line.contains(SECRET) || line.contains("12345678")),
        "{log}"
    );

    // The same routers, put right.
    let mut dynamic: Value =
        serde_json::from_slice(&std::fs::read(gateway.traefik.dir().join("dynamic/dynamic.yml")).unwrap())
            .unwrap();
    for (name, middleware) in middlewares(false) {
        dynamic["http"]["middlewares"][name] = middleware;
    }
    gateway.traefik.write_dynamic(&dynamic.to_string()).unwrap();
    for (index, bad) in table.iter().enumerate() {
        let answer = gateway
            .get_as_client(&format!("/{}", name(index)))
            .send()
            .unwrap();
        assert_eq!(
            answer.status,
            200,
            "{} {} mended: {}",
            bad.plugin,
            bad.patch,
            answer.text()
        );
    }
    assert_eq!(gateway.oic.requests_count(), table.len());
}

#[test]
fn without_a_writable_mount_what_needs_one_refuses_and_says_what_to_add() {
    let signing_secret = json!({ "jwksUrl": null, "signingSecret": "a secret of 32 bytes or even more" });
    let writable = "settings: {mounts: [";
    type Row = (
        &'static str,
        &'static str,
        Value,
        Option<(&'static str, &'static str)>,
    );
    let table: [Row; 7] = [
        ("keys", JWT, json!({}), Some(("stateDirectory", writable))),
        (
            "token",
            OAUTH_CLIENT_CREDENTIALS,
            json!({}),
            Some(("stateDirectory", writable)),
        ),
        (
            "elsewhere",
            OAUTH_CLIENT_CREDENTIALS,
            json!({ "stateDirectory": "/elsewhere/" }),
            Some(("stateDirectory", "[\\\"/elsewhere")),
        ),
        (
            "file",
            OAUTH_CLIENT_CREDENTIALS,
            json!({ "clientSecret": "file:<state>/secret" }),
            Some(("clientSecret", "settings.mounts")),
        ),
        (
            "keyfile",
            JWT,
            json!({ "jwksUrl": null, "jwksFile": "<state>/jwks" }),
            Some(("jwksFile", "settings.mounts")),
        ),
        // These need no state at all.
        ("secret", JWT, signing_secret, None),
        ("rewrite", PATH_REWRITE, json!({}), None),
    ];
    for read_only in [false, true] {
        let state = tempfile::tempdir().unwrap();
        for file in ["secret", "jwks"] {
            std::fs::write(state.path().join(file), "content").unwrap();
        }
        let idcs = Idcs::start();
        let good = default_options(&idcs, &CertificateAuthority::shared().ca_pem());
        let middlewares = table.iter().map(|(name, plugin, patch, _)| {
            let mut options = good[plugin].clone();
            merge(&mut options, patch);
            (
                format!("{name}1"),
                json!({ "plugin": { *plugin: in_directory(&options, state.path()) } }),
            )
        });
        let folder = state.path().to_owned();
        let gateway = beside_an_open_router(Gateway::in_front_of(idcs), middlewares)
            .traefik(move |traefik| {
                [Guest::JWT, Guest::OAUTH_CLIENT_CREDENTIALS]
                    .iter()
                    .fold(traefik, |traefik, guest| {
                        let plugin = LocalPlugin::of(guest);
                        traefik.plugin(match read_only {
                            true => plugin.mount(format!("{}:ro", folder.display())),
                            false => plugin,
                        })
                    })
            })
            .start();
        gateway.oic.forget_records();
        let log = || gateway.traefik.log();
        for (name, plugin, _, complaint) in &table {
            let shown = format!("{name}, read-only: {read_only}");
            let answer = gateway.get_as_client(&format!("/{name}1")).send().unwrap();
            let Some((option, cure)) = complaint else {
                assert_ne!(answer.status, 500, "{shown}: {}", answer.text());
                assert!(complaints(&log(), &format!("{name}1")).is_empty(), "{shown}");
                continue;
            };
            assert_misconfigured(&shown, &answer);
            let told = complaints(&log(), &format!("{name}1"));
            let expected = format!("plugin={plugin} option={option} problem=");
            assert!(
                told.iter()
                    .any(|line| line.contains(&expected) && line.contains(cure)),
                "{shown}: {told:?}"
            );
        }
        assert_eq!(gateway.oic.requests_count(), 1, "the rewritten request alone");
        assert_eq!(
            (gateway.idcs.token_calls(), gateway.idcs.jwks_calls()),
            (0, 0),
            "no network without the lock"
        );
    }
}

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
    // Secrets lie in a read-only mount of their own, as in Kubernetes; it comes first, the state second.
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
        "however an option is given, it is the same client and the same token"
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
    // It looks again five seconds after it last looked.
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

    // Everything that can be said about a secret is provoked: by success, refusal, outage and nonsense.
    let token = gateway.idcs.client_token().mint();
    let nonsense = gateway.idcs.client_token().signed_by_another_key().mint();
    let mut statuses = std::collections::BTreeSet::new();
    let mut answers = String::new();
    let mut ask_everything = || {
        for name in &names {
            for token in [&token, &nonsense] {
                let answer = gateway.get(&format!("/{name}")).bearer(token).send().unwrap();
                statuses.insert(answer.status);
                // OIC's own answers are its own affair.
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
        // All tokens of the domain begin with it.
        ("a token", header),
        ("a refused token", nonsense.rsplit('.').next().unwrap()),
    ];
    let log = gateway.traefik.log();
    assert!(log.contains(r#""level":"debug""#) && plugin_lines(&log).count() > 10);
    let (state, tokens) = texts_below(state.path());
    assert!(tokens > 0, "no token was kept:\n{state}");
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

/// What a secret may look like in a text: as it is, as a form value, and within base64 of something longer.
fn forms(secret: &str) -> Vec<String> {
    let encoded: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let mut forms = vec![secret.to_owned(), encoded];
    for skipped in 0..3 {
        let within = [&[0; 2][..skipped], secret.as_bytes()].concat();
        for text in [STANDARD.encode(&within), URL_SAFE_NO_PAD.encode(&within)] {
            // The ends share their characters with what stands beside the secret.
            let text = text.trim_end_matches('=');
            forms.push(text[(skipped * 8).div_ceil(6)..text.len() - 1].to_owned());
        }
    }
    forms
}

/// All names and contents below a folder, the targets of links among them, and how many tokens there are.
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

/// A router for each middleware, `/<name>` and below, and beside them one without any that takes every path to the same
/// backend, which welcomes everybody.
fn beside_an_open_router(
    builder: GatewayBuilder,
    middlewares: impl IntoIterator<Item = (String, Value)>,
) -> GatewayBuilder {
    let mut http = json!({ "routers": { "open": { "rule": "PathPrefix(`/`)", "service": "oic" } } });
    for (name, middleware) in middlewares {
        http["routers"][&name] =
            json!({ "rule": format!("PathPrefix(`/{name}`)"), "middlewares": [&name], "service": "oic" });
        http["middlewares"][&name] = middleware;
    }
    builder
        .oic(|idcs| Oic::builder(idcs).strict(false).start())
        .http(http)
}

/// Puts a folder in the place of `<state>`.
fn in_directory(options: &Value, folder: &Path) -> Value {
    let text = options
        .to_string()
        .replace("<state>", &folder.display().to_string());
    serde_json::from_str(&text).unwrap()
}

/// The whole answer of a plugin whose configuration cannot be used.
fn assert_misconfigured(what: &str, answer: &Response) {
    let shown = format!("{what}: {} {:?} {}", answer.status, answer.headers, answer.text());
    assert_eq!(answer.status, 500, "{shown}");
    let expected = json!({
        "type": "urn:oic-gateway:problem:configuration",
        "title": "The gateway is misconfigured",
        "status": 500,
        "reason": "configuration",
    });
    assert_eq!(answer.json(), expected, "{shown}");
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{shown}"
    );
    assert_eq!(answer.header("retry-after"), None, "{shown}");
    assert_eq!(answer.header("www-authenticate"), None, "{shown}");
}

/// What a middleware has said about its own configuration.
fn complaints(log: &str, middleware: &str) -> Vec<String> {
    let name = format!("{middleware}@file");
    plugin_lines(log)
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["middlewareName"] == *name && line["level"] == "error")
        .filter_map(|line| line["message"].as_str().map(str::to_owned))
        .filter(|message| message.starts_with("code=configuration.refused "))
        .collect()
}
