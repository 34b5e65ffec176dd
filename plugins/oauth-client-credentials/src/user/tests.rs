//! Tests against a small token endpoint that rotates refresh tokens, or misbehaves.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Mutex;

use egress::platform::Native;
use middleware::{Decision, Edit, Middleware, Reply, Secret};
use test_doubles::{Endpoint, Received, Request, decide};

use crate::OAuthClientCredentials;

/// The status and body for the received refresh token, or no answer at all.
type Answer = Option<(u16, String)>;

fn token_endpoint(answer: impl Fn(&str) -> Answer + Send + 'static) -> Endpoint {
    Endpoint::start(move |request| answer(&request.form()["refresh_token"]))
}

/// The received refresh tokens, in order.
fn refresh_tokens(endpoint: &Endpoint) -> Vec<String> {
    let token = |request: &Received| request.form()["refresh_token"].clone();
    endpoint.received().iter().map(token).collect()
}

fn tokens(access_token: &str, seconds: f32, refresh_token: &str) -> Answer {
    let body = format!(
        r#"{{"access_token":"{access_token}","token_type":"Bearer","expires_in":{seconds},"refresh_token":"{refresh_token}"}}"#
    );
    Some((200, body))
}

fn invalid_grant() -> Answer {
    Some((400, r#"{"error":"invalid_grant"}"#.to_owned()))
}

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// A plugin for this endpoint, and its log.
fn plugin_with(
    url: &str,
    directory: &Path,
    more: &str,
) -> Result<(OAuthClientCredentials, Rc<RefCell<String>>), String> {
    let log = Rc::new(RefCell::new(String::new()));
    let lines = Rc::clone(&log);
    let platform = Rc::new(Native::new(directory, move |event| {
        lines.borrow_mut().push_str(event.line());
        lines.borrow_mut().push('\n');
    }));
    let config = format!(r#"{{"url":"{url}","clientID":"app","scopes":["offline_access","b a"]{more}}}"#);
    OAuthClientCredentials::new(config.as_bytes(), platform)
        .map(|plugin| (plugin, log))
        .map_err(|error| error.to_string())
}

fn plugin(url: &str, directory: &Path) -> (OAuthClientCredentials, Rc<RefCell<String>>) {
    let more = format!(r#","grant":"refreshToken","refreshTokenKey":"{KEY}""#);
    plugin_with(url, directory, &more).unwrap()
}

fn logged_in(url: &str, directory: &Path) -> (OAuthClientCredentials, Rc<RefCell<String>>) {
    let (mut plugin, log) = plugin(url, directory);
    assert!(plugin.put_refresh_token(&Secret::new("r1")).unwrap());
    (plugin, log)
}

/// The access token that a request is forwarded with.
fn access_token(plugin: &mut OAuthClientCredentials) -> Result<String, Reply> {
    match decide(plugin, &Request::get("/")) {
        Decision::Reply(reply) => Err(reply),
        Decision::Forward(edits) => match edits.iter().next() {
            Some(Edit::SetHeader(_, value)) => Ok(value.to_string()),
            other => panic!("{other:?}"),
        },
    }
}

fn reason(plugin: &mut OAuthClientCredentials) -> String {
    let reply = access_token(plugin).unwrap_err();
    assert_eq!(reply.status, 503);
    let body = String::from_utf8(reply.body).unwrap();
    let (_, rest) = body.split_once(r#""reason":""#).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// Ends the pause after a failure.
fn forget_failure(directory: &Path) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "fail") {
            std::fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn every_refresh_token_is_used_once_whoever_needs_the_next_access_token() {
    let endpoint = token_endpoint(|token| {
        let number = token.trim_start_matches(|c: char| !c.is_ascii_digit());
        let number: u32 = number.parse().unwrap();
        tokens(
            &format!("a{number}"),
            0.05,
            &format!("refresh-token-{}", number + 1),
        )
    });
    let directory = tempfile::tempdir().unwrap();
    let (mut first, _) = logged_in(endpoint.url(), directory.path());
    let (mut second, _) = plugin(endpoint.url(), directory.path());
    while refresh_tokens(&endpoint).len() < 6 {
        for plugin in [&mut first, &mut second] {
            // A token with such a short lifetime may expire before it is used.
            let _ = access_token(plugin);
        }
    }
    let refresh_tokens = refresh_tokens(&endpoint);
    assert_eq!(refresh_tokens[0], "r1");
    let expected: Vec<String> = (2..=6).map(|number| format!("refresh-token-{number}")).collect();
    assert_eq!(refresh_tokens[1..6], expected);
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let content = std::fs::read_link(entry.unwrap().path()).unwrap();
        assert!(!content.to_string_lossy().contains("refresh-token"));
    }
}

#[test]
fn a_public_client_names_itself_and_a_confidential_one_proves_itself() {
    let endpoint = token_endpoint(|_| tokens("a", 3600.0, "r2"));
    for (more, in_body, header) in [
        ("", true, false),
        (r#","clientSecret":"s3cret""#, false, true),
        (
            r#","clientSecret":"s3cret","tokenEndpointAuthMethod":"client_secret_post""#,
            true,
            false,
        ),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let more = format!(r#"{more},"grant":"refreshToken","refreshTokenKey":"{KEY}""#);
        let (mut plugin, _) = plugin_with(endpoint.url(), directory.path(), &more).unwrap();
        plugin.put_refresh_token(&Secret::new("r1")).unwrap();
        assert_eq!(access_token(&mut plugin).unwrap(), "Bearer a");
        let request = endpoint.received().last().unwrap().to_string().to_lowercase();
        assert!(request.contains("grant_type=refresh_token&"), "{request}");
        assert!(!request.contains("scope="), "{request}");
        assert_eq!(request.contains("client_id=app"), in_body, "{request}");
        assert_eq!(request.contains("\r\nauthorization: basic "), header, "{request}");
    }
}

#[test]
fn a_grant_that_is_refused_is_lost_until_the_next_login_and_nobody_is_asked_meanwhile() {
    let endpoint = token_endpoint(|token| match token {
        "r1" => invalid_grant(),
        _ => tokens("a", 3600.0, "r3"),
    });
    let directory = tempfile::tempdir().unwrap();
    let (mut plugin, log) = logged_in(endpoint.url(), directory.path());
    for _ in 0..3 {
        assert_eq!(reason(&mut plugin), "user_grant_lost");
        forget_failure(directory.path());
    }
    let (mut other, _) = self::plugin(endpoint.url(), directory.path());
    assert_eq!(reason(&mut other), "user_grant_lost");
    assert_eq!(refresh_tokens(&endpoint), ["r1"]);
    assert_eq!(
        log.borrow().matches("code=grant.lost").count(),
        1,
        "{}",
        log.borrow()
    );

    let (mut login, _) = self::plugin(endpoint.url(), directory.path());
    login.put_refresh_token(&Secret::new("r2")).unwrap();
    for plugin in [&mut plugin, &mut other] {
        assert_eq!(access_token(plugin).unwrap(), "Bearer a");
    }
    assert_eq!(refresh_tokens(&endpoint), ["r1", "r2"]);
}

#[test]
fn without_a_login_nobody_is_asked() {
    let endpoint = token_endpoint(|_| tokens("a", 3600.0, "r2"));
    let directory = tempfile::tempdir().unwrap();
    let (mut plugin, log) = plugin(endpoint.url(), directory.path());
    assert_eq!(reason(&mut plugin), "user_grant_lost");
    assert!(
        log.borrow().contains("run oic-gateway login with the same url"),
        "{}",
        log.borrow()
    );
    assert_eq!(refresh_tokens(&endpoint).len(), 0);
}

#[test]
fn a_new_login_puts_an_end_to_the_old_users_access_token() {
    let endpoint = token_endpoint(|token| tokens(&format!("of-{token}"), 3600.0, "next"));
    let directory = tempfile::tempdir().unwrap();
    let (mut plugin, _) = logged_in(endpoint.url(), directory.path());
    assert_eq!(access_token(&mut plugin).unwrap(), "Bearer of-r1");
    let (mut login, _) = self::plugin(endpoint.url(), directory.path());
    login.put_refresh_token(&Secret::new("other-user")).unwrap();
    let (mut late, _) = self::plugin(endpoint.url(), directory.path());
    assert_eq!(access_token(&mut late).unwrap(), "Bearer of-other-user");
}

#[test]
fn a_call_without_an_answer_is_not_repeated_at_once_and_the_refresh_token_is_kept() {
    let calls = Mutex::new(0);
    let endpoint = token_endpoint(move |_| {
        let mut calls = calls.lock().unwrap();
        *calls += 1;
        match *calls {
            1 => None,
            2 => Some((503, "<html>".to_owned())),
            _ => tokens("a", 3600.0, "r2"),
        }
    });
    let directory = tempfile::tempdir().unwrap();
    let (mut plugin, _) = logged_in(endpoint.url(), directory.path());
    for calls in [1, 2] {
        assert_eq!(reason(&mut plugin), "identity_provider_unavailable");
        assert_eq!(refresh_tokens(&endpoint).len(), calls);
        forget_failure(directory.path());
    }
    assert_eq!(access_token(&mut plugin).unwrap(), "Bearer a");
    assert_eq!(refresh_tokens(&endpoint), ["r1", "r1", "r1"]);
}

#[test]
fn the_next_refresh_token_counts_even_where_the_access_token_cannot_be_used() {
    let endpoint = token_endpoint(|token| match token {
        "r1" => tokens("two words", 3600.0, "r2"),
        _ => tokens("a", 3600.0, "r3"),
    });
    let directory = tempfile::tempdir().unwrap();
    let (mut plugin, _) = logged_in(endpoint.url(), directory.path());
    assert_eq!(reason(&mut plugin), "identity_provider_unavailable");
    forget_failure(directory.path());
    assert_eq!(access_token(&mut plugin).unwrap(), "Bearer a");
    assert_eq!(refresh_tokens(&endpoint), ["r1", "r2"]);
}

#[test]
fn a_provider_that_does_not_rotate_keeps_its_refresh_token() {
    let endpoint = token_endpoint(|_| {
        Some((
            200,
            r#"{"access_token":"a","token_type":"Bearer","expires_in":0.05}"#.to_owned(),
        ))
    });
    let directory = tempfile::tempdir().unwrap();
    let (mut plugin, _) = logged_in(endpoint.url(), directory.path());
    while refresh_tokens(&endpoint).len() < 3 {
        let _ = access_token(&mut plugin);
    }
    assert_eq!(refresh_tokens(&endpoint)[..3], ["r1", "r1", "r1"]);
}

#[test]
fn an_access_token_whose_refresh_token_could_not_be_written_is_not_used() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_owned();
    let endpoint = token_endpoint(move |_| {
        std::fs::remove_dir_all(&path).unwrap();
        tokens("a", 3600.0, "r2")
    });
    let (mut plugin, log) = logged_in(endpoint.url(), directory.path());
    assert_eq!(reason(&mut plugin), "user_grant_lost");
    assert!(log.borrow().contains("code=grant.not_stored"), "{}", log.borrow());
    assert!(!log.borrow().contains("r2"));
}

#[test]
fn options_that_do_not_go_together_are_refused() {
    let grant = r#","grant":"refreshToken""#;
    let key = format!(r#","refreshTokenKey":"{KEY}""#);
    for (more, start) in [
        (
            r#","grant":"password","clientSecret":"s""#.to_owned(),
            "grant: must be",
        ),
        (grant.to_owned(), "refreshTokenKey: is required"),
        (
            format!(r#"{grant},"refreshTokenKey":"short""#),
            "refreshTokenKey: must have at least 32 characters",
        ),
        (
            format!(r#"{key},"clientSecret":"s""#),
            "refreshTokenKey: is of use with",
        ),
        (
            format!(r#"{grant}{key},"tokenEndpointAuthMethod":"client_secret_post""#),
            "clientSecret: is required",
        ),
        (
            format!(r#"{grant}{key},"endpointParams":{{"refresh_token":"x"}}"#),
            "endpointParams.refresh_token: has an option of its own",
        ),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let error = plugin_with("https://idcs/t", directory.path(), &more)
            .err()
            .unwrap();
        assert!(error.starts_with(start), "{more}: {error}");
    }
}

#[test]
fn a_login_with_the_new_key_first_makes_the_change_of_keys_free_and_the_old_one_stays() {
    let endpoint = token_endpoint(|token| {
        let user = token.trim_end_matches(|c: char| c.is_ascii_digit());
        tokens(&format!("token-of-{user}"), 3600.0, &format!("{user}2"))
    });
    let directory = tempfile::tempdir().unwrap();
    let with_key = |key: &str| {
        let more = format!(r#","grant":"refreshToken","refreshTokenKey":"{key}""#);
        plugin_with(endpoint.url(), directory.path(), &more).unwrap().0
    };
    let new_key = "fedcba9876543210fedcba9876543210";
    let mut old = with_key(KEY);
    old.put_refresh_token(&Secret::new("jane")).unwrap();
    assert_eq!(access_token(&mut old).unwrap(), "Bearer token-of-jane");

    // With another key, neither the login nor its access token can be found.
    let mut new = with_key(new_key);
    new.take_over(old);
    assert_eq!(reason(&mut new), "user_grant_lost");
    assert_eq!(access_token(&mut with_key(KEY)).unwrap(), "Bearer token-of-jane");

    with_key(new_key).put_refresh_token(&Secret::new("joe")).unwrap();
    let mut new = with_key(new_key);
    new.take_over(with_key(KEY));
    assert_eq!(access_token(&mut new).unwrap(), "Bearer token-of-joe");
    assert_eq!(access_token(&mut with_key(KEY)).unwrap(), "Bearer token-of-jane");
}

#[test]
fn a_refused_client_secret_does_not_hold_up_the_next_one() {
    let endpoint = token_endpoint(|_| Some((401, r#"{"error":"invalid_client"}"#.to_owned())));
    let directory = tempfile::tempdir().unwrap();
    let with_secret = |secret: &str| {
        let more = format!(r#","clientSecret":"{secret}","grant":"refreshToken","refreshTokenKey":"{KEY}""#);
        plugin_with(endpoint.url(), directory.path(), &more).unwrap().0
    };
    let mut old = with_secret("old");
    old.put_refresh_token(&Secret::new("r1")).unwrap();
    for (secret, calls) in [("old", 1), ("old", 1), ("new", 2), ("new", 2)] {
        assert_eq!(access_token(&mut with_secret(secret)).unwrap_err().status, 502);
        assert_eq!(refresh_tokens(&endpoint).len(), calls, "{secret}");
    }
}
