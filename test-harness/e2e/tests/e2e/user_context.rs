//! `grant: refreshToken`: the gateway calls OIC as a user who logged in once.

mod example;
mod refresh;
mod replicas;

use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

use harness::certificates::CertificateAuthority;
use harness::client::Response;
use harness::gateway::{Gateway, GatewayBuilder};
use harness::idcs::{Application, Idcs, IdcsHandle, Resource};
use harness::oic::Oic;
use serde_json::{Value, json};

use crate::support::Deadline;
use crate::support::tool::login;

const JANE: &str = "jane.doe@example.com";
const KEY: &str = "only for tests, at least 32 characters long";

fn scope() -> String {
    Resource::oic().full_scope("urn:opc:resource:consumer::all")
}

/// Logs Jane in, so that the gateway can call OIC in her name. The result is stored in `state`.
fn log_in(idcs: &IdcsHandle, state: &Path) {
    log_in_at(idcs, "--state-directory", state);
}

/// Like [`log_in`]. The result is stored in the place that `option` names.
fn log_in_at(idcs: &IdcsHandle, option: &str, place: &Path) {
    idcs.set(|switches| switches.device_interval = Some(1));
    let files = tempfile::tempdir().unwrap();
    let ca = CertificateAuthority::shared().write_ca_pem(files.path()).unwrap();
    let (url, scope) = (idcs.token_url(), scope());
    let arguments: [(&str, &OsStr); 5] = [
        ("--url", url.as_ref()),
        ("--client-id", Application::DEVICE_ID.as_ref()),
        ("--scope", scope.as_ref()),
        ("--ca", ca.as_ref()),
        (option, place.as_ref()),
    ];
    let arguments = arguments
        .iter()
        .flat_map(|(name, value)| [OsStr::new(name), value]);
    let (good, said) = login(arguments, KEY, |_, code| assert!(idcs.approve_device(code, JANE)));
    assert!(good && said.contains(&format!("allowed by {JANE}")), "{said}");
}

/// Returns a gateway that calls OIC in the user's name. This OIC requires a user. The gateway's own identity provider
/// is not used.
fn gateway(idcs: &IdcsHandle, state: &Path) -> GatewayBuilder {
    let user_needed = |idcs: &IdcsHandle| {
        let oic = Oic::builder(idcs).service_invoker(JANE).start();
        oic.set(|switches| switches.require_user_context = vec!["/ic/api/".to_owned()]);
        oic
    };
    Gateway::in_front_of(Idcs::builder().tenant(9).start())
        .oic(|_| user_needed(idcs))
        .jwt(json!({ "jwksUrl": idcs.jwks_url() }))
        .oauth(options(idcs))
        .state(state)
}

fn options(idcs: &IdcsHandle) -> Value {
    json!({
        "url": idcs.token_url(),
        "clientID": Application::DEVICE_ID,
        "clientSecret": null,
        "grant": "refreshToken",
        "refreshTokenKey": KEY,
        "scopes": [scope()],
        "clientConfig": { "timeoutSeconds": 1 },
    })
}

fn ask(gateway: &Gateway, idcs: &IdcsHandle) -> Response {
    let token = idcs.client_token().expires_in(3600).mint();
    gateway.get("/echo").bearer(&token).send().unwrap()
}

/// Sends requests to both gateways with two clients each, until `refreshes` refreshes have happened. All requests must
/// succeed as Jane.
fn refresh_under_load(idcs: &IdcsHandle, gateways: [&Gateway; 2], refreshes: usize) {
    let begun = idcs.token_calls();
    let [one, other] = gateways;
    std::thread::scope(|scope| {
        for gateway in [one, other, one, other] {
            scope.spawn(move || {
                let deadline = Deadline::after(Duration::from_secs(60));
                while idcs.token_calls() < begun + refreshes {
                    let answer = ask(gateway, idcs);
                    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), gateway.traefik.log());
                    assert_eq!(answer.json()["sub"], JANE);
                    deadline.pause("refreshes");
                }
            });
        }
    });
}

fn reason(answer: &Response) -> String {
    answer.json()["reason"].as_str().unwrap_or_default().to_owned()
}
