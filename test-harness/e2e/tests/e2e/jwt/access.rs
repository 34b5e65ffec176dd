//! Which tokens may use which paths: `authorize`.

use harness::client::raw;
use harness::idcs::Idcs;
use serde_json::{Value, json};

use super::{Refusal, published_by, routes, with};
use crate::support::plugin_lines;

/// The first rule is for HR, the second one for IT, and everything else below `/wide` is for everybody.
fn table() -> Value {
    json!([
        { "path": "/wide/hr/**", "anyScope": ["hr", "all"] },
        { "path": "/wide/it/**", "methods": ["GET"], "claims": "Equals(`team`, `it`)", "onDeny": 401 },
        { "path": "/wide/müller/**", "anyScope": ["hr"] },
        { "path": "/wide/hidden", "allScopes": ["hr", "it"], "onDeny": 404 },
        { "path": "/wide/**", "methods": ["GET"], "anyToken": true },
    ])
}

#[test]
fn a_rule_refuses_in_the_way_it_says() {
    let idcs = Idcs::start();
    let rules = with(published_by(&idcs), "authorize", table());
    let gateway = routes(idcs, &[("/wide", rules)]).start();
    let hr = gateway.idcs.client_token().scope("hr").mint();
    let it = gateway.idcs.client_token().scope("x").claim("team", "it").mint();
    let scope =
        |names: &str| format!(r#"Bearer realm="oic-gateway", error="insufficient_scope", scope="{names}""#);
    let plain = r#"Bearer realm="oic-gateway", error="insufficient_scope""#;
    // Twice: with a new token, and with a token from the cache.
    for _ in 0..2 {
        for (token, path, status, reason, challenge) in [
            (&hr, "/wide/hr/1", 200, "", None),
            (&it, "/wide/it", 200, "", None),
            (&it, "/wide/other", 200, "", None),
            (&it, "/wide/hr", 403, "insufficient_scope", Some(&*scope("hr"))),
            (&hr, "/wide/it", 401, "unauthorized", Some(plain)),
            (&hr, "/wide/hidden", 404, "not_found", None),
            (&hr, "/wide/HR", 403, "forbidden", None),
            (&hr, "/wide/Hidden", 404, "not_found", None),
        ] {
            let answer = gateway.get(path).bearer(token).send().unwrap();
            assert_eq!(answer.status, status, "{path}: {}", answer.text());
            if status != 200 {
                assert_eq!(answer.json()["reason"], reason, "{path}");
                assert_eq!(answer.header("www-authenticate"), challenge, "{path}");
            }
        }
        let post = gateway.client().post(&gateway.url("/wide/it")).bearer(&it);
        let answer = post.send().unwrap();
        assert_eq!(
            (answer.status, answer.json()["reason"].as_str()),
            (403, Some("forbidden"))
        );
    }
    Refusal::MISSING_TOKEN.assert("no token", &gateway.get("/wide/hr").send().unwrap());
    let log = gateway.traefik.log();
    for told in [
        "reason=rule_not_met rule=authorize[0]",
        "reason=path_like_a_rules rule=authorize[0]",
        "reason=no_rule",
    ] {
        assert!(log.contains(told), "{told}: {log}");
    }
    assert!(plugin_lines(&log).all(|line| !line.contains(&hr)), "{log}");

    // Raw requests from a caller who may use all of /wide except the paths of HR and IT.
    let other = gateway.idcs.client_token().scope("x").mint();
    let send = |line: &str, header: &str| {
        let request = format!("{line} HTTP/1.0\r\nHost: a\r\nAuthorization: Bearer {other}\r\n{header}\r\n");
        let answer = raw(gateway.traefik.address("web").unwrap(), request.as_bytes()).unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
        (status, answer)
    };
    assert_eq!(send("GET /wide/x", "").0, "200");
    let served = gateway.oic.requests_count();
    for target in [
        "/wide/%68r",
        "/wide/x/..%2fhr",
        "/wide/x%2f..%2fhr",
        "/wide/x/..%5chr",
        "/wide/x\\..\\hr",
        "/wide/x/..;/hr",
        "/wide;/hr",
        "/wide/hr;x",
        "/wide/hr%3bx",
        "/wide/hr%00",
        "/wide/hr%23",
        "/wide/hr%3f",
        "/wide/hr%20",
        "/wide/hr.",
        "/wide/x/%252e%252e/hr",
        "/wide/x/%c0%ae%c0%ae/hr",
        "/wide/x/%EF%BC%8E%EF%BC%8E/hr",
        "/wide/%EF%BD%88%EF%BD%92",
        "/wide/h%C5%99",
        "/wide/hR",
        "/wide/x/../hr",
        "/wide//hr",
        "/wide/./hr",
        "/wide/x/%2e%2e/hr",
        "/wide/%20hr",
        "/wide/+hr/1",
        "/wide/muller",
        "/wide/mu%CC%88ller",
    ] {
        let (status, answer) = send(&format!("GET {target}"), "");
        assert!(["400", "403"].contains(&&*status), "{target}: {answer}");
    }
    for header in [
        "X-HTTP-Method-Override: DELETE\r\n",
        "X_Http_Method: PUT\r\n",
        "X-Original-URL: /hr\r\n",
        "X-Original-Method: DELETE\r\n",
        "X-Method: DELETE\r\n",
        "X-Override-URL: /hr\r\n",
        "x_http_path_override: /hr\r\n",
        "X-Request-URI: /hr\r\n",
    ] {
        let (status, answer) = send("GET /wide/x", header);
        assert!(
            status == "400" && answer.contains("invalid_request"),
            "{header}: {answer}"
        );
    }
    assert_ne!(send("get /wide/x", "").0, "200");
    assert_eq!(gateway.oic.requests_count(), served);
}

#[test]
fn paths_of_all_scripts_pass_and_dot_segments_are_judged_as_traefik_hands_them_over() {
    for sanitizes in [true, false] {
        let idcs = Idcs::start();
        let rules = with(published_by(&idcs), "authorize", table());
        let gateway = routes(idcs, &[("/wide", rules)])
            .traefik(move |traefik| {
                traefik.static_patch(
                    json!({ "entryPoints": { "web": { "http": { "sanitizePath": sanitizes } } } }),
                )
            })
            .start();
        let token = gateway.idcs.client_token().scope("x").mint();
        let status = |target: &str| {
            let request =
                format!("GET {target} HTTP/1.0\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n");
            let answer = raw(gateway.traefik.address("web").unwrap(), request.as_bytes()).unwrap();
            let answer = String::from_utf8_lossy(&answer).into_owned();
            answer.split(' ').nth(1).unwrap_or_default().to_owned()
        };
        for target in [
            "/wide/%E0%A4%B9%E0%A4%BF%E0%A4%A8%E0%A5%8D%E0%A4%A6%E0%A5%80", // Hindi, with its vowel signs
            "/wide/cafe%CC%81",                                             // a decomposed é
            "/wide/l%E2%80%99an",                                           // ’
            "/wide/1%E2%80%932",                                            // –
            "/wide/%E6%9D%B1%E4%BA%AC",                                     // Japanese
            "/wide/x.json",
        ] {
            assert_eq!(status(target), "200", "{target}");
        }
        match sanitizes {
            // Traefik resolves dot segments, escaped or not, before any middleware. The first target becomes /hr, which
            // has no router.
            true => {
                assert_eq!(status("/wide/%2e%2e/hr"), "404");
                assert_eq!(status("/wide/x/%2e%2e/other"), "200");
            }
            // The dot segments reach the rules, which refuse them.
            false => {
                assert_eq!(status("/wide/x/%2e%2e/other"), "400");
                assert_eq!(status("/wide/x/../other"), "400");
            }
        }
    }
}
