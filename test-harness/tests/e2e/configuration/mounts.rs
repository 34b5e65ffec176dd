//! What needs a writable mount, and what does not.

use serde_json::{Value, json};
use test_harness::certificates::CertificateAuthority;
use test_harness::gateway::{Gateway, JWT, OAUTH_CLIENT_CREDENTIALS, PATH_REWRITE, default_options};
use test_harness::guests::Guest;
use test_harness::idcs::Idcs;
use test_harness::traefik::LocalPlugin;

use super::{assert_misconfigured, beside_an_open_router, complaints, in_directory};
use crate::support::merge;

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
