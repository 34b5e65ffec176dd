//! A table of configuration mistakes for each plugin.

use harness::certificates::CertificateAuthority;
use harness::gateway::{Gateway, JWT, OAUTH_CLIENT_CREDENTIALS, PATH_REWRITE, default_options};
use harness::idcs::Idcs;
use harness::merge::merge;
use serde_json::{Map, Value, json};

use super::{SECRET, assert_misconfigured, beside_an_open_router, complaints, in_directory};
use crate::support::plugin_lines;

/// An invalid configuration.
struct Bad {
    plugin: &'static str,
    /// A patch for options that work (`null` removes one).
    patch: Value,
    /// The option that the log names.
    option: &'static str,
    /// The remedy that the log gives.
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

fn jwt_table() -> Vec<Bad> {
    let bad = |patch, option, cure| bad(JWT, patch, option, cure);
    let secret = |value: &str| json!({ "jwksUrl": null, "signingSecret": value });
    let key = |value: &str| json!({ "jwksUrl": null, "publicKey": value });
    vec![
        bad(
            json!({ "jwksUrl": null, "clientConfig": null }),
            "jwksUrl",
            "is required",
        ),
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
        bad(tls(json!({ "ca": SECRET })), "clientConfig.tls.ca", "is not PEM"),
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
            "is not PEM",
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
        // This leaves an empty block.
        bad(
            json!({ "regex": null, "replacement": null }),
            "regex",
            "is required",
        ),
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
            "is not a valid Go regular expression",
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
            "is not a valid Go regular expression",
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
        "the open router works"
    );
    gateway.oic.forget_records();
    for (index, bad) in table.iter().enumerate() {
        let shown = format!("{} {}", bad.plugin, bad.patch);
        for path in [format!("/{}", name(index)), format!("/{}/below?x=1", name(index))] {
            assert_misconfigured(&shown, &gateway.get_as_client(&path).send().unwrap());
        }
    }
    assert_eq!(
        gateway.oic.requests_count(),
        0,
        "no request reached the open router"
    );
    let log = gateway.traefik.log();
    let mut unclear = String::new();
    for (index, bad) in table.iter().enumerate() {
        let told = complaints(&log, &name(index));
        let expected = format!("plugin={} option={} problem=", bad.plugin, bad.option);
        let clear = |line: &String| line.contains(&expected) && line.contains(bad.cure);
        if told.is_empty() || !told.iter().all(clear) {
            unclear.push_str(&format!("{}: {expected}…{}: {told:#?}\n", bad.patch, bad.cure));
        }
    }
    assert!(unclear.is_empty(), "{unclear}");
    assert!(!plugin_lines(&log).any(|line| line.contains(SECRET)), "{log}");

    // The same routers with valid options.
    let mut dynamic: Value =
        serde_json::from_slice(&std::fs::read(gateway.traefik.dir().join("dynamic/dynamic.yml")).unwrap())
            .unwrap();
    for (name, middleware) in middlewares(false) {
        dynamic["http"]["middlewares"][name] = middleware;
    }
    gateway.traefik.write_dynamic(&dynamic.to_string()).unwrap();
    // The harness's checks for the active configuration also reached the open router.
    gateway.oic.forget_records();
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
