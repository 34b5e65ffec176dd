//! The plugins with a certified authorization server of somebody else's, which is stricter than IDCS in places.

use std::collections::HashSet;
use std::time::Duration;

use middleware::SecretRef;
use serde_json::json;
use test_harness::client::{Client, Response};
use test_harness::device_login::{Login, Request};
use test_harness::gateway::{Gateway, JWT, OAUTH_CLIENT_CREDENTIALS};
use test_harness::interop::{AuthorizationServer, CLIENT, DEVICE_CLIENT, InteropError, RESOURCE, SCOPE};

use crate::support::Deadline;

const KEY: &str = "only for tests, at least 32 characters long";

#[test]
fn a_certified_authorization_server_is_understood_in_every_grant() {
    let server = match AuthorizationServer::start(3) {
        Ok(server) => server,
        Err(InteropError::NoNode(why)) => {
            eprintln!("NOT RUN: interoperability with a certified authorization server. {why}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    // `jwt` before the client's own token; a user's token on a path of its own, with nothing before it.
    let user = json!({ "plugin": { OAUTH_CLIENT_CREDENTIALS: {
        "grant": "refreshToken",
        "refreshTokenKey": KEY,
        "url": server.token_url(),
        "clientID": DEVICE_CLIENT,
        "scopes": ["openid", SCOPE],
        "usernameClaim": "sub",
    }}});
    let gateway = Gateway::builder()
        .jwt(json!({
            "jwksUrl": server.jwks_url(),
            "issuers": [server.url()],
            "audiences": [RESOURCE],
            "requiredScopes": [SCOPE],
        }))
        .oauth(json!({
            "url": server.token_url(),
            "clientID": CLIENT.0,
            "clientSecret": CLIENT.1,
            "scopes": [SCOPE],
            "usernameClaim": "sub",
        }))
        .http(json!({
            "routers": { "user": { "rule": "Path(`/user`)", "middlewares": ["user"], "service": "oic" } },
            "middlewares": { "user": user },
        }))
        .start();
    gateway.oic.set(|switches| switches.strict = false);
    let seen = |name: &str| {
        gateway
            .oic
            .last_request()
            .unwrap()
            .header(name)
            .unwrap_or_default()
            .to_owned()
    };

    // Client credentials and JWKS.
    let caller = caller_token(&server);
    let answer = gateway.get("/echo").bearer(&caller).send().unwrap();
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), gateway.traefik.log());
    assert_eq!(seen("x-forwarded-user"), CLIENT.0);
    let reached = gateway.oic.requests_count();
    let forged = format!(
        "{}x",
        caller.trim_end_matches(|c: char| c.is_ascii_alphanumeric())
    );
    for refused in [gateway.get("/echo"), gateway.get("/echo").bearer(&forged)] {
        assert_eq!(refused.send().unwrap().status, 401, "{JWT}");
    }
    assert_eq!(gateway.oic.requests_count(), reached);

    // Device flow and rotating refresh tokens.
    let ask = || gateway.get("/user").send().unwrap();
    assert_eq!(
        (ask().status, ask().json()["reason"].as_str()),
        (503, Some("user_grant_lost"))
    );
    log_in(&server, &gateway);
    let mut tokens = HashSet::new();
    let deadline = Deadline::after(Duration::from_secs(60));
    while tokens.len() < 3 {
        let answer = ask();
        assert_eq!(answer.status, 200, "{}\n{}", answer.text(), gateway.traefik.log());
        assert_eq!(seen("x-forwarded-user"), "jane");
        tokens.insert(seen("authorization"));
        deadline.pause("refreshes");
    }
}

fn caller_token(server: &AuthorizationServer) -> String {
    let answer: Response = Client::plain()
        .post(&server.token_url())
        .client_basic(CLIENT.0, CLIENT.1)
        .form(&[("grant_type", "client_credentials"), ("scope", SCOPE)])
        .send()
        .unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

fn log_in(server: &AuthorizationServer, gateway: &Gateway) {
    let request = Request {
        url: server.token_url(),
        device_url: Some(server.device_url()),
        client_id: DEVICE_CLIENT.to_owned(),
        client_secret: None,
        // `offline_access` counts only beside `openid` here.
        scopes: vec!["openid".to_owned(), SCOPE.to_owned()],
        key: SecretRef::new(KEY),
        ca: None,
    };
    let login = Login::prepare(request, gateway.state(), |_| {}).unwrap();
    let code = login.start().unwrap();
    let allowed = Client::plain()
        .post(&server.allow_url(&code.user_code, "jane"))
        .send()
        .unwrap();
    assert_eq!(allowed.status, 200, "{}", allowed.text());
    assert_eq!(
        login.finish(&code, &mut |_| true).unwrap().as_deref(),
        Some("jane")
    );
}
