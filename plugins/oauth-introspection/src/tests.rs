//! Runs the middleware natively, against a small introspection endpoint.

use std::cell::RefCell;
use std::rc::Rc;

use egress::platform::Native;
use middleware::{Decision, Edit, Event, Middleware};
use serde_json::{Value, json};
use test_doubles::{Endpoint, Request, decide};

use crate::OAuthIntrospection;

fn with(uri: &str, headers: &[(&str, &str)]) -> Request {
    Request::get(uri).with_headers(headers.iter().copied())
}

fn bearer(token: &str) -> Request {
    with("/", &[("Authorization", &format!("Bearer {token}"))])
}

/// An endpoint that answers with the result of `answer` for each token.
fn endpoint(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> Endpoint {
    Endpoint::start(move |request| Some(answer(&request.form()["token"])))
}

/// An endpoint that calls every token active and adds these members.
fn saying(members: &str) -> Endpoint {
    let answer = format!(r#"{{"active":true,"sub":"jane",{members}}}"#);
    endpoint(move |_| (200, answer.clone()))
}

/// Calls a token that begins with `good` active until the end of the century, with the user Jane.
fn usual(token: &str) -> (u16, String) {
    let answer = match token.starts_with("good") {
        true => {
            json!({ "active": true, "sub": "jane", "scope": "read write", "aud": "api", "exp": 4_000_000_000_u64 })
        }
        false => json!({ "active": false }),
    };
    (200, answer.to_string())
}

fn plugin(url: &str, more: &Value, directory: &tempfile::TempDir) -> Result<OAuthIntrospection, String> {
    build(url, more, Rc::new(Native::new(directory.path(), |_| {})))
}

/// A plugin and its log; each line begins with the level.
fn logging(
    url: &str,
    more: &Value,
    directory: &tempfile::TempDir,
) -> (OAuthIntrospection, Rc<RefCell<Vec<String>>>) {
    let log = Rc::new(RefCell::new(Vec::new()));
    let lines = Rc::clone(&log);
    let platform = Native::new(directory.path(), move |event: &Event| {
        lines
            .borrow_mut()
            .push(format!("{:?} {}", event.level(), event.line()));
    });
    (build(url, more, Rc::new(platform)).unwrap(), log)
}

fn build(url: &str, more: &Value, platform: Rc<Native>) -> Result<OAuthIntrospection, String> {
    let mut options = json!({ "clientConfig": { "url": url } });
    for (name, value) in more.as_object().unwrap() {
        match (options.get_mut(name), value) {
            (Some(Value::Object(block)), Value::Object(members)) => block.extend(members.clone()),
            _ => options[name] = value.clone(),
        }
    }
    OAuthIntrospection::new(options.to_string().as_bytes(), platform).map_err(|error| error.to_string())
}

fn outcome(plugin: &mut OAuthIntrospection, request: &Request) -> Result<Vec<Edit>, (u16, String)> {
    match decide(plugin, request) {
        Decision::Forward(edits) => Ok(edits.iter().cloned().collect()),
        Decision::Reply(reply) => {
            let body: Value = serde_json::from_slice(&reply.body).unwrap();
            let header = |name| reply.headers.iter().any(|(known, _)| *known == name);
            assert_eq!(
                header("WWW-Authenticate"),
                [400, 401, 403].contains(&reply.status),
                "{body}"
            );
            assert_eq!(header("Retry-After"), reply.status >= 429, "{body}");
            Err((reply.status, body["reason"].as_str().unwrap().to_owned()))
        }
    }
}

fn refused(status: u16, reason: &str) -> Result<Vec<Edit>, (u16, String)> {
    Err((status, reason.to_owned()))
}

#[test]
fn an_active_token_passes_and_is_asked_about_once_for_all_instances() {
    let endpoint = endpoint(usual);
    let directory = tempfile::tempdir().unwrap();
    let options = json!({
        "clientID": "gate:way", "clientSecret": "s3cret",
        "clientConfig": { "tokenTypeHint": "access_token", "headers": { "X-Realm": "a" } },
        "usernameClaim": "sub",
    });
    for _ in 0..3 {
        let mut plugin = plugin(endpoint.url(), &options, &directory).unwrap();
        for _ in 0..3 {
            assert_eq!(
                outcome(&mut plugin, &bearer("good-1")),
                Ok(vec![
                    Edit::RemoveHeader("Authorization".into()),
                    Edit::SetHeader("X-Forwarded-User".into(), "jane".into()),
                ])
            );
        }
        assert_eq!(
            outcome(&mut plugin, &bearer("unknown")),
            refused(401, "invalid_token")
        );
    }
    let asked: Vec<String> = endpoint
        .received()
        .iter()
        .map(|request| request.to_string().to_lowercase())
        .collect();
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(
        asked[0].ends_with("token=good-1&token_type_hint=access_token"),
        "{asked:?}"
    );
    // The header decodes to `gate%3Away:s3cret`.
    assert!(
        asked[0].contains("authorization: basic z2f0zsuzqxdhetpzm2nyzxq="),
        "{asked:?}"
    );
    assert!(asked[0].contains("x-realm: a"), "{asked:?}");
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        let shown = format!("{:?} {:?}", entry.file_name(), std::fs::read_link(entry.path()));
        assert!(!shown.contains("good-1") && !shown.contains("jane"), "{shown}");
    }
}

#[test]
fn answers_that_are_no_word_about_the_token_never_let_it_pass() {
    for (answer, status, reason) in [
        (
            (|_| (200, r#"{"active":"true"}"#.to_owned())) as fn(&str) -> (u16, String),
            503,
            "identity_provider_unavailable",
        ),
        (|_| (200, "{}".to_owned()), 503, "identity_provider_unavailable"),
        (
            |_| (200, "<html>".to_owned()),
            503,
            "identity_provider_unavailable",
        ),
        (|_| (500, String::new()), 503, "identity_provider_unavailable"),
        (
            |_| (401, r#"{"active":true}"#.to_owned()),
            502,
            "identity_provider_refused",
        ),
        (
            |_| (200, r#"{"active":true,"exp":1}"#.to_owned()),
            401,
            "invalid_token",
        ),
        (
            |_| (200, r#"{"active":true,"exp":"soon"}"#.to_owned()),
            503,
            "identity_provider_unavailable",
        ),
        (
            |_| (200, r#"{"active":true,"nbf":-1}"#.to_owned()),
            503,
            "identity_provider_unavailable",
        ),
        (
            |_| (200, r#"{"active":true,"exp":1999999999000}"#.to_owned()),
            503,
            "identity_provider_unavailable",
        ),
        (
            |_| (200, r#"{"active":true,"iss":["https://a"]}"#.to_owned()),
            503,
            "identity_provider_unavailable",
        ),
        (
            |_| (200, r#"{"active":true,"token_type":1}"#.to_owned()),
            503,
            "identity_provider_unavailable",
        ),
        (
            |_| (200, r#"{"active":true,"exp":"1"}"#.to_owned()),
            401,
            "invalid_token",
        ),
        (
            |_| (200, r#"{"active":"true","exp":4000000000}"#.to_owned()),
            503,
            "identity_provider_unavailable",
        ),
        (
            |_| (200, r#"{"active":true,"nbf":4000000000}"#.to_owned()),
            401,
            "invalid_token",
        ),
    ] {
        let endpoint = endpoint(answer);
        let directory = tempfile::tempdir().unwrap();
        let mut plugin = plugin(endpoint.url(), &json!({}), &directory).unwrap();
        for _ in 0..2 {
            assert_eq!(outcome(&mut plugin, &bearer("good")), refused(status, reason));
        }
    }
}

#[test]
fn members_are_read_as_providers_write_them() {
    for (members, rules, passes) in [
        (r#""exp":"4000000000""#, json!({}), true),
        (r#""exp":"4000000000.5","nbf":"1","iat":"1""#, json!({}), true),
        (
            r#""exp":null,"nbf":null,"iat":null,"iss":null,"aud":null"#,
            json!({}),
            true,
        ),
        (r#""exp":null,"token_type":null,"scope":null"#, json!({}), true),
        (r#""aud":null"#, json!({"audiences": ["api"]}), false),
        (
            r#""scope":["read","write"]"#,
            json!({"requiredScopes": ["write"]}),
            true,
        ),
        (
            r#""scope":"read write""#,
            json!({"requiredScopes": ["write"]}),
            true,
        ),
        (r#""scope":null"#, json!({"requiredScopes": ["write"]}), false),
        (r#""aud":["other","api"]"#, json!({"audiences": ["api"]}), true),
        // No rule uses these members.
        (r#""aud":{"id":"api"},"scope":7"#, json!({}), true),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let endpoint = saying(members);
        let mut plugin = plugin(endpoint.url(), &rules, &directory).unwrap();
        for _ in 0..2 {
            assert_eq!(
                outcome(&mut plugin, &bearer("good")).is_ok(),
                passes,
                "{members} {rules}"
            );
        }
    }
}

#[test]
fn what_the_provider_writes_wrongly_is_its_fault_and_the_log_says_what() {
    for (members, rules, cause) in [
        (r#""exp":"soon""#, json!({}), "exp, nbf or iat that is not a time"),
        (
            r#""aud":{"id":"api"}"#,
            json!({"audiences": ["api"]}),
            "aud, scope or scp that is neither",
        ),
        (
            r#""aud":["api",1]"#,
            json!({"audiences": ["api"]}),
            "aud, scope or scp that is neither",
        ),
        (
            r#""scope":7"#,
            json!({"requiredScopes": ["a"]}),
            "aud, scope or scp that is neither",
        ),
        (
            r#""iss":7"#,
            json!({"issuers": ["https://a"]}),
            "member iss that is not text",
        ),
        (r#""typ":["ID"]"#, json!({}), "member typ that is not text"),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let endpoint = saying(members);
        let (mut plugin, log) = logging(endpoint.url(), &rules, &directory);
        assert_eq!(
            outcome(&mut plugin, &bearer("good")),
            refused(503, "identity_provider_unavailable"),
            "{members}"
        );
        let log = log.borrow().join("\n");
        let warned = log
            .lines()
            .any(|line| line.starts_with("Warn code=fetch.failed") && line.contains(cause));
        assert!(warned, "{members}: {log}");
    }
}

/// One router may accept an answer that another router cannot judge, although both ask the same question.
#[test]
fn an_answer_that_another_router_kept_is_judged_by_ones_own_rules() {
    let directory = tempfile::tempdir().unwrap();
    let endpoint = saying(r#""aud":7"#);
    let mut careless = plugin(endpoint.url(), &json!({}), &directory).unwrap();
    assert!(outcome(&mut careless, &bearer("good")).is_ok());
    let mut careful = plugin(endpoint.url(), &json!({"audiences": ["api"]}), &directory).unwrap();
    assert_eq!(
        outcome(&mut careful, &bearer("good")),
        refused(503, "identity_provider_unavailable")
    );
    assert_eq!(endpoint.take_received().len(), 2);
}

#[test]
fn an_active_token_of_another_kind_does_not_pass_and_the_log_names_the_word() {
    for (members, logged) in [
        (r#""token_type":"Bearer""#, None),
        (r#""token_type":"bearer","token_use":"access_token""#, None),
        (r#""token_type":"DPoP""#, None),
        (r#""token_type":"access_token""#, None),
        (
            r#""token_type":"urn:ietf:params:oauth:token-type:access_token""#,
            None,
        ),
        (r#""typ":"Bearer","nonce":"n""#, None),
        (
            r#""token_type":"refresh_token""#,
            Some("member=token_type value=refresh_token"),
        ),
        (
            r#""token_type":"Bearer","token_use":"refresh_token""#,
            Some("member=token_use value=refresh_token"),
        ),
        (r#""token_use":"id""#, Some("member=token_use value=id")),
        (r#""typ":"Refresh""#, Some("member=typ value=Refresh")),
        (r#""typ":"ID""#, Some("member=typ value=ID")),
        (r#""tok_type":"RT""#, Some("member=tok_type value=RT")),
        (r#""token_type":"N_A""#, Some("member=token_type value=N_A")),
        (r#""nonce":"n","at_hash":"h""#, Some("ID token")),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let endpoint = saying(members);
        let (mut plugin, log) = logging(endpoint.url(), &json!({}), &directory);
        for _ in 0..2 {
            let outcome = outcome(&mut plugin, &bearer("good")).map(drop);
            match logged {
                None => assert_eq!(outcome, Ok(()), "{members}"),
                Some(_) => assert_eq!(outcome, Err((401, "invalid_token".to_owned())), "{members}"),
            }
        }
        assert_eq!(endpoint.take_received().len(), 1, "{members}");
        let log = log.borrow().join("\n");
        let lines: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("introspection.not_access_token"))
            .collect();
        match logged {
            None => assert!(lines.is_empty(), "{members}: {log}"),
            Some(what) => {
                assert!(
                    lines.len() == 1 && lines[0].starts_with("Warn") && lines[0].contains(what),
                    "{members}: {log}"
                );
                assert!(log.contains("reason=not_access_token"), "{log}");
            }
        }
    }
}

#[test]
fn an_answer_must_fit_the_rules() {
    let endpoint = endpoint(usual);
    for (rules, expected) in [
        (json!({ "claims": "Equals(`sub`, `jane`)" }), None),
        (
            json!({ "claims": "Equals(`sub`, `joe`)" }),
            Some((403, "insufficient_scope")),
        ),
        (json!({ "requiredScopes": ["read"] }), None),
        (
            json!({ "requiredScopes": "admin" }),
            Some((403, "insufficient_scope")),
        ),
        (json!({ "audiences": ["api"] }), None),
        (json!({ "audiences": ["other"] }), Some((401, "invalid_token"))),
        (
            json!({ "issuers": ["https://identity.oraclecloud.com/"] }),
            Some((401, "invalid_token")),
        ),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let mut plugin = plugin(endpoint.url(), &rules, &directory).unwrap();
        for _ in 0..2 {
            let outcome = outcome(&mut plugin, &bearer("good")).map(drop);
            let expected = expected.map_or(Ok(()), |(status, reason)| Err((status, reason.to_owned())));
            assert_eq!(outcome, expected, "{rules}");
        }
    }
}

#[test]
fn the_token_is_looked_for_where_it_may_stand_and_taken_out_there() {
    let endpoint = endpoint(usual);
    let directory = tempfile::tempdir().unwrap();
    let removed = |name: &str| Edit::RemoveHeader(name.to_owned().into());
    let own = removed("Authorization");
    let to = |uri: &str| Edit::SetUri(uri.to_owned().into());
    let cookie = |value: &str| Edit::SetHeader("Cookie".into(), value.to_owned().into());
    let header = json!({ "header": "X-Token" });
    let scheme = json!({ "header": "Authorization", "headerAuthScheme": "Token" });
    let bare = json!({ "header": "Authorization", "headerAuthScheme": "" });
    let bare_by_default = json!({ "headerAuthScheme": "" });
    let query = json!({ "query": "token" });
    let crumb = json!({ "cookie": "session" });
    let all = json!({ "header": "X-Token", "query": "token", "cookie": "session" });
    let missing = || refused(401, "missing_token");
    let malformed = || refused(400, "invalid_request");
    for (source, request, expected) in [
        (
            &header,
            with("/", &[("X-Token", "good")]),
            Ok(vec![own.clone(), removed("X-Token")]),
        ),
        (
            &header,
            with("/", &[("X-Token", "good"), ("X-Token", "good")]),
            malformed(),
        ),
        (&header, bearer("good"), missing()),
        (
            &scheme,
            with("/", &[("Authorization", "tOKEN good")]),
            Ok(vec![own.clone()]),
        ),
        (&scheme, bearer("good"), missing()),
        (
            &bare,
            with("/", &[("Authorization", "good")]),
            Ok(vec![own.clone()]),
        ),
        (&bare, bearer("good"), malformed()),
        (
            &bare_by_default,
            with("/", &[("Authorization", "good")]),
            Ok(vec![own.clone()]),
        ),
        (
            &query,
            with("/a?x=1&token=good", &[]),
            Ok(vec![own.clone(), to("/a?x=1")]),
        ),
        (&query, with("/a?token=good&token=good", &[]), malformed()),
        (&query, with("/a", &[("Authorization", "Bearer good")]), missing()),
        (
            &crumb,
            with("/", &[("Cookie", "a=b; session=good")]),
            Ok(vec![own.clone(), cookie("a=b")]),
        ),
        (
            &crumb,
            with("/", &[("Cookie", "session=good")]),
            Ok(vec![own.clone(), removed("Cookie")]),
        ),
        (
            &crumb,
            with("/", &[("Cookie", "session=good; session=x")]),
            malformed(),
        ),
        (
            &crumb,
            with("/", &[("Cookie", "session=good"), ("Cookie", "session=x")]),
            malformed(),
        ),
        (
            &crumb,
            with("/", &[("Cookie", "other=good; xsession=good")]),
            missing(),
        ),
        (
            &all,
            with("/?token=bad", &[("X-Token", "good")]),
            Ok(vec![own.clone(), removed("X-Token"), to("/"), removed("Cookie")]),
        ),
        (
            &all,
            with("/?token=good", &[("X-Token", "bad"), ("Cookie", "session=good")]),
            refused(401, "invalid_token"),
        ),
        (&all, with("/?token=a%20b", &[]), malformed()),
        (&json!({}), bearer("a,b"), malformed()),
        (
            &json!({}),
            with(
                "/",
                &[("Authorization", "Bearer good"), ("Authorization", "Bearer good")],
            ),
            malformed(),
        ),
        (&json!({}), with("/", &[]), missing()),
        (
            &json!({}),
            bearer(&"g".repeat(20_000)),
            refused(401, "invalid_token"),
        ),
    ] {
        let options = json!({ "tokenSource": source });
        let mut plugin = plugin(endpoint.url(), &options, &directory).unwrap();
        assert_eq!(outcome(&mut plugin, &request), expected, "{source} {request:?}");
    }
}

#[test]
fn a_flood_of_unknown_tokens_costs_so_many_calls_and_known_tokens_do_not_notice() {
    let endpoint = endpoint(usual);
    let directory = tempfile::tempdir().unwrap();
    let options = json!({ "limits": { "callsPerMinute": 5 } });
    let mut plugin = plugin(endpoint.url(), &options, &directory).unwrap();
    assert!(outcome(&mut plugin, &bearer("good")).is_ok());
    let statuses: Vec<u16> = (0..100)
        .map(|token| {
            outcome(&mut plugin, &bearer(&format!("random-{token}")))
                .unwrap_err()
                .0
        })
        .collect();
    // The minute may end during the test, which allows one more round.
    let count = |wanted| statuses.iter().filter(|status| **status == wanted).count();
    assert!((4..=9).contains(&count(401)), "{statuses:?}");
    assert_eq!(count(401) + count(429), 100);
    assert!(outcome(&mut plugin, &bearer("good")).is_ok());
    assert!(endpoint.take_received().len() <= 10);
}

#[test]
fn configuration_errors_name_the_option() {
    let directory = tempfile::tempdir().unwrap();
    for (options, start) in [
        (
            json!({ "clientConfig": { "url": "" } }),
            "clientConfig.url: is required",
        ),
        (
            json!({ "clientConfig": { "url": "idcs" } }),
            "clientConfig.url: must be an absolute URL",
        ),
        (
            json!({ "clientConfig": { "headers": { "X": "{{ .Request.Host }}" } } }),
            "clientConfig.headers.X: is a Go template",
        ),
        (
            json!({ "clientConfig": { "headers": { "Host": "x" } } }),
            "clientConfig.headers.Host: is set by the plugin",
        ),
        (
            json!({ "clientID": "a", "clientSecret": "b", "clientConfig": { "headers": { "authorization": "Basic x" } } }),
            "clientConfig.headers.Authorization: cannot be combined",
        ),
        (
            json!({ "clientConfig": { "timeoutSeconds": 0 } }),
            "clientConfig.timeoutSeconds: must be",
        ),
        (
            json!({ "clientConfig": { "timeout": 1 } }),
            "clientConfig.timeout: is not an option of this plugin; did you mean `timeoutSeconds`?",
        ),
        (json!({ "clientID": "a" }), "clientSecret: is required"),
        (json!({ "clientSecret": "a" }), "clientID: is required"),
        (json!({ "maxCacheSeconds": 0 }), "maxCacheSeconds: must be"),
        (
            json!({ "limits": { "callsPerMinute": 0 } }),
            "limits.callsPerMinute: must be",
        ),
        (json!({ "audiences": "" }), "audiences: is empty"),
        (
            json!({ "requiredScopes": ["a b"] }),
            "requiredScopes[0]: is not a scope",
        ),
        (json!({ "claims": "Equals(`a`)" }), "claims: cannot be read"),
        (
            json!({ "tokenSource": { "query": "t", "headerAuthScheme": "x" } }),
            "tokenSource.headerAuthScheme: is about",
        ),
        (
            json!({ "tokenSource": { "header": "a b" } }),
            "tokenSource.header: is not a name",
        ),
        (
            json!({ "forwardHeaders": { "Host": "a" } }),
            "forwardHeaders.Host: is a header with a meaning",
        ),
    ] {
        let error = plugin("https://idcs/i", &options, &directory).err().unwrap();
        assert!(error.starts_with(start), "{options}: {error}");
    }
}

#[test]
fn what_was_said_before_the_clients_secret_changed_still_counts() {
    let endpoint = endpoint(usual);
    let directory = tempfile::tempdir().unwrap();
    let with_secret = |secret: &str| {
        let more = json!({ "clientID": "gateway", "clientSecret": secret });
        plugin(endpoint.url(), &more, &directory).unwrap()
    };
    let mut old = with_secret("old");
    for token in ["good-1", "good-2"] {
        assert!(outcome(&mut old, &bearer(token)).is_ok());
    }
    assert_eq!(endpoint.take_received().len(), 2);
    let mut new = with_secret("new");
    new.take_over(old);
    assert!(outcome(&mut new, &bearer("good-1")).is_ok());
    assert!(outcome(&mut with_secret("new"), &bearer("good-1")).is_ok());
    assert_eq!(endpoint.take_received().len(), 0);
    // An instance that never knew the old secret cannot read the old answer.
    assert!(outcome(&mut with_secret("new"), &bearer("good-2")).is_ok());
    assert_eq!(endpoint.take_received().len(), 1);
}
