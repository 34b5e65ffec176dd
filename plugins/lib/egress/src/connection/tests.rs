//! Connections to servers of every kind, natively.
#![allow(clippy::disallowed_methods)] // the test's own clock

use std::io::{Read, Write};
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::Request;
use middleware::SecretRef;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::platform::{Native, Platform, SocketError};
use crate::wire::{Progress, Protocol, Step, WireError};
use crate::{ClientConfig, HttpClient, TlsOptions, Url};

/// Starts a server that calls `act` with each connection. Returns its port.
fn server(act: impl Fn(std::net::TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let act = Arc::new(act);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let act = Arc::clone(&act);
            std::thread::spawn(move || act(stream.unwrap()));
        }
    });
    port
}

/// Starts a server that sends this text whatever it receives, and keeps listening. Returns its port.
fn saying(text: &'static str) -> u16 {
    server(move |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(text.as_bytes());
        let _ = stream.read(&mut [0; 4096]);
        std::thread::sleep(Duration::from_secs(20));
    })
}

/// A certificate and its key.
struct Identity {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

fn identity(names: &[&str], is_ca: IsCa) -> Identity {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.is_ca = is_ca;
    let key = KeyPair::generate().unwrap();
    Identity {
        certificate: params.self_signed(&key).unwrap(),
        key,
    }
}

/// An HTTPS server that answers 204.
fn https(identity: &Identity) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.serialize_der()));
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate.der().clone()], key)
        .unwrap();
    let config = Arc::new(config);
    server(move |mut stream| {
        let mut session = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut tls = rustls::Stream::new(&mut session, &mut stream);
        if tls.read(&mut [0; 4096]).is_ok() {
            let _ = tls.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
            tls.conn.send_close_notify();
            let _ = tls.flush();
        }
    })
}

fn ask(url: &str, ca: Option<&Identity>) -> Result<u16, WireError> {
    ask_within(10, url, ca)
}

fn ask_within(seconds: u64, url: &str, ca: Option<&Identity>) -> Result<u16, WireError> {
    let native = Rc::new(Native::new("/nonexistent", |_| {}));
    let config = ClientConfig {
        timeout_seconds: seconds,
        tls: TlsOptions {
            ca: ca.map(|ca| SecretRef::new(ca.certificate.pem())),
            ..TlsOptions::default()
        },
        ..ClientConfig::default()
    };
    let client = HttpClient::new(native as Rc<dyn Platform>, &config).unwrap();
    let url = Url::parse(url).unwrap();
    let request = Request::post(url.uri().clone()).body(b"x=y".to_vec()).unwrap();
    let response = client.send(&url, &request, client.timeout(), &|| {})?;
    Ok(response.status().as_u16())
}

#[test]
fn a_certificate_that_is_its_own_authority_is_trusted_where_it_is_given() {
    let [own, other] = [(); 2].map(|()| identity(&["localhost"], IsCa::Ca(BasicConstraints::Unconstrained)));
    let port = https(&own);
    assert_eq!(ask(&format!("https://localhost:{port}/"), Some(&own)), Ok(204));
    for (host, ca, expected) in [
        (
            "127.0.0.1",
            Some(&own),
            "is not for this host name but for localhost",
        ),
        ("localhost", Some(&other), "is an authority's (CA:TRUE)"),
        ("localhost", None, "is an authority's (CA:TRUE)"),
    ] {
        let error = ask(&format!("https://{host}:{port}/"), ca)
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected), "{error}");
    }
    // A certificate that is not an authority's may be given too.
    let plain = identity(&["localhost"], IsCa::ExplicitNoCa);
    let port = https(&plain);
    assert_eq!(ask(&format!("https://localhost:{port}/"), Some(&plain)), Ok(204));
}

#[test]
fn a_server_that_speaks_something_else_is_named_at_once() {
    let identity = identity(&["localhost"], IsCa::NoCa);
    let bad_request = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    for (url, expected) in [
        (
            format!("https://localhost:{}/", saying(bad_request)),
            "it answers in HTTP",
        ),
        (
            format!("https://localhost:{}/", saying("-ERR unknown command\r\n")),
            "it answers in the protocol of Redis",
        ),
        (
            format!("http://localhost:{}/", saying("-ERR unknown command\r\n")),
            "it answers in the protocol of Redis",
        ),
        (
            format!("http://localhost:{}/", https(&identity)),
            "it answers in TLS",
        ),
        (
            format!(
                "https://localhost:{}/",
                server(|mut stream| drop(stream.read(&mut [0; 4096])))
            ),
            "closed the connection in the handshake",
        ),
        (
            format!("https://localhost:{}/", saying("SSH-2.0-OpenSSH_9.2\r\n")),
            "something that is not TLS",
        ),
        ("http://127.0.0.1:1/".to_owned(), "connecting: connection refused"),
    ] {
        let begun = Instant::now();
        let error = ask(&url, None).unwrap_err().to_string();
        assert!(error.contains(expected), "{url}: {error}");
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{url}: {:?}",
            begun.elapsed()
        );
    }
}

#[test]
fn a_server_that_never_answers_the_handshake_is_told_from_one_that_is_slow() {
    let url = format!("https://localhost:{}/", saying(""));
    let error = ask_within(1, &url, None).unwrap_err().to_string();
    assert!(
        error.contains("check that the server speaks TLS") && error.contains("the deadline passed"),
        "{error}"
    );
    let url = format!("http://localhost:{}/", saying(""));
    let error = ask_within(1, &url, None).unwrap_err().to_string();
    assert_eq!(error, "receiving: the deadline passed");
}

#[test]
fn endless_trailers_do_not_last_to_the_deadline() {
    let port = server(|mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
        while stream.write_all(&b"X: y\r\n".repeat(1000)).is_ok() {}
    });
    let begun = Instant::now();
    let error = ask(&format!("http://localhost:{port}/"), None).unwrap_err();
    assert_eq!(error, WireError::Excess("framing"));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

/// A server that reads until something ends with `end`, sends `text` and closes the connection.
fn closing_after(end: &'static str, text: &'static str) -> u16 {
    server(move |mut stream| {
        let mut received = Vec::new();
        let mut chunk = [0; 4096];
        while received.is_empty() || !received.ends_with(end.as_bytes()) {
            match stream.read(&mut chunk) {
                Ok(count) if count > 0 => received.extend_from_slice(&chunk[..count]),
                _ => return,
            }
        }
        let _ = stream.write_all(text.as_bytes());
    })
}

#[test]
fn each_kind_of_failure_tells_how_far_the_request_got() {
    let socket = |step, source| WireError::Socket { step, source };
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab";
    for (url, failure, progress) in [
        (
            "http://a..b/".to_owned(),
            socket(Step::LookUp, SocketError::NotFound),
            Progress::NotSent,
        ),
        (
            "http://127.0.0.1:1/".to_owned(),
            socket(Step::Connect, SocketError::Refused(14)),
            Progress::NotSent,
        ),
        (
            format!("https://127.0.0.1:{}/", saying("")),
            socket(Step::Handshake, SocketError::TimedOut),
            Progress::NotSent,
        ),
        (
            format!("https://127.0.0.1:{}/", closing_after("", "")),
            WireError::ClosedInHandshake,
            Progress::MaybeSent,
        ),
        (
            format!("https://127.0.0.1:{}/", saying("HTTP/1.1 400 X\r\n\r\n")),
            WireError::NoTls(Protocol::Http),
            Progress::MaybeSent,
        ),
        (
            format!("http://127.0.0.1:{}/", saying("")),
            socket(Step::Receive, SocketError::TimedOut),
            Progress::MaybeSent,
        ),
        (
            format!("http://127.0.0.1:{}/", closing_after("x=y", "")),
            WireError::Closed,
            Progress::MaybeSent,
        ),
        (
            format!("http://127.0.0.1:{}/", closing_after("x=y", cut)),
            WireError::Closed,
            Progress::MaybeSent,
        ),
    ] {
        let error = ask_within(1, &url, None).unwrap_err();
        assert_eq!(error, failure, "{url}");
        assert_eq!(error.progress(), progress, "{url}");
    }
}
