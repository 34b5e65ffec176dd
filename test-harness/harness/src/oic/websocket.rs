//! The integration `websocket`. It echoes every message (RFC 6455) until the client closes the connection.

use futures_util::{SinkExt as _, StreamExt as _};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::in_flight::Stay;
use crate::faults::{Answer, respond};
use crate::server::{Body, full};

/// Answers an upgrade with 101 and any other request with 426.
pub(super) fn answer(parts: &Parts, stay: Stay) -> Response<Body> {
    let key = parts.headers.get(header::SEC_WEBSOCKET_KEY);
    let accepted = key.and_then(|key| HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok());
    let (Some(accepted), Some(upgrade)) = (accepted, parts.extensions.get::<OnUpgrade>().cloned()) else {
        return Answer::empty(StatusCode::UPGRADE_REQUIRED)
            .with("upgrade", "websocket")
            .into_response();
    };
    tokio::spawn(async move {
        let _stay = stay;
        if let Ok(upgraded) = upgrade.await {
            echo(TokioIo::new(upgraded)).await;
        }
    });
    let mut headers = HeaderMap::new();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accepted);
    respond(StatusCode::SWITCHING_PROTOCOLS, headers, full(""))
}

/// Echoes messages. The library handles pings and the closing handshake.
async fn echo(stream: TokioIo<hyper::upgrade::Upgraded>) {
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    while let Some(Ok(message)) = socket.next().await {
        let wanted = message.is_text() || message.is_binary();
        if wanted && socket.send(message).await.is_err() {
            return;
        }
    }
}
