//! `oAuthIntrospection`: the gateway asks the provider about each token, but not often.

use std::time::Duration;

use harness::certificates::CertificateAuthority;
use harness::client::Response;
use harness::faults::Fault;
use harness::gateway::{Gateway, OAUTH_INTROSPECTION};
use harness::idcs::{Application, Endpoint, Idcs};
use harness::load::{Load, get_with_bearer};
use harness::merge::merge;
use harness::oic::Oic;
use harness_build::guests::Guest;
use serde_json::{Value, json};

use crate::support::{Deadline, assert_reason, assert_served};

const SECRET: &str = "gate:way+%ü";

/// Starts a gateway with a router `/<name>` for each of these options. The backend accepts everything, so that the test
/// can see what reaches it.
fn gateway(routers: &[(&str, Value)]) -> Gateway {
    let idcs = Idcs::start();
    idcs.register(Application::new("introspector", SECRET).introspecting());
    idcs.register(Application::new("powerless", SECRET));
    let (mut http, ca) = (json!({}), CertificateAuthority::shared().ca_pem());
    for (name, patch) in routers {
        let mut options = json!({
            "clientConfig": { "url": idcs.introspect_url(), "tls": { "ca": ca } },
            "clientID": "introspector",
            "clientSecret": SECRET,
        });
        merge(&mut options, patch);
        http["middlewares"][name] = json!({ "plugin": { OAUTH_INTROSPECTION: options } });
        http["routers"][name] =
            json!({ "rule": format!("Path(`/{name}`)"), "middlewares": [name], "service": "oic" });
    }
    Gateway::in_front_of(idcs)
        .oic(|idcs| Oic::builder(idcs).strict(false).start())
        .plugin(OAUTH_INTROSPECTION, Guest::OAUTH_INTROSPECTION)
        .http(http)
        .start()
}

fn jane(idcs: &Idcs) -> String {
    let exp = idcs.clock().now() + 3600;
    idcs.opaque_token(&json!({ "sub": "jane", "scope": "read write", "exp": exp, "iss": idcs.issuer() }))
}

#[track_caller]
fn assert_refused(answer: &Response, status: u16, reason: &str) {
    let shown = format!("{} {:?} {}", answer.status, answer.headers, answer.text());
    assert_reason(answer, status, reason, &shown);
    assert_eq!(
        answer.header("www-authenticate").is_some(),
        [400, 401, 403].contains(&status),
        "{shown}"
    );
}

#[test]
fn opaque_tokens_pass_while_the_provider_says_so_and_cost_one_call_for_all_their_requests() {
    let gateway = gateway(&[
        (
            "usual",
            json!({ "usernameClaim": "sub", "forwardHeaders": { "X-Scope": "scope" }, "requiredScopes": ["read"] }),
        ),
        ("soon", json!({ "maxCacheSeconds": 2 })),
        (
            "elsewhere",
            json!({ "tokenSource": { "query": "token", "cookie": "session" } }),
        ),
        ("admins", json!({ "requiredScopes": ["admin"] })),
        ("joes", json!({ "claims": "Equals(`sub`, `joe`)" })),
    ]);
    let token = jane(&gateway.idcs);
    let answer = gateway
        .get("/usual")
        .bearer(&token)
        .header("x-forwarded-user", "root")
        .send()
        .unwrap();
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), gateway.traefik.log());
    let seen = gateway.oic.last_request().unwrap();
    assert_eq!(
        (seen.header("x-forwarded-user"), seen.header("x-scope")),
        (Some("jane"), Some("read write"))
    );
    assert_eq!(seen.header("authorization"), None);
    let report = {
        let token = token.clone();
        Load::to(&gateway.traefik.url())
            .requests(1000)
            .concurrency(16)
            .run(move |_| get_with_bearer("/usual", &token))
    };
    assert!(report.all_have_status(200), "{report}");
    assert_eq!(gateway.idcs.introspect_calls(), 1);

    // The same token in other places and with other rules.
    let in_query = gateway
        .get(&format!("/elsewhere?a=b&token={token}"))
        .send()
        .unwrap();
    assert_eq!(
        (in_query.status, in_query.header("x-seen-uri")),
        (200, Some("/elsewhere?a=b"))
    );
    let cookies = format!("a=b; session={token}");
    let in_cookie = gateway
        .get("/elsewhere")
        .header("cookie", &cookies)
        .send()
        .unwrap();
    assert_eq!(in_cookie.status, 200);
    assert_eq!(gateway.oic.last_request().unwrap().header("cookie"), Some("a=b"));
    assert_refused(
        &gateway.get("/elsewhere").bearer(&token).send().unwrap(),
        401,
        "missing_token",
    );
    for path in ["/admins", "/joes"] {
        let answer = gateway.get(path).bearer(&token).send().unwrap();
        assert_refused(&answer, 403, "insufficient_scope");
    }
    assert_eq!(
        gateway.idcs.introspect_calls(),
        1,
        "routers with the same client share one call"
    );

    // A JWT can be revoked too. Introspection notices that.
    let jwt = gateway.idcs.client_token().scope("read").mint();
    for (path, token) in [("/soon", &token), ("/usual", &jwt)] {
        assert_eq!(
            gateway.get(path).bearer(token).send().unwrap().status,
            200,
            "{path}"
        );
    }
    gateway.idcs.revoke(&token);
    let within = Deadline::after(Duration::from_secs(6));
    while gateway.get("/soon").bearer(&token).send().unwrap().status == 200 {
        within.pause("a revoked token passes for longer than maxCacheSeconds");
    }
    let answer = gateway.get("/soon").bearer(&token).send().unwrap();
    assert_refused(&answer, 401, "invalid_token");
    assert_eq!(
        gateway.get("/usual").bearer(&token).send().unwrap().status,
        200,
        "within its own maxCacheSeconds"
    );
}

#[test]
fn a_no_ends_what_an_outage_does_not() {
    let gateway = gateway(&[("usual", json!({ "maxCacheSeconds": 20 }))]);
    let (kept, revoked) = (jane(&gateway.idcs), jane(&gateway.idcs));
    let statuses = |token: &str| {
        let token = token.to_owned();
        Load::to(&gateway.traefik.url())
            .requests(32)
            .concurrency(8)
            .run(move |_| get_with_bearer("/usual", &token))
    };
    for token in [&kept, &revoked] {
        assert!(statuses(token).all_have_status(200));
    }
    gateway.idcs.revoke(&revoked);
    gateway.idcs.down_at(Endpoint::Introspect, Fault::Status(500));
    // Each answer is requested again when a fifth of its time is left. Now that request fails.
    let deadline = Deadline::after(Duration::from_secs(19));
    let mut calls = gateway.idcs.introspect_calls();
    while gateway.idcs.introspect_calls() < calls + 2 {
        for token in [&kept, &revoked] {
            assert!(statuses(token).all_have_status(200), "an outage revokes nothing");
        }
        deadline.pause("the answers are asked for again");
    }
    gateway.idcs.up();
    calls = gateway.idcs.introspect_calls();
    while gateway.idcs.introspect_calls() < calls + 2 {
        for token in [&kept, &revoked] {
            statuses(token);
        }
        deadline.pause("the answers are asked for again");
    }
    // Every instance checks for new answers ten times per second.
    std::thread::sleep(Duration::from_millis(200));
    assert!(
        statuses(&revoked).all_have_status(401),
        "the provider says that the token is inactive"
    );
    assert!(statuses(&kept).all_have_status(200));
}

#[test]
fn what_is_no_word_of_the_provider_about_the_token_never_lets_it_pass() {
    let gateway = gateway(&[
        ("usual", json!({})),
        ("powerless", json!({ "clientID": "powerless" })),
    ]);
    let send = |path: &str, token: &str| gateway.get(path).bearer(token).send().unwrap();
    assert_refused(&send("/usual", "unknown"), 401, "invalid_token");
    let expired = gateway.idcs.opaque_token(&json!({ "sub": "jane", "exp": 1 }));
    assert_refused(&send("/usual", &expired), 401, "invalid_token");
    assert_refused(
        &send("/powerless", &jane(&gateway.idcs)),
        502,
        "identity_provider_refused",
    );
    for fault in [
        Fault::Html,
        Fault::EmptyBody,
        Fault::InvalidJson,
        Fault::Status(500),
        Fault::TooManyRequests { retry_after: None },
        Fault::Refuse,
    ] {
        gateway.idcs.down_at(Endpoint::Introspect, fault.clone());
        let answer = send("/usual", &jane(&gateway.idcs));
        assert_eq!(answer.status, 503, "{fault:?}");
        assert_refused(&answer, 503, "identity_provider_unavailable");
        assert!(answer.header("retry-after").is_some());
    }
    gateway.idcs.up();
    assert_eq!(send("/usual", &jane(&gateway.idcs)).status, 200);
    assert_eq!(gateway.oic.requests_count(), 1);
    let (log, state) = (gateway.traefik.log(), std::fs::read_dir(gateway.state()).unwrap());
    for entry in state {
        let entry = entry.unwrap();
        let content = std::fs::read_link(entry.path()).unwrap_or_default();
        assert!(
            !content.to_string_lossy().contains("jane"),
            "{:?}",
            entry.file_name()
        );
    }
    assert!(
        !log.lines()
            .any(|line| line.contains("code=") && line.contains("jane"))
    );
}

#[test]
fn a_flood_of_unknown_tokens_is_no_flood_for_the_provider() {
    let gateway = gateway(&[("usual", json!({ "limits": { "callsPerMinute": 20 } }))]);
    let known = jane(&gateway.idcs);
    assert_eq!(gateway.get("/usual").bearer(&known).send().unwrap().status, 200);
    let report = Load::to(&gateway.traefik.url())
        .requests(600)
        .concurrency(16)
        .check(|index, status, headers, _| match (index % 3, status.as_u16()) {
            (0, 200) | (_, 401) => Ok(()),
            (_, 429) if headers.contains_key("retry-after") => Ok(()),
            (_, status) => Err(format!("{index}: {status}")),
        })
        .run(move |index| match index % 3 {
            0 => get_with_bearer("/usual", &known),
            _ => get_with_bearer("/usual", &format!("random-{index}")),
        });
    assert_eq!(report.errors, 0, "{report}");
    assert!(report.statuses.keys().eq(&[200, 401, 429]), "{report}");
    // The minute may end during the test, and then one more round of calls is allowed.
    let calls = gateway.idcs.introspect_calls();
    assert!((20..=40).contains(&calls), "{calls}");
}

#[test]
fn an_answer_is_read_as_providers_write_it_and_another_kind_of_token_does_not_pass() {
    let gateway = gateway(&[(
        "usual",
        json!({ "requiredScopes": ["read"], "audiences": ["api"] }),
    )]);
    let idcs = &gateway.idcs;
    let exp = idcs.clock().now() + 3600;
    let said = |more: Value| {
        let mut said = json!({ "sub": "jane", "scope": "read write", "aud": "api", "exp": exp });
        merge(&mut said, &more);
        said
    };
    let mut null = said(json!({}));
    for name in ["exp", "nbf", "iss"] {
        null[name] = Value::Null;
    }
    for (what, said, refused) in [
        ("text", said(json!({ "exp": exp.to_string(), "nbf": "1" })), None),
        ("null", null, None),
        (
            "lists",
            said(json!({ "scope": ["read"], "aud": ["other", "api"] })),
            None,
        ),
        ("access", said(json!({ "token_use": "access_token" })), None),
        (
            "milliseconds",
            said(json!({ "exp": exp * 1000 })),
            Some((503, "identity_provider_unavailable")),
        ),
        (
            "words",
            said(json!({ "exp": "tomorrow" })),
            Some((503, "identity_provider_unavailable")),
        ),
        (
            "object",
            said(json!({ "aud": { "id": "api" } })),
            Some((503, "identity_provider_unavailable")),
        ),
        (
            "refresh",
            said(json!({ "token_use": "refresh_token" })),
            Some((401, "invalid_token")),
        ),
        ("ID", said(json!({ "typ": "ID" })), Some((401, "invalid_token"))),
        ("shape", said(json!({ "typ": "JWT", "c_hash": "h" })), None),
    ] {
        let answer = gateway
            .get("/usual")
            .bearer(&idcs.opaque_token(&said))
            .send()
            .unwrap();
        match refused {
            None => assert_served(&answer, &gateway.traefik, what),
            Some((status, reason)) => assert_refused(&answer, status, reason),
        }
    }
    let log = gateway.traefik.log();
    for line in [
        "status 200 with a member exp, nbf or iat that is not a time",
        "status 200 with a member aud, scope or scp",
        "code=introspection.not_access_token member=token_use value=refresh_token",
        "code=introspection.not_access_token member=typ value=ID",
    ] {
        let is_warning = log
            .lines()
            .any(|entry| entry.contains(line) && entry.contains(r#""level":"warn""#));
        assert!(is_warning, "{line}: {log}");
    }
}
