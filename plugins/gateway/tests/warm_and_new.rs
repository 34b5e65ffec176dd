//! The short way of the usual request and the long way of the others decide alike.
//!
//! An instance that has seen a token, and has keys and a token of its own, takes the short way. A new instance takes the
//! long way for its first request. Whatever the options and the request, both must decide the same. A decision is
//! nothing but data until the guest carries it out, so the way that was left has changed nothing.

use std::cell::RefCell;
use std::rc::Rc;

use egress::Platform;
use egress::platform::Native;
use gateway_plugin::Gateway;
use jwt_simple::prelude::*;
use middleware::{Decision, Middleware};
use serde_json::{Value, json};
use test_doubles::{Endpoint, Request, decide};

const SECRET: &str = "a secret of 32 bytes or even more";

/// Chooses at random, in the same way each time.
struct Choice(u64);

impl Choice {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 33).unwrap() % count
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

fn token(secret: &str, user: &str, more: Value) -> String {
    let claims = Claims::with_custom_claims(more, Duration::from_mins(5))
        .with_issuer("https://idcs")
        .with_subject(user);
    HS256Key::from_bytes(secret.as_bytes())
        .authenticate(claims)
        .unwrap()
}

fn tokens() -> Vec<String> {
    let expired = {
        let mut claims = Claims::create(Duration::from_mins(5)).with_issuer("https://idcs");
        claims.expires_at = Some(UnixTimeStamp::from_secs(1_700_000_000));
        HS256Key::from_bytes(SECRET.as_bytes())
            .authenticate(claims)
            .unwrap()
    };
    let good = token(SECRET, "jane", json!({ "scope": "read write" }));
    vec![
        token(SECRET, "joe", json!({ "scope": "read" })),
        token(SECRET, "jörg", json!({ "scope": "write", "grp": ["a", "b"] })),
        good.clone(),
        token("another secret of 32 bytes or more", "jane", json!({})),
        expired,
        format!("{good}="),
        good[..good.len() - 1].to_owned(),
        "a.b.c".to_owned(),
        "x".repeat(20_000),
        String::new(),
    ]
}

fn options(choice: &mut Choice, endpoint: &Endpoint) -> Value {
    let mut jwt = json!({ "signingSecret": SECRET, "algorithms": "HS256", "issuers": ["https://idcs"] });
    let rules = json!([
        { "path": "/echo/admin/**", "anyScope": ["write"] },
        { "path": "/echo/*", "methods": ["GET"], "anyScope": ["read", "write"] },
        { "path": "/echo/**", "anyToken": true },
    ]);
    for (option, value) in [
        ("authorize", rules),
        ("forwardHeaders", json!({ "X-User": "sub", "X-Group": "grp" })),
        ("tokenKey", json!("token")),
        ("forwardAuthorization", json!(true)),
        ("tokenHeader", json!("X-Token")),
    ] {
        if choice.one_in(4) {
            jwt[option] = value;
        }
    }
    let rewrite = *choice.of(&[
        (
            "^/echo(/.*)?$",
            "/ic/api/integration/v2/flows/rest/project/P/I/1.0$1",
        ),
        ("^/echo(.*)", "/ic$1"),
        ("^/(echo|other)/(a?)(.*)$", "/ic/$3/$2"),
        ("/", "/x/"),
    ]);
    let mut options = json!({ "jwt": jwt });
    if !choice.one_in(4) {
        options["pathRewrite"] = json!({ "regex": rewrite.0, "replacement": rewrite.1 });
    }
    if !choice.one_in(4) {
        options["oAuthClientCredentials"] =
            json!({ "url": endpoint.url(), "clientID": "app", "clientSecret": "s3cret" });
        if choice.one_in(4) {
            options["oAuthClientCredentials"]["forwardHeaders"] = json!({ "X_User": "sub" });
        }
    }
    options
}

fn request(choice: &mut Choice, tokens: &[String]) -> (Request, String) {
    let path = *choice.of(&[
        "/echo",
        "/echo/hello",
        "/echo/admin/x",
        "/echo/a/b-c_d~e.f",
        "/ECHO/hello",
        "/other",
        "/echo/%20x",
        "/echo/a%2Fb",
        "/echo/%2e%2e/x",
        "/echo//x",
        "/echo/../x",
        "/echo/.x/..",
        "/echo/m%C3%BCller",
        "/echo/a;b",
        "/echo/a(b)",
        "/echo/é",
        "/",
    ]);
    // Half of the requests have one of the three good tokens.
    let token = match choice.one_in(2) {
        true => choice.of(tokens),
        false => choice.of(&tokens[..3]),
    };
    let query = choice
        .of(&[
            "",
            "",
            "?",
            "?a=1&b=%zz",
            "?a b",
            "?token=x&c=d",
            "?token=TOKEN&c=d",
            "?\u{fc}=1",
        ])
        .replace("TOKEN", token);
    let method = *choice.of(&["GET", "GET", "GET", "GET", "POST", "get"]);
    let uri = format!("{path}{query}");
    let mut request = Request::new(method, &uri).with_body("");
    let name = *choice.of(&[
        "Authorization",
        "Authorization",
        "Authorization",
        "Authorization",
        "X-Token",
    ]);
    let form = *choice.of(&[
        "Bearer TOKEN",
        "Bearer TOKEN",
        "Bearer TOKEN",
        "Bearer TOKEN",
        "bearer   TOKEN ",
        "Basic TOKEN",
        "TOKEN",
    ]);
    let mut shown = format!("{method} {uri} {name}: {form} ({} bytes)", token.len());
    request = request.with_header(name, form.replace("TOKEN", token));
    for (name, value) in [
        ("Authorization", "Bearer a.b.c"),
        ("Connection", "close, X-User"),
        ("Connection", "keep-alive"),
        ("Connection", "Authorization"),
        ("X-HTTP-Method-Override", "PUT"),
        ("x_user", "admin"),
        ("X-User", "admin"),
        ("X-Replaced-Path", "/forged"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ] {
        if choice.one_in(15) {
            shown.push_str(&format!(" {name}: {value}"));
            request = request.with_header(name, value);
        }
    }
    (request, shown)
}

thread_local! {
    /// The state directory.
    static DIRECTORY: RefCell<String> = RefCell::default();
}

fn platform() -> Rc<dyn Platform> {
    Rc::new(Native::new(DIRECTORY.with_borrow(|path| path.clone()), |_| {}))
}

#[test]
fn a_request_is_decided_alike_by_an_instance_that_knows_its_token_and_by_a_new_one() {
    let endpoint = Endpoint::answering(200, r#"{"access_token":"the.gateways-token","expires_in":3600}"#);
    let directory = tempfile::tempdir().unwrap();
    DIRECTORY.set(directory.path().to_str().unwrap().to_owned());
    let (tokens, mut choice) = (tokens(), Choice(1));
    let (mut forwarded, mut refused) = (0, 0);
    for _ in 0..30 {
        let options = options(&mut choice, &endpoint).to_string();
        let new = || Gateway::new(options.as_bytes(), platform).unwrap();
        let mut warm = new();
        for _ in 0..40 {
            let (request, shown) = request(&mut choice, &tokens);
            let first = decide(&mut warm, &request);
            let again = decide(&mut warm, &request);
            let expected = decide(&mut new(), &request);
            assert_eq!(again, expected, "{shown}\n{options}");
            assert_eq!(first, expected, "{shown}\n{options}");
            match expected {
                Decision::Forward(_) => forwarded += 1,
                Decision::Reply(_) => refused += 1,
            }
        }
    }
    assert!(forwarded > 200 && refused > 200, "{forwarded} {refused}");
    assert_eq!(endpoint.received().len(), 1, "one fetch is enough for all");
}
