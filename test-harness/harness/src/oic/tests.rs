//! Tests of the mock OIC over the network, from the gateway's point of view.

use std::io::Read as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use serde_json::json;

use super::*;
use crate::certificates::CertificateAuthority;
use crate::client::{Client, Request, raw};
use crate::faults::Fault;
use crate::idcs::{Application, Idcs, Resource};

const ECHO: &str = "/ic/api/integration/v2/flows/rest/project/DEMO/ECHO/1.0";

fn client() -> Client {
    Client::trusting(&CertificateAuthority::shared().ca_pem())
}

/// Prepares a token like the one that the gateway gets for this OIC.
fn gateway_token(idcs: &Idcs) -> crate::idcs::ClientToken {
    idcs.client_token()
        .client_id(Application::GATEWAY_ID)
        .audience(&Resource::oic().primary_audience)
}

fn get(oic: &OicHandle, path: &str) -> Request {
    client().get(&(oic.url() + path))
}

#[test]
fn echo_shows_what_reached_the_integration() {
    let idcs = Idcs::start();
    let oic = Oic::start(&idcs);
    let token = gateway_token(&idcs).mint();
    let response = get(&oic, &format!("{ECHO}/a/b%2Fc?x=1&y"))
        .bearer(&token)
        .header("x-one", "1")
        .header("x-two", "a")
        .header("x-two", "b")
        .send()
        .unwrap();
    assert_eq!(response.status, 200);
    let seen = response.json();
    assert_eq!(
        (&seen["method"], &seen["path"], &seen["query"]),
        (&json!("GET"), &json!("/a/b%2Fc"), &json!("x=1&y"))
    );
    assert_eq!(seen["headers"]["x-one"], "1");
    assert_eq!(seen["headers"]["x-two"], json!(["a", "b"]));
    assert_eq!(
        seen["headers"]["authorization"],
        format!("Bearer sha256:{}", token_hash(&token))
    );
    assert_eq!(seen["sub"], Application::GATEWAY_ID);
    assert_eq!(
        seen["integration"],
        json!({"api": "v2", "project": "DEMO", "id": "ECHO", "version": "1.0"})
    );
    assert!(!response.text().contains(&token));

    let tokens = oic.tokens_seen();
    assert_eq!(tokens.len(), 1);
    assert_eq!((&tokens[0].hash, tokens[0].requests), (&token_hash(&token), 1));
    assert_eq!(
        (&tokens[0].sub[..], tokens[0].verdict),
        (Application::GATEWAY_ID, Verdict::Accepted)
    );
    let last = oic.last_request().unwrap();
    assert_eq!(
        (&last.path[..], last.query.as_deref()),
        (&*format!("{ECHO}/a/b%2Fc"), Some("x=1&y"))
    );
    assert_eq!(oic.requests_count(), 1);
}

#[test]
fn wrong_callers_are_refused() {
    let idcs = Idcs::start();
    let other_tenant = Idcs::builder().tenant(1).start();
    let oic = Oic::start(&idcs);
    let audience = Resource::oic().primary_audience;
    let status = |token: &str, path: &str| get(&oic, path).bearer(token).send().unwrap().status;
    let table = [
        ("good", gateway_token(&idcs).mint(), 200),
        (
            "several audiences",
            gateway_token(&idcs).audiences(&["other", &audience]).mint(),
            200,
        ),
        (
            "wrong audience",
            gateway_token(&idcs).audience("https://other.example:443").mint(),
            401,
        ),
        ("the caller's own token", idcs.client_token().mint(), 401),
        ("expired", gateway_token(&idcs).expired().mint(), 401),
        ("just expired", gateway_token(&idcs).expires_in(0).mint(), 401),
        ("no exp", gateway_token(&idcs).without("exp").mint(), 401),
        (
            "other key",
            gateway_token(&idcs).signed_by_another_key().mint(),
            401,
        ),
        ("none", gateway_token(&idcs).unsigned().mint(), 401),
        (
            "ID token",
            gateway_token(&idcs).claim("tok_type", "IT").mint(),
            401,
        ),
        ("no role", gateway_token(&idcs).client_id("somebody").mint(), 401),
        ("no token", "abc".to_owned(), 401),
        (
            "other tenant",
            other_tenant
                .client_token()
                .client_id(Application::GATEWAY_ID)
                .audience(&audience)
                .mint(),
            401,
        ),
    ];
    for (name, token, expected) in table {
        assert_eq!(status(&token, ECHO), expected, "{name}");
        assert_eq!(status(&token, ECHO), expected, "{name}, from the cache");
    }
    assert_eq!(status(&gateway_token(&idcs).mint(), "/echo"), 404);
    assert_eq!(get(&oic, ECHO).send().unwrap().status, 401);
    assert_eq!(oic.expired_tokens_seen(), 6);
    assert_eq!(oic.foreign_tokens_seen(), 12);
}

#[test]
fn expiry_goes_by_its_own_clock_without_leeway() {
    let idcs = Idcs::start();
    let oic = Oic::start(&idcs);
    let token = gateway_token(&idcs).expires_in(1000).mint();
    let status = || get(&oic, ECHO).bearer(&token).send().unwrap().status;
    oic.clock().set_offset(900);
    assert_eq!(status(), 200);
    oic.clock().set_offset(1000);
    assert_eq!(status(), 401);
    assert_eq!(
        (oic.expired_tokens_seen(), oic.tokens_seen()[0].verdict),
        (1, Verdict::Expired)
    );
}

#[test]
fn refusals_wear_what_the_switches_say() {
    let idcs = Idcs::start();
    let oic = Oic::start(&idcs);
    let unauthorized = || get(&oic, ECHO).send().unwrap();
    assert_eq!(
        unauthorized().header("www-authenticate"),
        Some(r#"Bearer realm="OIC""#)
    );
    assert_eq!(unauthorized().json()["status"], 401);
    oic.set(|switches| {
        switches.challenge = Challenge::None;
        switches.html_errors = true;
    });
    assert_eq!(unauthorized().header("www-authenticate"), None);
    assert!(unauthorized().text().starts_with("<html>"));
    oic.set(|switches| switches.missing_role_status = 403);
    let nobody = gateway_token(&idcs).client_id("somebody").mint();
    assert_eq!(get(&oic, ECHO).bearer(&nobody).send().unwrap().status, 403);
}

#[test]
fn a_path_may_need_a_users_token() {
    let idcs = Idcs::start();
    let oic = Oic::builder(&idcs).service_invoker("jane").start();
    oic.set(|switches| switches.require_user_context = vec![ECHO.to_owned()]);
    let status = |token: &str| get(&oic, ECHO).bearer(token).send().unwrap().status;
    assert_eq!(status(&gateway_token(&idcs).mint()), 401);
    assert_eq!(
        status(
            &gateway_token(&idcs)
                .claim("sub", "jane")
                .claim("sub_type", "user")
                .mint()
        ),
        200
    );
}

#[test]
fn basic_users_may_call_unless_they_have_mfa() {
    let idcs = Idcs::start();
    let oic = Oic::builder(&idcs)
        .basic_user("jane", "pa:ss", false)
        .basic_user("joe", "word", true)
        .start();
    let status = |name: &str, password: &str| {
        use base64::Engine as _;
        let credentials = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
        get(&oic, ECHO)
            .header("authorization", &format!("Basic {credentials}"))
            .send()
            .unwrap()
            .status
    };
    assert_eq!(
        (
            status("jane", "pa:ss"),
            status("jane", "wrong"),
            status("joe", "word")
        ),
        (200, 401, 401)
    );
}

#[test]
fn another_host_and_repeated_authorization_are_refused() {
    let idcs = Idcs::start();
    let oic = Oic::builder(&idcs).plain_http().start();
    let token = gateway_token(&idcs).mint();
    let status = |headers: &str| {
        let request = format!("GET {ECHO} HTTP/1.1\r\n{headers}\r\n\r\n");
        let response = raw(oic.address(), request.as_bytes()).unwrap();
        String::from_utf8(response)
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .to_owned()
    };
    let bearer = format!("Authorization: Bearer {token}");
    assert_eq!(status(&format!("Host: {}\r\n{bearer}", oic.host())), "200");
    assert_eq!(status(&format!("Host: {}:443\r\n{bearer}", oic.host())), "200");
    assert_eq!(status(&format!("Host: api.example.com\r\n{bearer}")), "404");
    assert_eq!(
        status(&format!("Host: {}\r\n{bearer}\r\n{bearer}", oic.host())),
        "401"
    );
    assert_eq!(oic.last_request().unwrap().count("authorization"), 2);
}

#[test]
fn revoked_tokens_are_refused_and_new_ones_are_not() {
    let idcs = Idcs::start();
    let oic = Oic::start(&idcs);
    let status = |token: &str| get(&oic, ECHO).bearer(token).send().unwrap().status;
    let (old, new) = (gateway_token(&idcs).mint(), gateway_token(&idcs).mint());
    assert_eq!(status(&old), 200);
    oic.revoke_seen_tokens();
    assert_eq!((status(&old), status(&new)), (401, 200));
    assert_eq!(oic.tokens_seen()[0].verdict, Verdict::Revoked);
}

#[test]
fn tokens_of_a_retired_key_stay_good() {
    let idcs = Idcs::start();
    let oic = Oic::start(&idcs);
    let token = gateway_token(&idcs).mint();
    idcs.rotate_now();
    assert_eq!(get(&oic, ECHO).bearer(&token).send().unwrap().status, 200);
}

#[test]
fn integrations_do_what_their_names_say() {
    let idcs = Idcs::start();
    let oic = Oic::builder(&idcs).strict(false).start();
    let path = |rest: &str| format!("{ECHO}/{rest}");
    let send = |rest: &str| get(&oic, &path(rest)).send().unwrap();

    assert_eq!(send("status?code=418").status, 418);
    assert_eq!(send("download?bytes=100001").body, super::numbered(0..100_001));
    let since = Instant::now();
    assert_eq!(send("slow?ms=300").status, 200);
    assert!(since.elapsed() >= Duration::from_millis(300));
    let events = send("sse?events=3&interval_ms=1");
    assert_eq!(events.header("content-type"), Some("text/event-stream"));
    assert_eq!(
        events.text(),
        "data: event 1\n\ndata: event 2\n\ndata: event 3\n\n"
    );
    let firsts: Vec<u16> = (0..3).map(|_| send("fail-first-with-401/a").status).collect();
    assert_eq!(
        (firsts, send("fail-first-with-401/b").status),
        (vec![401, 200, 200], 401)
    );

    let body = vec![7; 3_000_000];
    let sha256 = crate::hex::sha256(&body);
    let uploaded = client()
        .post(&(oic.url() + &path("upload")))
        .body(body)
        .send()
        .unwrap();
    assert_eq!(uploaded.json(), json!({"bytes": 3_000_000, "sha256": sha256}));
    let posted = client()
        .post(&(oic.url() + &path("echo")))
        .json(&json!({"a": 1}))
        .send()
        .unwrap();
    assert_eq!(
        (&posted.json()["body"], &posted.json()["method"]),
        (&json!(r#"{"a":1}"#), &json!("POST"))
    );
}

#[test]
fn server_sent_events_are_not_held_back() {
    let idcs = Idcs::start();
    let oic = Oic::builder(&idcs).plain_http().strict(false).start();
    let mut stream = std::net::TcpStream::connect(oic.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(
        stream,
        "GET {ECHO}/sse?events=2&interval_ms=3600000 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    )
    .unwrap();
    let mut seen = String::new();
    while !seen.contains("event 1") {
        let mut chunk = [0; 1024];
        let read = stream.read(&mut chunk).unwrap();
        assert_ne!(read, 0, "{seen}");
        seen += std::str::from_utf8(&chunk[..read]).unwrap();
    }
}

#[test]
fn inactive_integrations_are_not_found() {
    let idcs = Idcs::start();
    let oic = Oic::builder(&idcs).integrations(&["ECHO"]).start();
    let token = gateway_token(&idcs).mint();
    let status = |path: &str| get(&oic, path).bearer(&token).send().unwrap().status;
    assert_eq!(status(ECHO), 200);
    assert_eq!(status("/ic/api/integration/v1/flows/rest/OTHER/1.0"), 404);
}

#[test]
fn without_strictness_any_path_is_welcome_and_recorded() {
    let idcs = Idcs::start();
    let oic = Oic::builder(&idcs).plain_http().strict(false).start();
    let response = Client::plain()
        .get(&(oic.url() + "/any/path?q=1"))
        .header("host", "anything")
        .send()
        .unwrap();
    assert_eq!(
        (response.status, response.header("x-seen-uri")),
        (200, Some("/any/path?q=1"))
    );
    assert_eq!(oic.last_request().unwrap().path, "/any/path");
    assert_eq!(oic.last_request().unwrap().header("host"), Some("anything"));
}

#[test]
fn http_2_is_spoken_where_it_is_asked_for() {
    let idcs = Idcs::start();
    let oic = Oic::start(&idcs);
    let token = gateway_token(&idcs).mint();
    let response = get(&oic, ECHO).bearer(&token).send().unwrap();
    assert_eq!((response.status, response.version), (200, http::Version::HTTP_2));
    let pem = CertificateAuthority::shared().ca_pem();
    let authority = reqwest::Certificate::from_pem(pem.as_bytes()).unwrap();
    let old = Client::with(|builder| builder.tls_certs_only([authority]).http1_only());
    let response = old.get(&(oic.url() + ECHO)).bearer(&token).send().unwrap();
    assert_eq!((response.status, response.version), (200, http::Version::HTTP_11));
}

#[test]
fn faults_show_and_end() {
    let idcs = Idcs::start();
    let oic = Oic::builder(&idcs).strict(false).start();
    let status = || get(&oic, ECHO).send().map(|response| response.status).ok();
    oic.down(Fault::Refuse);
    assert_eq!(status(), None);
    oic.down(Fault::Status(503));
    assert_eq!(status(), Some(503));
    oic.up();
    assert_eq!(status(), Some(200));
}

#[test]
fn trailers_are_seen_and_sent() {
    let idcs = Idcs::start();
    let oic = Oic::builder(&idcs).strict(false).plain_http().start();
    let request = format!(
        "POST {ECHO}/trailers HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\nTrailer: x-note\r\n\
         Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-note: last\r\n\r\n"
    );
    let mut stream = std::net::TcpStream::connect(oic.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    while !answer.contains("\r\n0\r\n") || !answer.ends_with("\r\n\r\n") {
        let mut chunk = [0; 1024];
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "{answer}");
        answer += std::str::from_utf8(&chunk[..read]).unwrap();
    }
    let hash = crate::hex::sha256("hello");
    assert!(answer.contains(r#""trailers":{"x-note":"last"}"#), "{answer}");
    assert!(
        answer.contains(&format!("\r\n0\r\nx-body-sha256: {hash}\r\n\r\n")),
        "{answer}"
    );
}

#[test]
fn events_come_when_they_are_announced_and_count_as_in_flight_until_they_end() {
    let idcs = Idcs::start();
    let oic = Oic::builder(&idcs).strict(false).start();
    assert_eq!((oic.announce("nobody hears this"), oic.in_flight()), (0, 0));
    let handle = oic.handle();
    let listening =
        std::thread::spawn(move || get(&handle, &format!("{ECHO}/events")).send().unwrap().text());
    let since = Instant::now();
    while oic.announce("news") == 0 {
        assert!(
            since.elapsed() < Duration::from_secs(30),
            "no client is listening"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(oic.in_flight(), 1);
    oic.end_events();
    assert_eq!(listening.join().unwrap(), "data: news\n\n");
    while oic.in_flight() > 0 {
        assert!(
            since.elapsed() < Duration::from_secs(30),
            "the request is still in flight"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}
