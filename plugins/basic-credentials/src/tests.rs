//! Tests of the middleware: which requests pass, as which user, and the errors for wrong options.

use std::rc::Rc;

use credentials::Basic;
use middleware::{Decision, Edit, Middleware, RequestHead as _, Secret};
use serde_json::{Value, json};
use test_doubles::{Request, TestHost, decide};

use crate::BasicCredentials;

fn basic(name: &str, password: &str) -> String {
    Basic::new(name, Secret::new(password)).unwrap().header_value()
}

fn plugin(options: &Value) -> Result<BasicCredentials, String> {
    let host = TestHost::new()
        .with_variable("SET", "from-environment-0123")
        .with_file("/run/secret", "from-file-0123456789\n");
    BasicCredentials::new(options.to_string().as_bytes(), Rc::new(host)).map_err(|error| error.to_string())
}

/// The status and reason of a refusal; or the `Authorization` header that the backend receives, and the headers that
/// are removed.
fn outcome(
    plugin: &mut BasicCredentials,
    headers: &[(&'static str, &str)],
) -> Result<(Option<String>, Vec<String>), (u16, String)> {
    let request = Request::get("/").with_headers(headers.iter().copied());
    match decide(plugin, &request) {
        Decision::Forward(edits) => {
            let sent = request.header("Authorization");
            let mut authorization = sent
                .only()
                .map(|value| String::from_utf8(value.to_vec()).unwrap());
            let mut removed = Vec::new();
            for edit in edits.iter() {
                match edit {
                    Edit::SetHeader(name, value) if name == "Authorization" => {
                        authorization = Some(value.to_string());
                    }
                    Edit::RemoveHeader(name) => removed.push(name.to_string()),
                    other => panic!("{other:?}"),
                }
            }
            Ok((authorization, removed))
        }
        Decision::Reply(reply) => {
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            let challenged = reply.headers.iter().any(|(name, _)| *name == "WWW-Authenticate");
            assert_eq!(challenged, reply.status == 401, "{body}");
            Err((reply.status, body["reason"].as_str().unwrap().to_owned()))
        }
    }
}

const KEY: &str = "0123456789abcdef0123456789abcdef";
const OTHER_KEY: &str = "fedcba9876543210fedcba9876543210";
/// The SHA-256 digest of [`OTHER_KEY`]: `printf %s fedcba9876543210fedcba9876543210 | sha256sum`.
const OTHER_HASH: &str = "4ba68aa8767bde72e8c798ee82d1275291cea73e72ad74d35ecf48e41386eb82";

#[test]
fn callers_who_bring_their_own_pass_as_they_are_and_nobody_else() {
    let own = basic("jane", "s:ecret");
    for options in [json!({}), json!({ "onCallerCredentials": "passThrough" })] {
        let mut plugin = plugin(&options).unwrap();
        let mut outcome = |headers: &[(&'static str, &str)]| outcome(&mut plugin, headers);
        assert_eq!(
            outcome(&[("Authorization", &own)]),
            Ok((Some(own.clone()), vec![]))
        );
        for (headers, status, reason) in [
            (vec![], 401, "missing_credentials"),
            (
                vec![("Authorization", "Bearer a.b.c")],
                401,
                "missing_credentials",
            ),
            (vec![("Authorization", "Basic ???")], 400, "invalid_request"),
            (
                vec![("Authorization", &*own), ("Authorization", &own)],
                400,
                "invalid_request",
            ),
        ] {
            assert_eq!(outcome(&headers), Err((status, reason.to_owned())), "{headers:?}");
        }
    }
}

#[test]
fn who_acts_as_the_stored_user() {
    let stored = basic("oic", "p:w");
    let own = basic("jane", "secret");
    let keys = json!([{ "name": "a", "key": KEY }, { "name": "b", "keyHash": OTHER_HASH }]);
    let (right, other) = (("X-Api-Key", KEY), ("x-api-key", OTHER_KEY));
    let wrong = ("X-Api-Key", "0123456789abcdef0123456789abcdeF");
    let (brings, bearer) = (("Authorization", &*own), ("Authorization", "Bearer a.b.c"));
    let garbage = ("Authorization", "Basic ???");
    let refused = |status, reason: &str| Err((status, reason.to_owned()));
    let as_stored = Ok((Some(stored.clone()), vec!["X-Api-Key".to_owned()]));
    let as_himself = Ok((Some(own.clone()), vec!["X-Api-Key".to_owned()]));
    let (missing, invalid) = (
        refused(401, "missing_credentials"),
        refused(401, "invalid_credentials"),
    );
    let bad = refused(400, "invalid_request");
    // The outcomes for `refuse` (the default), `passThrough`, and `replace`.
    let table = [
        (vec![], [&missing, &missing, &missing]),
        (vec![("X-Api-Key", "")], [&missing, &missing, &missing]),
        (vec![right], [&as_stored; 3]),
        (vec![other], [&as_stored; 3]),
        (vec![wrong], [&invalid; 3]),
        (vec![right, other], [&invalid; 3]),
        (vec![wrong, brings], [&invalid; 3]),
        (vec![brings], [&bad, &as_himself, &missing]),
        (vec![right, brings], [&bad, &as_himself, &as_stored]),
        (vec![right, bearer], [&bad, &bad, &as_stored]),
        (vec![right, garbage], [&bad, &bad, &as_stored]),
        (vec![right, brings, brings], [&bad, &bad, &as_stored]),
        (vec![right, ("Authorization", "")], [&as_stored; 3]),
        (vec![("Authorization", "")], [&missing; 3]),
    ];
    for (column, choice) in [json!(null), json!("passThrough"), json!("replace")]
        .iter()
        .enumerate()
    {
        let options =
            json!({ "username": "oic", "password": "p:w", "apiKeys": keys, "onCallerCredentials": choice });
        let mut plugin = plugin(&options).unwrap();
        for (headers, expected) in &table {
            assert_eq!(
                &outcome(&mut plugin, headers),
                expected[column],
                "{choice} {headers:?}"
            );
        }
    }
}

#[test]
fn everybody_is_let_in_only_where_that_is_asked_for() {
    let options = json!({ "username": "oic", "password": "pw", "allowAnonymous": "true" });
    let mut plugin = plugin(&options).unwrap();
    assert_eq!(outcome(&mut plugin, &[]), Ok((Some(basic("oic", "pw")), vec![])));
    // This plugin ignores a header that another middleware uses for a key.
    assert!(outcome(&mut plugin, &[("X-Api-Key", KEY)]).is_ok());
}

#[test]
fn user_password_and_keys_may_stand_elsewhere() {
    let options = json!({
        "username": "env:SET",
        "password": "file:/run/secret",
        "apiKeys": [{ "name": "a", "key": "env:SET" }],
        "apiKeyHeader": "X-Key",
    });
    let mut plugin = plugin(&options).unwrap();
    let stored = basic("from-environment-0123", "from-file-0123456789");
    assert_eq!(
        outcome(&mut plugin, &[("X-Key", "from-environment-0123")]),
        Ok((Some(stored), vec!["X-Key".to_owned()]))
    );
    assert!(outcome(&mut plugin, &[("X-Api-Key", "from-environment-0123")]).is_err());
}

#[test]
fn configuration_errors_name_the_option_and_show_no_secret() {
    let with = |more: Value| {
        let mut options = json!({ "username": "oic", "password": "hunter2" });
        options
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        options
    };
    let keys = |keys: Value| with(json!({ "apiKeys": keys }));
    for (options, start) in [
        (json!({ "username": "oic" }), "password: is required"),
        (json!({ "password": "hunter2" }), "username: is required"),
        (with(json!({})), "apiKeys: is required"),
        (
            with(json!({ "allowAnonymous": true, "apiKeys": [{ "name": "a", "key": KEY }] })),
            "allowAnonymous: cannot",
        ),
        (
            json!({ "apiKeys": [{ "name": "a", "key": KEY }] }),
            "apiKeys: is about",
        ),
        (json!({ "allowAnonymous": true }), "allowAnonymous: is about"),
        (
            json!({ "onCallerCredentials": "replace" }),
            "onCallerCredentials: is about",
        ),
        (
            with(json!({ "onCallerCredentials": "pass" })),
            "onCallerCredentials: must be",
        ),
        (
            json!({ "username": "a:b", "password": "hunter2", "allowAnonymous": true }),
            "username: holds a colon",
        ),
        (
            json!({ "username": "a", "password": "hunter2\t", "allowAnonymous": true }),
            "password: has a control character",
        ),
        (
            json!({ "username": "urn:k8s:creds:creds:user", "password": "hunter2", "allowAnonymous": true }),
            "username: is a Kubernetes secret reference",
        ),
        (keys(json!([{ "name": "a" }])), "apiKeys[0]: needs key or keyHash"),
        (
            keys(json!([{ "name": "a", "key": KEY, "keyHash": OTHER_HASH }])),
            "apiKeys[0]: has both",
        ),
        (keys(json!([{ "key": KEY }])), "apiKeys[0].name: is required"),
        (
            keys(json!([{ "name": "a", "key": "hunter2" }])),
            "apiKeys[0].key: is shorter",
        ),
        (
            keys(json!([{ "name": "a", "key": "hunter2 hunter2 hunter2" }])),
            "apiKeys[0].key: must consist",
        ),
        (
            keys(json!([{ "name": "a", "keyHash": "hunter2" }])),
            "apiKeys[0].keyHash: must be",
        ),
        (
            keys(json!([{ "name": "a", "key": KEY }, { "name": "a", "key": OTHER_KEY }])),
            "apiKeys[1].name: is a name that another entry has already",
        ),
        (
            keys(json!([{ "name": "a", "key": KEY }, { "name": "b", "key": KEY }])),
            "apiKeys[1]: is the key of an entry before it",
        ),
        (
            with(json!({ "apiKeyHeader": "Authorization", "apiKeys": [{ "name": "a", "key": KEY }] })),
            "apiKeyHeader: is a header with a meaning",
        ),
        (
            with(json!({ "apiKeyHeader": "a b", "apiKeys": [{ "name": "a", "key": KEY }] })),
            "apiKeyHeader: is not a header name",
        ),
        (
            json!({ "user": "x" }),
            "user: is not an option of this plugin; did you mean `username`?",
        ),
    ] {
        let error = plugin(&options).err().unwrap();
        assert!(error.starts_with(start), "{options}: {error}");
        assert!(!error.contains("hunter2") && !error.contains(KEY), "{error}");
    }
}
