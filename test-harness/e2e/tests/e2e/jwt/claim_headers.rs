//! Headers that tell the backend who the caller is: `forwardHeaders`, `usernameClaim`.

use std::time::Duration;

use harness::idcs::Idcs;
use harness::keys::{Algorithm, SigningKey};
use serde_json::{Value, json};

use super::{Refusal, published_by, routes, with, within};

#[test]
fn the_backend_gets_claims_as_headers_and_never_the_clients_own() {
    let idcs = Idcs::start();
    let headers = json!({
        "X-User": "sub", "X-Roles": "roles", "X-Unit": "org.unit", "X-Level": "level", "X-Missing": "nothing",
    });
    let options = with(published_by(&idcs), "forwardHeaders", headers);
    let gateway = routes(idcs, &[("/told", options)]).start();
    let token = |name: &str| {
        gateway
            .idcs
            .client_token()
            .claim("sub", name)
            .claim("roles", json!(["a", "ä"]))
            .claim("org", json!({ "unit": "hr" }))
            .claim("level", 7)
            .mint()
    };
    let (jane, joe) = (token("jane"), token("jö"));
    for _ in 0..3 {
        for (token, user) in [(&jane, "jane"), (&joe, "jö")] {
            let mut request = gateway.get("/told").bearer(token);
            for forged in [
                "X-User",
                "x-user",
                "X_User",
                "X.User",
                "x-missing",
                "X_Missing",
                "X-Unit",
            ] {
                request = request.header(forged, "forged");
            }
            assert_eq!(
                request.header("x-user-agent", "stays").send().unwrap().status,
                200
            );
            let seen = gateway.oic.last_request().unwrap();
            for (name, expected) in [
                ("x-user", user),
                ("x-roles", r#"["a","\u00e4"]"#),
                ("x-unit", "hr"),
                ("x-level", "7"),
                ("x-missing", ""),
            ] {
                assert_eq!(
                    (seen.header(name), seen.count(name)),
                    (Some(expected), 1),
                    "{name}"
                );
            }
            assert!(
                !format!("{:?}", seen.headers).contains("forged"),
                "{:?}",
                seen.headers
            );
            assert_eq!(seen.header("x-user-agent"), Some("stays"));
        }
    }
}

#[test]
fn two_ids_are_two_headers_and_fit_two_rules_however_long_they_are() {
    let key = SigningKey::p256();
    let options =
        json!({ "publicKey": key.public_pem(), "requireExp": false, "forwardHeaders": { "X-Id": "id" } });
    let rule = |value: &str| with(options.clone(), "claims", format!("Equals(`id`, `{value}`)"));
    let (jane, joe) = ("12345678901234567890123", "12345678901234567890124");
    let table = [
        ("/any", options.clone()),
        ("/jane", rule(jane)),
        ("/float", rule("1.2345678901234568e+22")),
        ("/hundred", rule("100")),
    ];
    let gateway = routes(Idcs::start(), &table).start();
    let token = |id: &str| {
        key.sign(
            Algorithm::ES256,
            r#"{"alg":"ES256"}"#,
            &format!("{{\"id\":{id}}}"),
        )
    };
    for id in [
        jane,
        joe,
        "18446744073709551616",
        "18446744073709551617",
        "-0",
        "0",
        "1e2",
        "100.0",
        "100",
    ] {
        for _ in 0..2 {
            let send = |path: &str| gateway.get(path).bearer(&token(id)).send().unwrap();
            assert_eq!(send("/any").status, 200, "{id}");
            let seen = gateway.oic.last_request().unwrap();
            assert_eq!(seen.header("x-id"), Some(id));
            for (path, fits) in [
                ("/jane", id == jane),
                ("/float", false),
                ("/hundred", id == "100"),
            ] {
                match fits {
                    true => assert_eq!(send(path).status, 200, "{path} {id}"),
                    false => Refusal::CLAIMS_NOT_MET.assert(path, &send(path)),
                }
            }
        }
    }
}

#[test]
fn a_claim_that_would_break_out_of_its_header_is_refused() {
    let idcs = Idcs::start();
    let options = with(published_by(&idcs), "forwardHeaders", json!({ "X-User": "sub" }));
    let gateway = routes(idcs, &[("/told", options)]).start();
    for sub in ["jane\r\nX-Admin: yes", "jane\n", " jane", "jane\u{a0}", "jane\0"] {
        let token = gateway.idcs.client_token().claim("sub", sub).mint();
        Refusal::INVALID_TOKEN.assert(sub, &gateway.get("/told").bearer(&token).send().unwrap());
    }
    assert_eq!(gateway.oic.requests_count(), 0);
}

#[test]
fn the_user_name_stands_in_the_access_log() {
    let idcs = Idcs::start();
    let named = |header: &str| {
        let options = with(published_by(&idcs), "usernameClaim", "client_name");
        match header {
            "X-Forwarded-User" => options,
            _ => with(options, "usernameHeader", header),
        }
    };
    let table = [("/default", named("X-Forwarded-User")), ("/own", named("X-Who"))];
    let gateway = routes(idcs, &table)
        .traefik(|traefik| {
            let names = json!({ "X-Forwarded-User": "keep", "X-Who": "keep" });
            let headers = json!({ "defaultMode": "drop", "names": names });
            let fields = json!({ "accessLog": { "fields": { "headers": headers } } });
            traefik.access_log().static_patch(fields)
        })
        .start();
    let token = gateway.idcs.client_token().claim("client_name", "jane").mint();
    for (path, header) in [("/default", "X-Forwarded-User"), ("/own", "X-Who")] {
        let request = gateway.get(path).bearer(&token).header(header, "mallory");
        assert_eq!(request.send().unwrap().status, 200);
        let line = within(
            Duration::from_secs(10),
            "the request is in the access log",
            || {
                let log = gateway.traefik.access_log();
                let line = log.lines().find(|line| line.contains(&format!("\"{path}\"")))?;
                serde_json::from_str::<Value>(line).ok()
            },
        );
        assert_eq!(line[format!("request_{header}")], "jane", "{line}");
    }
}
