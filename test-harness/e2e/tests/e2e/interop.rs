//! The plugins with a certified authorization server that we did not write. In some respects it is stricter than IDCS.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::time::Duration;

use harness::client::{Client, Response};
use harness::gateway::{Gateway, JWT, OAUTH_CLIENT_CREDENTIALS, OAUTH_INTROSPECTION};
use harness::interop::{
    AuthorizationServer, CLIENT, DEVICE_CLIENT, InteropError, MAC_CLIENT, OPAQUE_RESOURCE, RESOURCE, SCOPE,
    SIGNING_CLIENT,
};
use harness::keys::SigningKey;
use harness_build::guests::Guest;
use serde_json::{Value, json};

use crate::support::Deadline;
use crate::support::tool::login;

const KEY: &str = "only for tests, at least 32 characters long";

#[test]
fn a_certified_authorization_server_is_understood_in_every_grant() {
    let Some(server) = server(3, &SigningKey::p256()) else {
        return;
    };
    // One route uses `jwt` and the token of the client itself. The other route uses a user's token, without a
    // middleware before it.
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
    let caller = caller_token(&server, RESOURCE);
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
    // If SSL_CERT_FILE is set on this machine, the login trusts other authorities than the gateway and does not clear
    // the gateway's failure. The gateway then checks again after two seconds.
    let noticed = Deadline::after(Duration::from_secs(10));
    while ask().status == 503 {
        noticed.pause("the login is noticed");
    }
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

#[test]
fn a_certified_authorization_server_is_asked_about_opaque_tokens_and_takes_the_gateways_assertions() {
    let key = SigningKey::p256().with_kid("gateway-key");
    let Some(server) = server(60, &key) else {
        return;
    };
    let introspection = json!({ "plugin": { OAUTH_INTROSPECTION: {
        "clientConfig": { "url": server.introspection_url() },
        "clientID": CLIENT.0,
        "clientSecret": CLIENT.1,
        "issuers": [server.url()],
        "audiences": [OPAQUE_RESOURCE],
        "requiredScopes": [SCOPE],
        "usernameClaim": "client_id",
        "maxCacheSeconds": 1,
    }}});
    let proven = |client: &str, method: &str, secret: Option<&str>, assertion: Value| {
        json!({ "plugin": { OAUTH_CLIENT_CREDENTIALS: {
            "url": server.token_url(),
            "clientID": client,
            "clientSecret": secret,
            "tokenEndpointAuthMethod": method,
            "clientAssertion": assertion,
            "scopes": [SCOPE],
            "usernameClaim": "sub",
        }}})
    };
    let audience = server.url();
    let router =
        |name: &str| json!({ "rule": format!("Path(`/{name}`)"), "middlewares": [name], "service": "oic" });
    let gateway = Gateway::builder()
        .plugin(OAUTH_INTROSPECTION, Guest::OAUTH_INTROSPECTION)
        .http(json!({
            "routers": { "opaque": router("opaque"), "key": router("key"), "secret": router("secret") },
            "middlewares": {
                "opaque": introspection,
                "key": proven(
                    SIGNING_CLIENT,
                    "private_key_jwt",
                    None,
                    json!({ "key": key.private_pem(), "keyId": "gateway-key", "audience": audience }),
                ),
                "secret": proven(
                    MAC_CLIENT.0,
                    "client_secret_jwt",
                    Some(MAC_CLIENT.1),
                    json!({ "audience": audience }),
                ),
            },
        }))
        .start();
    gateway.oic.set(|switches| switches.strict = false);
    let user = || {
        let seen = gateway.oic.last_request().unwrap();
        seen.header("x-forwarded-user").unwrap_or_default().to_owned()
    };

    for (path, client) in [("/key", SIGNING_CLIENT), ("/secret", MAC_CLIENT.0)] {
        let answer = gateway.get(path).send().unwrap();
        assert_eq!(answer.status, 200, "{}\n{}", answer.text(), gateway.traefik.log());
        assert_eq!(user(), client);
    }

    let token = caller_token(&server, OPAQUE_RESOURCE);
    assert!(!token.contains('.'), "opaque");
    let ask = |token: &str| gateway.get("/opaque").bearer(token).send().unwrap();
    let answer = ask(&token);
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), gateway.traefik.log());
    assert_eq!(user(), CLIENT.0);
    let reached = gateway.oic.requests_count();
    for refused in ["never-seen", &caller_token(&server, RESOURCE)] {
        assert_eq!(ask(refused).status, 401, "{refused}");
    }
    assert_eq!(gateway.oic.requests_count(), reached);
    let revoked = Client::plain()
        .post(&server.revocation_url())
        .client_basic(CLIENT.0, CLIENT.1)
        .form(&[("token", token.as_str())])
        .send()
        .unwrap();
    assert_eq!(revoked.status, 200, "{}", revoked.text());
    let deadline = Deadline::after(Duration::from_secs(10));
    while ask(&token).status != 401 {
        deadline.pause("the revocation is noticed");
    }
}

/// Starts the server. If it cannot run here, prints a warning and returns `None`.
fn server(access_token_seconds: u32, signer: &SigningKey) -> Option<AuthorizationServer> {
    match AuthorizationServer::start(access_token_seconds, signer) {
        Ok(server) => Some(server),
        Err(InteropError::NoNode(why)) => {
            eprintln!("NOT RUN: interoperability with a certified authorization server. {why}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn caller_token(server: &AuthorizationServer, resource: &str) -> String {
    let answer: Response = Client::plain()
        .post(&server.token_url())
        .client_basic(CLIENT.0, CLIENT.1)
        .form(&[
            ("grant_type", "client_credentials"),
            ("scope", SCOPE),
            ("resource", resource),
        ])
        .send()
        .unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

fn log_in(server: &AuthorizationServer, gateway: &Gateway) {
    let (url, device_url, state) = (server.token_url(), server.device_url(), gateway.state());
    // This server grants `offline_access` only together with `openid`.
    let arguments: [(&str, &OsStr); 6] = [
        ("--url", url.as_ref()),
        ("--device-url", device_url.as_ref()),
        ("--client-id", DEVICE_CLIENT.as_ref()),
        ("--scope", "openid".as_ref()),
        ("--scope", SCOPE.as_ref()),
        ("--state-directory", state.as_ref()),
    ];
    let arguments = arguments
        .iter()
        .flat_map(|(name, value)| [OsStr::new(name), value]);
    let (good, said) = login(arguments, KEY, |_, code| {
        let allowed = Client::plain()
            .post(&server.allow_url(code, "jane"))
            .send()
            .unwrap();
        assert_eq!(allowed.status, 200, "{}", allowed.text());
    });
    assert!(good && said.contains("allowed by jane"), "{said}");
}
