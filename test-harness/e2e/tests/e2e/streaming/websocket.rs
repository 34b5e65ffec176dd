//! WebSocket (RFC 6455). The upgrade request gets the gateway's token; after that the connection belongs to the two
//! ends.

use std::net::TcpStream;
use std::time::Duration;

use harness::gateway::{Gateway, INTEGRATION};
use harness::idcs::Application;
use harness::oic::{Verdict, numbered};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::{self, HandshakeError, Message, WebSocket};

use super::Backend;
use crate::support::Deadline;

#[test]
fn messages_pass_both_ways_after_an_upgrade_with_the_gateways_token() {
    // For a backend with TLS, Traefik falls back to HTTP/1.1. For HTTP/2 in clear text there is no fallback.
    for backend in [Backend::Http1, Backend::Http2] {
        let gateway = backend.gateway();
        let token = gateway.idcs.client_token().mint();
        let (mut socket, _) = connect(&gateway, Some(&token)).unwrap();
        let messages = [
            Message::text("one"),
            Message::text("Zwei Wörter"),
            Message::binary(Vec::new()),
            Message::binary(numbered(0..1_000_000)),
            Message::text("five"),
        ];
        for message in messages {
            socket.send(message.clone()).unwrap();
            assert!(socket.read().unwrap() == message, "{backend:?}: the echo differs");
        }

        let seen = gateway.oic.last_request().unwrap();
        assert_eq!(seen.path, format!("{INTEGRATION}/websocket"));
        assert_eq!(seen.count("authorization"), 1);
        let tokens = gateway.oic.tokens_seen();
        assert_eq!(tokens.len(), 1, "{tokens:?}");
        assert_eq!(
            (tokens[0].sub.as_str(), tokens[0].verdict),
            (Application::GATEWAY_ID, Verdict::Accepted)
        );

        assert_eq!(gateway.oic.in_flight(), 1);
        socket.close(None).unwrap();
        while let Ok(message) = socket.read() {
            assert!(message.is_close(), "{message:?}");
        }
        let deadline = Deadline::after(Duration::from_secs(10));
        while gateway.oic.in_flight() > 0 {
            deadline.pause("the end of the WebSocket at the backend");
        }
    }
}

#[test]
fn no_upgrade_without_a_good_token() {
    let gateway = Backend::Http1.gateway();
    let expired = gateway.idcs.client_token().expired().mint();
    for token in [None, Some("garbage"), Some(expired.as_str())] {
        match connect(&gateway, token) {
            Err(tungstenite::Error::Http(answer)) => assert_eq!(answer.status(), 401, "{token:?}"),
            other => panic!("{token:?}: {other:?}"),
        }
    }
    assert_eq!(gateway.oic.requests_count(), 0);
}

/// Opens a WebSocket. The second value is the server's response to the upgrade.
pub(super) fn connect(
    gateway: &Gateway,
    token: Option<&str>,
) -> Result<(WebSocket<TcpStream>, Response), tungstenite::Error> {
    let address = gateway.traefik.address("web").unwrap();
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut request = format!("ws://{address}/echo/websocket").into_client_request()?;
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", value);
    }
    tungstenite::client(request, stream).map_err(|error| match error {
        HandshakeError::Failure(error) => error,
        HandshakeError::Interrupted(_) => unreachable!("the stream blocks"),
    })
}
