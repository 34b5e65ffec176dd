//! Callers natively, against a token endpoint that knows two clients.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, channel};

use bytes::Bytes;
use egress::platform::Native;
use middleware::{Decision, Edit, Middleware, RequestHead, Secret};
use serde_json::{Value, json};

use super::*;
use crate::OAuthClientCredentials;

struct Caller(Vec<String>);

impl RequestHead for Caller {
    fn method(&self) -> Bytes {
        "GET".into()
    }
    fn uri(&self) -> Bytes {
        "/".into()
    }
    fn header(&self, name: &str) -> Vec<Bytes> {
        assert_eq!(name, "Authorization");
        self.0.iter().map(|value| Bytes::from(value.clone())).collect()
    }
    fn header_names(&self) -> Vec<Bytes> {
        Vec::new()
    }
    fn body(&self, _: usize) -> Option<Vec<u8>> {
        None
    }
}

fn basic(client: &str, secret: &str) -> Caller {
    Caller(vec![
        Basic::new(client, Secret::new(secret)).unwrap().header_value(),
    ])
}

/// Gives `token-of-<Authorization>` to whoever's form-encoded secret begins with `right`, and tells what it was asked.
/// A client `unscoped` may not have the scope, and for a client `down` there is an outage.
fn token_endpoint() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/oauth2/v1/token", listener.local_addr().unwrap());
    let (asked, requests) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, asked) = (stream.unwrap(), asked.clone());
            let mut request = String::new();
            let mut chunk = [0; 4096];
            while !request.contains("grant_type") {
                let count = stream.read(&mut chunk).unwrap();
                request.push_str(std::str::from_utf8(&chunk[..count]).unwrap());
            }
            let headers = request.lines().filter_map(|line| line.split_once(": "));
            let mut headers = headers.filter(|(name, _)| name.eq_ignore_ascii_case("authorization"));
            let authorization = headers.next().unwrap().1.to_owned();
            let sent = Basic::read(&[Bytes::from(authorization)]).unwrap();
            let (name, secret) = (sent.name, sent.password.expose().to_owned());
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
            let (_, form) = request.split_once("\r\n\r\n").unwrap();
            let _ = asked.send(format!("{name}:{secret} {form}"));
            let body = body.to_string();
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n\r\n{body}"
            );
        }
    });
    (url, requests)
}

fn plugin(url: &str, more: &Value, directory: &tempfile::TempDir) -> Result<OAuthClientCredentials, String> {
    let mut options = json!({ "url": url, "scopes": ["usual"] });
    let members = options.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    let platform = Rc::new(Native::new(directory.path(), |_| {}));
    OAuthClientCredentials::new(options.to_string().as_bytes(), platform).map_err(|error| error.to_string())
}

/// The token that goes to the backend, or status and reason.
fn outcome(plugin: &mut OAuthClientCredentials, caller: &Caller) -> Result<String, (u16, String)> {
    match plugin.on_request(caller) {
        Decision::Forward(edits) => match edits.iter().collect::<Vec<_>>().as_slice() {
            [Edit::SetHeader(name, value)] if name == "Authorization" => Ok(value.clone()),
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
    let (url, asked) = token_endpoint();
    let directory = tempfile::tempdir().unwrap();
    let with =
        |is_careless: bool| json!({ "clientConfig": { "tls": { "insecureSkipVerify": is_careless } } });
    for (is_careless, calls) in [(true, 1), (false, 1), (true, 0), (false, 0)] {
        let mut plugin = plugin(&url, &with(is_careless), &directory).unwrap();
        assert!(outcome(&mut plugin, &basic("legacy", "right")).is_ok());
        assert_eq!(asked.try_iter().count(), calls, "{is_careless}");
    }
}

#[test]
fn each_caller_gets_his_own_token_and_the_scope_that_he_does_not_know() {
    let (url, asked) = token_endpoint();
    let directory = tempfile::tempdir().unwrap();
    let options = json!({ "scopesByClient": { "billing": ["b:1", "b:2"], "erp": "e" } });
    for _ in 0..3 {
        let mut plugin = plugin(&url, &options, &directory).unwrap();
        for client in ["legacy", "billing", "erp"] {
            assert_eq!(
                outcome(&mut plugin, &basic(client, "right")),
                Ok(format!("Bearer token-of-{client}"))
            );
        }
    }
    let asked: Vec<String> = asked.try_iter().collect();
    assert_eq!(
        asked,
        [
            "legacy:right grant_type=client_credentials&scope=usual",
            "billing:right grant_type=client_credentials&scope=b%3A1+b%3A2",
            "erp:right grant_type=client_credentials&scope=e",
        ]
    );
}

#[test]
fn a_secret_reaches_the_provider_as_it_was_meant_whatever_it_holds() {
    let (url, asked) = token_endpoint();
    let directory = tempfile::tempdir().unwrap();
    let mut plugin = plugin(&url, &json!({}), &directory).unwrap();
    for (secret, encoded) in [
        ("right:colons:", "right%3Acolons%3A"),
        ("right%41", "right%2541"),
        ("right+plus and blank", "right%2Bplus+and+blank"),
        ("right-\u{e9}\u{2713}", "right-%C3%A9%E2%9C%93"),
        ("right env:HOME", "right+env%3AHOME"),
    ] {
        assert!(outcome(&mut plugin, &basic("env", secret)).is_ok(), "{secret}");
        let asked = asked.try_recv().unwrap();
        assert!(asked.starts_with(&format!("env:{encoded} ")), "{asked}");
    }
}

#[test]
fn whoever_has_the_wrong_secret_gets_no_token_also_where_the_right_one_has_one() {
    let (url, asked) = token_endpoint();
    let directory = tempfile::tempdir().unwrap();
    let mut plugin = plugin(&url, &json!({}), &directory).unwrap();
    assert!(outcome(&mut plugin, &basic("app", "right")).is_ok());
    for _ in 0..5 {
        assert_eq!(
            outcome(&mut plugin, &basic("app", "wrong")),
            refused(401, "invalid_credentials")
        );
    }
    assert!(outcome(&mut plugin, &basic("app", "right")).is_ok());
    assert_eq!(asked.try_iter().count(), 2);
}

#[test]
fn guessing_is_limited_for_each_client_and_for_all_and_known_callers_do_not_notice() {
    let (url, asked) = token_endpoint();
    let directory = tempfile::tempdir().unwrap();
    let limits = json!({ "limits": { "failuresPerClientPerMinute": 3, "callsPerMinute": "8" } });
    let mut plugin = plugin(&url, &limits, &directory).unwrap();
    assert!(outcome(&mut plugin, &basic("app", "right")).is_ok());
    // A minute may end in the middle; then there is one more round.
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
    assert!(asked.try_iter().count() <= 16);
    assert_eq!(
        outcome(&mut plugin, &basic("app", "right")),
        Ok("Bearer token-of-app".to_owned())
    );
}

#[test]
fn refusals_tell_the_callers_fault_from_the_gateways_and_the_providers() {
    let (url, asked) = token_endpoint();
    let directory = tempfile::tempdir().unwrap();
    let options =
        json!({ "scopes": [], "scopesByClient": { "unscoped": ["x"], "down": ["x"], "app": ["x"] } });
    let mut plugin = plugin(&url, &options, &directory).unwrap();
    let good = basic("app", "right").0[0].clone();
    for (caller, status, reason) in [
        (Caller(vec![]), 401, "missing_credentials"),
        (
            Caller(vec!["Bearer a.b.c".to_owned()]),
            401,
            "missing_credentials",
        ),
        (Caller(vec!["Basic ???".to_owned()]), 400, "invalid_request"),
        (Caller(vec![good.clone(), good]), 400, "invalid_request"),
        (basic("app", ""), 401, "invalid_credentials"),
        (basic("stranger", "right"), 401, "invalid_credentials"),
        (basic("app", "wrong"), 401, "invalid_credentials"),
        (basic("unscoped", "right"), 502, "identity_provider_refused"),
        (basic("down", "right"), 503, "identity_provider_unavailable"),
    ] {
        assert_eq!(
            outcome(&mut plugin, &caller),
            refused(status, reason),
            "{:?}",
            caller.0
        );
    }
    assert_eq!(
        asked.try_iter().count(),
        3,
        "only the last three were asked about"
    );
    assert_eq!(
        outcome(&mut plugin, &basic("app", "right")),
        Ok("Bearer token-of-app".to_owned()),
        "one client's trouble is not another's"
    );
}

#[test]
fn what_lies_in_the_state_directory_depends_on_the_secret_of_the_store_too() {
    let (url, asked) = token_endpoint();
    let directory = tempfile::tempdir().unwrap();
    let store =
        |secret: &str| json!({ "store": { "secret": secret, "redis": { "endpoints": ["redis:6379"] } } });
    for options in [json!({}), store("0123456789abcdef"), store("fedcba9876543210")] {
        for _ in 0..2 {
            let mut plugin = plugin(&url, &options, &directory).unwrap();
            assert!(outcome(&mut plugin, &basic("app", "right")).is_ok());
        }
    }
    assert_eq!(asked.try_iter().count(), 3);
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
