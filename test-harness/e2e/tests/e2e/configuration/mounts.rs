//! Which options need a mount, and what works with a mount that is read-only.

use harness::certificates::CertificateAuthority;
use harness::client::Client;
use harness::gateway::{Gateway, JWT, OAUTH_CLIENT_CREDENTIALS, PATH_REWRITE, default_options};
use harness::idcs::{Application, Idcs};
use harness::merge::merge;
use harness::oic::Oic;
use harness::traefik::{LocalPlugin, Traefik, TraefikError};
use harness_build::guests::{self, Guest};
use harness_build::tools::workspace_root;
use serde_json::{Value, json};

use super::{assert_misconfigured, beside_an_open_router, complaints, in_directory};
use crate::support::plugin_lines;

#[test]
fn without_a_mount_what_needs_one_refuses_and_says_what_to_add() {
    let signing_secret = json!({ "jwksUrl": null, "signingSecret": "a secret of 32 bytes or even more" });
    let mounts = "settings: {mounts: [";
    type Row = (
        &'static str,
        &'static str,
        Value,
        Option<(&'static str, &'static str)>,
    );
    let table: [Row; 7] = [
        ("keys", JWT, json!({}), Some(("stateDirectory", mounts))),
        (
            "token",
            OAUTH_CLIENT_CREDENTIALS,
            json!({}),
            Some(("stateDirectory", mounts)),
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
        // These options do not need any state.
        ("secret", JWT, signing_secret, None),
        ("rewrite", PATH_REWRITE, json!({}), None),
    ];
    let state = tempfile::tempdir().unwrap();
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
    let gateway = beside_an_open_router(Gateway::in_front_of(idcs), middlewares)
        .traefik(move |traefik| {
            [Guest::JWT, Guest::OAUTH_CLIENT_CREDENTIALS]
                .iter()
                .fold(traefik, |traefik, guest| traefik.plugin(LocalPlugin::of(guest)))
        })
        .start();
    gateway.oic.forget_records();
    let log = || gateway.traefik.log();
    for (name, plugin, _, complaint) in &table {
        let answer = gateway.get_as_client(&format!("/{name}1")).send().unwrap();
        let Some((option, cure)) = complaint else {
            assert_ne!(answer.status, 500, "{name}: {}", answer.text());
            assert!(complaints(&log(), &format!("{name}1")).is_empty(), "{name}");
            continue;
        };
        assert_misconfigured(name, &answer);
        let told = complaints(&log(), &format!("{name}1"));
        let expected = format!("plugin={plugin} option={option} problem=");
        assert!(
            told.iter()
                .any(|line| line.contains(&expected) && line.contains(cure)),
            "{name}: {told:?}"
        );
    }
    assert_eq!(gateway.oic.requests_count(), 1, "only the rewritten request");
    assert_eq!(
        (gateway.idcs.token_calls(), gateway.idcs.jwks_calls()),
        (0, 0),
        "no network calls without the lock"
    );
}

#[test]
fn with_a_read_only_mount_every_instance_fetches_for_itself_and_files_are_read() {
    let state = tempfile::tempdir().unwrap();
    let idcs = Idcs::start();
    let secret = Application::gateway().client_secret;
    std::fs::write(state.path().join("secret"), secret).unwrap();
    let folder = state.path().to_owned();
    let gateway = Gateway::in_front_of(idcs)
        .oauth(json!({ "clientSecret": format!("file:{}/secret", folder.display()) }))
        .traefik(move |traefik| {
            [Guest::JWT, Guest::OAUTH_CLIENT_CREDENTIALS]
                .iter()
                .fold(traefik, |traefik, guest| {
                    traefik.plugin(LocalPlugin::of(guest).mount(format!("{}:ro", folder.display())))
                })
        })
        .start();
    for _ in 0..5 {
        let answer = gateway.get_as_client("/echo").send().unwrap();
        assert_eq!(answer.status, 200, "{}\n{}", answer.text(), gateway.traefik.log());
    }
    assert!(gateway.idcs.token_calls() >= 1);
    let log = gateway.traefik.log();
    assert!(
        plugin_lines(&log)
            .any(|line| line.contains("code=state.failed") && line.contains("cannot be written")),
        "{log}"
    );
    assert_eq!(
        std::fs::read_dir(state.path()).unwrap().count(),
        1,
        "only the secret"
    );
}

#[test]
fn a_mount_that_is_missing_opens_a_broader_router_in_spite_of_abort_on_plugin_failure_until_the_next_reload()
{
    let place = tempfile::tempdir().unwrap();
    let state = place.path().join("state");
    let idcs = Idcs::start();
    let jwt = default_options(&idcs, &CertificateAuthority::shared().ca_pem())[JWT].clone();
    let guarded = [("guarded".to_owned(), json!({ "plugin": { JWT: jwt } }))];
    let mount = state.clone();
    let mut gateway = beside_an_open_router(Gateway::in_front_of(idcs), guarded)
        // The harness enables `experimental.abortOnPluginFailure`.
        .traefik(move |traefik| traefik.plugin(LocalPlugin::of(&Guest::JWT).mount(mount)))
        .start();
    let without_a_token = |gateway: &Gateway| gateway.get("/guarded").send().unwrap().status;

    assert_eq!(
        without_a_token(&gateway),
        200,
        "the broader router serves it unchecked"
    );
    let log = gateway.traefik.log();
    assert!(log.contains("unable to preopen directory"), "{log}");

    std::fs::create_dir(&state).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(
        without_a_token(&gateway),
        200,
        "Traefik does not retry on its own"
    );
    let dynamic = gateway.traefik.dir().join("dynamic").join("dynamic.yml");
    let same = std::fs::read_to_string(dynamic).unwrap();
    gateway.traefik.write_dynamic(&same).unwrap();
    assert_eq!(without_a_token(&gateway), 401);
}

#[test]
fn a_module_that_does_not_load_ends_traefik_with_abort_on_plugin_failure_and_opens_a_broader_router_without()
{
    let folder = tempfile::tempdir().unwrap();
    let plugin = guests::plugin_dir(folder.path(), Guest::JWT.folder);
    std::fs::create_dir_all(&plugin).unwrap();
    let manifest = workspace_root().join("plugins/jwt/.traefik.yml");
    std::fs::copy(manifest, plugin.join(".traefik.yml")).unwrap();
    std::fs::write(plugin.join("plugin.wasm"), "not a module").unwrap();
    let idcs = Idcs::start();
    let oic = Oic::builder(&idcs).strict(false).plain_http().start();
    let dynamic = json!({ "http": {
        "routers": {
            "guarded": { "rule": "PathPrefix(`/guarded`)", "middlewares": ["jwt"], "service": "oic" },
            "open": { "rule": "PathPrefix(`/`)", "service": "oic" },
        },
        "middlewares": { "jwt": { "plugin": { JWT: { "signingSecret": "a secret of 32 bytes or even more" } } } },
        "services": { "oic": { "loadBalancer": { "servers": [{ "url": oic.url() }] } } },
    }});
    let traefik = Traefik::builder()
        .plugins_from(folder.path())
        .plugin(LocalPlugin::of(&Guest::JWT))
        .dynamic(dynamic.to_string());

    let aborted = traefik.clone().start();
    assert!(
        matches!(aborted, Err(TraefikError::EndedEarly { .. })),
        "{aborted:?}"
    );

    let open = traefik
        .static_patch(json!({ "experimental": { "abortOnPluginFailure": false } }))
        .start()
        .unwrap();
    let answer = Client::plain()
        .get(&format!("{}/guarded", open.url()))
        .send()
        .unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}
