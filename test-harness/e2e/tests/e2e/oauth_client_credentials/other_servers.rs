//! Servers that are not the intended one, or that present or send something unusual.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use harness::idcs::Idcs;
use harness::raw_server::serve;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;

use super::{Case, assert_refused, side_by_side};
use crate::support::plugin_lines;

/// Starts a server and returns its port. The server sends `start` after any request, and then repeats `again` as long
/// as the client reads.
fn saying(start: &'static str, again: &'static str) -> u16 {
    let server = serve(move |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(start.as_bytes());
        while !again.is_empty() && stream.write_all(again.repeat(500).as_bytes()).is_ok() {}
        // Read the rest first. Closing a connection with unread data would discard what was sent.
        let _ = stream.set_read_timeout(Some(Duration::from_millis(500)));
        while stream.read(&mut [0; 4096]).is_ok_and(|count| count > 0) {}
    });
    server.port()
}

/// Starts a TLS server in front of the one at `plain`. Its certificate is its own authority, like one from `openssl req
/// -x509`. Returns its port and the certificate.
fn with_its_own_authority(plain: u16) -> (u16, String) {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    let config = Arc::new(config);
    let server = serve(move |mut stream| {
        let mut session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut tls = rustls::Stream::new(&mut session, &mut stream);
        let mut request = Vec::new();
        let mut chunk = [0; 4096];
        while !String::from_utf8_lossy(&request).contains("grant_type") {
            match tls.read(&mut chunk) {
                Ok(count) if count > 0 => request.extend_from_slice(&chunk[..count]),
                _ => return,
            }
        }
        let mut behind = TcpStream::connect(("127.0.0.1", plain)).unwrap();
        behind.write_all(&request).unwrap();
        let mut answer = Vec::new();
        behind.read_to_end(&mut answer).unwrap();
        let _ = tls.write_all(&answer);
        tls.conn.send_close_notify();
        let _ = tls.flush();
    });
    (server.port(), certificate.pem())
}

#[test]
fn the_log_says_what_answers_and_a_given_certificate_is_trusted_for_what_it_is() {
    const BAD_REQUEST: &str = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    const NO: &str = "HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\n{\"error\":\"invalid_client\"}";
    let failing = |name: &str, scheme: &str, port: u16| {
        let url = format!("{scheme}://localhost:{port}/{name}");
        Case::new(
            name,
            json!({ "url": url, "clientConfig": { "timeoutSeconds": 5 } }),
        )
    };
    let endless = format!("{CHUNKED}0\r\n");
    let unavailable = (503, "identity_provider_unavailable");
    let cases = [
        (
            failing("plainport", "https", saying(BAD_REQUEST, "")),
            unavailable,
            "it answers in HTTP",
        ),
        (
            failing("redisport", "http", saying("-ERR unknown command\r\n", "")),
            unavailable,
            "it answers in the protocol of Redis",
        ),
        (
            failing("trailers", "http", saying(endless.leak(), "X: y\r\n")),
            unavailable,
            "the answer's framing is too large",
        ),
        (
            failing("interim", "http", saying("", "HTTP/1.1 102 Processing\r\n\r\n")),
            unavailable,
            "the answer's framing is too large",
        ),
        (
            failing("extension", "http", saying(CHUNKED, "1;x=y")),
            unavailable,
            "the answer's framing is too large",
        ),
        (
            failing("kind", "http", saying(NO, "")),
            (502, "identity_provider_refused"),
            "status 200, error: invalid_client",
        ),
    ];
    let own = || {
        let idcs = Idcs::builder().plain_http().start();
        let plain = idcs
            .token_url()
            .split(':')
            .nth(2)
            .unwrap()
            .split('/')
            .next()
            .unwrap()
            .to_owned();
        let (port, certificate) = with_its_own_authority(plain.parse().unwrap());
        (idcs, port, certificate)
    };
    let (idcs, port, certificate) = own();
    let given = Case::of(
        idcs,
        "given",
        json!({
            "url": format!("https://localhost:{port}/oauth2/v1/token"),
            "clientConfig": { "tls": { "ca": certificate } },
        }),
    );
    let (idcs, port, _) = own();
    let not_given = Case::of(
        idcs,
        "notgiven",
        json!({ "url": format!("https://localhost:{port}/oauth2/v1/token") }),
    );
    let all = cases.iter().map(|(case, ..)| case).chain([&given, &not_given]);
    let gateway = side_by_side(all).start();

    let answer = given.get(&gateway);
    assert_eq!(answer.status, 200, "{}\n{}", answer.text(), gateway.traefik.log());
    let answer = not_given.get(&gateway);
    assert_refused("notgiven", &answer, 503, "identity_provider_unavailable", 2);
    for (case, (status, reason), _) in &cases {
        assert_refused(&case.name, &case.get(&gateway), *status, reason, 10);
    }
    let log = gateway.traefik.log();
    let of = |case: &Case| -> Vec<&str> {
        let url = case.options["url"].as_str().unwrap();
        plugin_lines(&log).filter(|line| line.contains(url)).collect()
    };
    for (case, _, cause) in &cases {
        let lines = of(case);
        assert!(
            lines.iter().any(|line| line.contains(cause)),
            "{}: {lines:#?}",
            case.name
        );
    }
    let lines = of(&not_given);
    assert!(
        lines
            .iter()
            .any(|line| line.contains("is an authority's (CA:TRUE)")),
        "{lines:#?}"
    );
    assert!(
        plugin_lines(&log).all(|line| !line.contains("OtherError")),
        "{log}"
    );
}
