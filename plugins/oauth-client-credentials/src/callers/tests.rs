//! Runs callers' requests natively, against a token endpoint that knows two clients.

use std::rc::Rc;

use egress::platform::Native;
use middleware::{Decision, Edit, Middleware, Secret};
use serde_json::{Value, json};
use test_doubles::{Endpoint, Received, Request, decide};

use super::*;
use crate::OAuthClientCredentials;

fn basic(client: &str, secret: &str) -> Request {
    with_authorization([header_of(client, secret)])
}

fn header_of(client: &str, secret: &str) -> String {
    Basic::new(client, Secret::new(secret)).unwrap().header_value()
}

fn with_authorization<const N: usize>(values: [String; N]) -> Request {
    Request::get("/").with_headers(values.map(|value| ("Authorization", value)))
}

/// An endpoint that issues `token-of-<name>` if the form-encoded secret begins with `right`, and records its requests.
/// It refuses the scope to the client `unscoped`, and fails for the client `down`.
fn token_endpoint() -> Endpoint {
    Endpoint::start(|request| {
        let (name, secret) = credentials_of(request);
        let (status, body) = if name == "down" {
            (500, json!({}))
        } else if !secret.starts_with("right") {
            (401, json!({ "error": "invalid_client" }))
        } else if name == "unscoped" {
            (400, json!({ "error": "invalid_scope" }))
        } else {
            let token = format!("token-of-{name}").replace('%', "_");
            (
                200,
                json!({ "access_token": token, "token_type": "Bearer", "expires_in": 3600 }),
            )
        };
        Some((status, body.to_string()))
    })
}

fn credentials_of(request: &Received) -> (String, String) {
    let authorization = [request.header("Authorization").unwrap()];
    let sent = Basic::read(&authorization.iter().collect()).unwrap();
    (sent.name, sent.password.expose().to_owned())
}

/// The requests received, as `client:secret form`.
fn asked(endpoint: &Endpoint) -> Vec<String> {
    let line = |request: &Received| {
        let (name, secret) = credentials_of(request);
        format!("{name}:{secret} {}", request.body)
    };
    endpoint.take_received().iter().map(line).collect()
}

fn plugin(url: &str, more: &Value, directory: &tempfile::TempDir) -> Result<OAuthClientCredentials, String> {
    let mut options = json!({ "url": url, "scopes": ["usual"] });
    let members = options.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    let platform = Rc::new(Native::new(directory.path(), |_| {}));
    OAuthClientCredentials::new(options.to_string().as_bytes(), platform).map_err(|error| error.to_string())
}

/// The token that the backend receives, or the status and reason of a refusal.
fn outcome(plugin: &mut OAuthClientCredentials, caller: &Request) -> Result<String, (u16, String)> {
    match decide(plugin, caller) {
        Decision::Forward(edits) => match edits.iter().collect::<Vec<_>>().as_slice() {
            [Edit::SetHeader(name, value)] if name == "Authorization" => Ok(value.to_string()),
            other => panic!("{other:?}"),
        },
        Decision::Reply(reply) => {
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            let header = |name| reply.headers.iter().any(|(known, _)| *known == name);
            assert_eq!(header("WWW-Authenticate"), reply.status == 401, "{body}");
            assert_eq!(header("Retry-After"), reply.status >= 429, "{body}");
            Err((reply.status, body["reason"].as_str().unwrap().to_owned()))
        }
    }
}

fn refused(status: u16, reason: &str) -> Result<String, (u16, String)> {
    Err((status, reason.to_owned()))
}

#[test]
fn a_callers_token_is_shared_only_among_routers_that_believe_the_same_servers() {
    let endpoint = token_endpoint();
    let directory = tempfile::tempdir().unwrap();
    let with =
        |is_careless: bool| json!({ "clientConfig": { "tls": { "insecureSkipVerify": is_careless } } });
    for (is_careless, calls) in [(true, 1), (false, 1), (true, 0), (false, 0)] {
        let mut plugin = plugin(endpoint.url(), &with(is_careless), &directory).unwrap();
        assert!(outcome(&mut plugin, &basic("legacy", "right")).is_ok());
        assert_eq!(asked(&endpoint).len(), calls, "{is_careless}");
    }
}

#[test]
fn each_caller_gets_his_own_token_and_the_scope_that_he_does_not_know() {
    let endpoint = token_endpoint();
    let directory = tempfile::tempdir().unwrap();
    let options = json!({ "scopesByClient": { "billing": ["b:1", "b:2"], "erp": "e" } });
    for _ in 0..3 {
        let mut plugin = plugin(endpoint.url(), &options, &directory).unwrap();
        for client in ["legacy", "billing", "erp"] {
            assert_eq!(
                outcome(&mut plugin, &basic(client, "right")),
                Ok(format!("Bearer token-of-{client}"))
            );
        }
    }
    assert_eq!(
        asked(&endpoint),
        [
            "legacy:right grant_type=client_credentials&scope=usual",
            "billing:right grant_type=client_credentials&scope=b%3A1+b%3A2",
            "erp:right grant_type=client_credentials&scope=e",
        ]
    );
}

#[test]
fn a_secret_reaches_the_provider_as_it_was_meant_whatever_it_holds() {
    let endpoint = token_endpoint();
    let directory = tempfile::tempdir().unwrap();
    let mut plugin = plugin(endpoint.url(), &json!({}), &directory).unwrap();
    for (secret, encoded) in [
        ("right:colons:", "right%3Acolons%3A"),
        ("right%41", "right%2541"),
        ("right+plus and blank", "right%2Bplus+and+blank"),
        ("right-\u{e9}\u{2713}", "right-%C3%A9%E2%9C%93"),
        ("right env:HOME", "right+env%3AHOME"),
    ] {
        assert!(outcome(&mut plugin, &basic("env", secret)).is_ok(), "{secret}");
        let [asked] = asked(&endpoint).try_into().unwrap();
        assert!(asked.starts_with(&format!("env:{encoded} ")), "{asked}");
    }
}

#[test]
fn whoever_has_the_wrong_secret_gets_no_token_also_where_the_right_one_has_one() {
    let endpoint = token_endpoint();
    let directory = tempfile::tempdir().unwrap();
    let mut plugin = plugin(endpoint.url(), &json!({}), &directory).unwrap();
    assert!(outcome(&mut plugin, &basic("app", "right")).is_ok());
    for _ in 0..5 {
        assert_eq!(
            outcome(&mut plugin, &basic("app", "wrong")),
            refused(401, "invalid_credentials")
        );
    }
    assert!(outcome(&mut plugin, &basic("app", "right")).is_ok());
    assert_eq!(asked(&endpoint).len(), 2);
}

#[test]
fn guessing_is_limited_for_each_client_and_for_all_and_known_callers_do_not_notice() {
    let endpoint = token_endpoint();
    let directory = tempfile::tempdir().unwrap();
    let limits = json!({ "limits": { "failuresPerClientPerMinute": 3, "callsPerMinute": "8" } });
    let mut plugin = plugin(endpoint.url(), &limits, &directory).unwrap();
    assert!(outcome(&mut plugin, &basic("app", "right")).is_ok());
    // The minute may end during the test, which allows one more round.
    let mut guess = |client: &str, from: u32, to: u32| -> Vec<u16> {
        (from..to)
            .map(|guess| {
                outcome(&mut plugin, &basic(client, &format!("wrong{guess}")))
                    .unwrap_err()
                    .0
            })
            .collect()
    };
    let denied = |statuses: &[u16]| statuses.iter().filter(|status| **status == 401).count();
    let first = guess("app", 0, 40);
    assert!([3, 6].contains(&denied(&first)), "{first:?}");
    assert!(first.iter().all(|status| [401, 429].contains(status)));
    let others: Vec<u16> = (0..40)
        .flat_map(|client| guess(&format!("app{client}"), 0, 1))
        .collect();
    assert!((2..=12).contains(&denied(&others)), "{others:?}");
    assert_eq!(*others.last().unwrap(), 429);
    assert!(asked(&endpoint).len() <= 16);
    assert_eq!(
        outcome(&mut plugin, &basic("app", "right")),
        Ok("Bearer token-of-app".to_owned())
    );
}

#[test]
fn refusals_tell_the_callers_fault_from_the_gateways_and_the_providers() {
    let endpoint = token_endpoint();
    let directory = tempfile::tempdir().unwrap();
    let options =
        json!({ "scopes": [], "scopesByClient": { "unscoped": ["x"], "down": ["x"], "app": ["x"] } });
    let mut plugin = plugin(endpoint.url(), &options, &directory).unwrap();
    let good = header_of("app", "right");
    for (caller, status, reason) in [
        (Request::get("/"), 401, "missing_credentials"),
        (
            with_authorization(["Bearer a.b.c".to_owned()]),
            401,
            "missing_credentials",
        ),
        (
            with_authorization(["Basic ???".to_owned()]),
            400,
            "invalid_request",
        ),
        (with_authorization([good.clone(), good]), 400, "invalid_request"),
        (basic("app", ""), 401, "invalid_credentials"),
        (basic("stranger", "right"), 401, "invalid_credentials"),
        (basic("app", "wrong"), 401, "invalid_credentials"),
        (basic("unscoped", "right"), 502, "identity_provider_refused"),
        (basic("down", "right"), 503, "identity_provider_unavailable"),
    ] {
        assert_eq!(
            outcome(&mut plugin, &caller),
            refused(status, reason),
            "{caller:?}"
        );
    }
    assert_eq!(asked(&endpoint).len(), 3, "only the last three were sent on");
    assert_eq!(
        outcome(&mut plugin, &basic("app", "right")),
        Ok("Bearer token-of-app".to_owned()),
        "failures of one client do not affect another"
    );
}

#[test]
fn what_lies_in_the_state_directory_depends_on_the_secret_of_the_store_too() {
    let endpoint = token_endpoint();
    let directory = tempfile::tempdir().unwrap();
    let store =
        |secret: &str| json!({ "store": { "secret": secret, "redis": { "endpoints": ["redis:6379"] } } });
    for options in [json!({}), store("0123456789abcdef"), store("fedcba9876543210")] {
        for _ in 0..2 {
            let mut plugin = plugin(endpoint.url(), &options, &directory).unwrap();
            assert!(outcome(&mut plugin, &basic("app", "right")).is_ok());
        }
    }
    assert_eq!(asked(&endpoint).len(), 3);
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let content = std::fs::read_link(entry.unwrap().path()).unwrap();
        assert!(!content.to_string_lossy().contains("token-of"));
    }
}

#[test]
fn configuration_errors_name_the_option() {
    let directory = tempfile::tempdir().unwrap();
    for (options, start) in [
        (
            json!({ "limits": { "callsPerMinute": 0 } }),
            "limits.callsPerMinute: must be",
        ),
        (
            json!({ "limits": { "failuresPerClientPerMinute": 1001 } }),
            "limits.failuresPerClientPerMinute: must be",
        ),
        (
            json!({ "scopesByClient": { "app": [] } }),
            "scopesByClient.app: is empty",
        ),
        (
            json!({ "scopesByClient": { "app": ["env:NOWHERE"] } }),
            "scopesByClient.app[0]: names the environment variable",
        ),
        (json!({ "clientID": "a" }), "clientSecret: is required"),
        (json!({ "clientSecret": "a" }), "clientID: is required"),
    ] {
        let error = plugin("https://idcs/t", &options, &directory).err().unwrap();
        assert!(error.starts_with(start), "{options}: {error}");
    }
}
