//! A keep-alive connection that reconnects after an error.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::limits::PATIENCE;

/// A plain HTTP connection to one server.
pub(super) struct Connection {
    /// `host:port`
    address: String,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// A whole response.
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Connection {
    /// Creates the connection without opening it.
    pub(super) fn to(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            sender: None,
        }
    }

    /// Sends the request once and reads the whole response. The error says what went wrong.
    pub(super) async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Response, String> {
        let outcome = match tokio::time::timeout(PATIENCE, self.try_exchange(request)).await {
            Ok(outcome) => outcome.map_err(|error| error.to_string()),
            Err(_) => Err(format!("no response in {PATIENCE:?}")),
        };
        if outcome.is_err() {
            self.sender = None;
        }
        outcome
    }

    async fn try_exchange(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response, Box<dyn std::error::Error + Send + Sync>> {
        // A server may close an idle connection between two requests. That is not an error of this request.
        let alive = self.sender.take().filter(|sender| !sender.is_closed());
        let sender = match alive {
            Some(sender) => self.sender.insert(sender),
            None => {
                let stream = TcpStream::connect(&self.address).await?;
                stream.set_nodelay(true)?;
                let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
                tokio::spawn(connection);
                self.sender.insert(sender)
            }
        };
        sender.ready().await?;
        let (parts, body) = sender.send_request(request).await?.into_parts();
        Ok(Response {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await?.to_bytes(),
        })
    }
}
