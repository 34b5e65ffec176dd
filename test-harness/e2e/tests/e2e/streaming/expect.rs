//! `Expect: 100-continue` (RFC 9110 section 10.1.1). Only the backend requests the body, and only if the caller is
//! authorized.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use harness::gateway::Gateway;
use harness::oic::numbered;

use super::Backend;

#[test]
fn a_client_that_expects_100_continue_is_asked_for_its_body() {
    for backend in Backend::ALL {
        let gateway = backend.gateway();
        let token = gateway.idcs.client_token().mint();
        let mut stream = ask(&gateway, &format!("Authorization: Bearer {token}\r\n"));
        assert_eq!(head(&mut stream), "HTTP/1.1 100 Continue", "{backend:?}");
        assert_eq!(gateway.oic.bytes_received(), 0);
        stream.write_all(&numbered(0..BODY)).unwrap();
        assert_eq!(head(&mut stream), "HTTP/1.1 200 OK", "{backend:?}");
        assert_eq!(gateway.oic.bytes_received(), BODY);
    }
}

#[test]
fn a_refused_client_is_not_asked_for_its_body() {
    let gateway = Backend::Http1.gateway();
    let mut stream = ask(&gateway, "");
    assert_eq!(head(&mut stream), "HTTP/1.1 401 Unauthorized");
    assert_eq!(gateway.oic.requests_count(), 0);
}

/// Sends the headers of an upload.
fn ask(gateway: &Gateway, header: &str) -> TcpStream {
    let address = gateway.traefik.address("web").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(
        stream,
        "POST /echo/upload HTTP/1.1\r\nHost: {address}\r\n{header}Content-Length: {BODY}\r\nExpect: 100-continue\r\n\r\n"
    )
    .unwrap();
    stream
}

/// Reads the next response head up to its empty line, and returns its status line.
fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    head.lines().next().unwrap_or_default().to_owned()
}

const BODY: u64 = 100_000;
