//! A client that sends a request and reads a response piece by piece.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use harness::certificates::{CertificateAuthority, install_crypto_provider};
use harness::gateway::Gateway;
use harness::idcs::{Application, Resource};
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use super::TLS;

/// The protocol between the client and Traefik.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Protocol {
    Http1,
    H2c,
    Http2,
}

impl Protocol {
    pub(super) const ALL: [Self; 3] = [Self::Http1, Self::H2c, Self::Http2];
}

/// One connection, with a valid token.
pub(super) struct Caller {
    runtime: Runtime,
    sender: Sender,
    host: String,
    token: String,
}

enum Sender {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A request whose response has not started.
pub(super) struct Pending {
    runtime: Handle,
    answer: JoinHandle<hyper::Result<Response<Incoming>>>,
}

/// A response whose headers have arrived.
pub(super) struct Answer {
    runtime: Handle,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Incoming,
    pub(super) trailers: Option<HeaderMap>,
}

/// Sends the pieces of a request body.
pub(super) struct Feed {
    runtime: Handle,
    frames: mpsc::Sender<io::Result<Frame<Bytes>>>,
}

impl Caller {
    pub(super) fn connect(gateway: &Gateway, protocol: Protocol) -> Self {
        Self::with_token(gateway, protocol, gateway.idcs.client_token().mint())
    }

    /// Connects with a token that the backend accepts, for the router without plugins.
    pub(super) fn of_the_backend(gateway: &Gateway, protocol: Protocol) -> Self {
        let token = gateway.idcs.client_token().client_id(Application::GATEWAY_ID);
        let token = token.audience(&Resource::oic().primary_audience);
        Self::with_token(gateway, protocol, token.mint())
    }

    fn with_token(gateway: &Gateway, protocol: Protocol, token: String) -> Self {
        // The runtime has its own thread, so that the connection works while the test does something else.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let entry_point = if protocol == Protocol::Http2 { TLS } else { "web" };
        let address = gateway.traefik.address(entry_point).unwrap();
        let sender = runtime.block_on(in_time(Sender::connect(address, protocol)));
        Self {
            runtime,
            sender,
            host: address.to_string(),
            token,
        }
    }

    /// Sends a GET request without a body.
    pub(super) fn get(&mut self, path: &str) -> Answer {
        let request = self.request("GET", path);
        let body = Full::default().map_err(|never| match never {}).boxed_unsync();
        self.send(request.body(body).unwrap()).answer()
    }

    /// Sends a POST request whose body comes from the [`Feed`].
    pub(super) fn post(&mut self, path: &str, headers: &[(&str, &str)]) -> (Feed, Pending) {
        let (frames, receiver) = mpsc::channel(1);
        let body = stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|frame| (frame, receiver))
        });
        let mut request = self.request("POST", path);
        for &(name, value) in headers {
            request = request.header(name, value);
        }
        let pending = self.send(request.body(StreamBody::new(body).boxed_unsync()).unwrap());
        let feed = Feed {
            runtime: pending.runtime.clone(),
            frames,
        };
        (feed, pending)
    }

    fn request(&self, method: &str, path: &str) -> http::request::Builder {
        let request = Request::builder()
            .method(method)
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        match self.sender {
            Sender::Http1(_) => request.uri(path).header(header::HOST, &self.host),
            Sender::Http2(_) => request.uri(format!("http://{}{path}", self.host)),
        }
    }

    fn send(&mut self, request: Request<Body>) -> Pending {
        let answer = match &mut self.sender {
            Sender::Http1(sender) => {
                self.runtime.block_on(in_time(sender.ready())).unwrap();
                self.runtime.spawn(sender.send_request(request))
            }
            Sender::Http2(sender) => self.runtime.spawn(sender.send_request(request)),
        };
        Pending {
            runtime: self.runtime.handle().clone(),
            answer,
        }
    }
}

impl Sender {
    async fn connect(address: SocketAddr, protocol: Protocol) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        match protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
                tokio::spawn(connection);
                Self::Http1(sender)
            }
            Protocol::H2c => Self::over_http2(stream).await,
            Protocol::Http2 => {
                let name = ServerName::from(address.ip());
                let stream = tls().connect(name, stream).await.unwrap();
                assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
                Self::over_http2(stream).await
            }
        }
    }

    async fn over_http2(
        stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    ) -> Self {
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        Self::Http2(sender)
    }
}

fn tls() -> TlsConnector {
    install_crypto_provider();
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateAuthority::shared().ca_der().clone())
        .unwrap();
    let mut config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(config))
}

impl Pending {
    /// Abandons the request without waiting for the response.
    pub(super) fn break_off(self) {
        self.answer.abort();
    }

    pub(super) fn answer(self) -> Answer {
        let answer = self.runtime.block_on(in_time(self.answer)).unwrap().unwrap();
        let (parts, body) = answer.into_parts();
        Answer {
            runtime: self.runtime,
            status: parts.status,
            headers: parts.headers,
            body,
            trailers: None,
        }
    }
}

impl Answer {
    /// Returns the next piece of the body, or `None` at its end. HTTP/2 may end a body with an empty frame, which is
    /// skipped.
    pub(super) fn piece(&mut self) -> Option<Bytes> {
        loop {
            let frame = self.runtime.block_on(in_time(self.body.frame()))?.unwrap();
            match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Some(data),
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            }
        }
    }

    /// Returns the rest of the body.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        std::iter::from_fn(|| self.piece()).flatten().collect()
    }
}

impl Feed {
    pub(super) fn data(&self, bytes: impl Into<Bytes>) {
        self.frame(Frame::data(bytes.into()));
    }

    /// Sends trailers, which end the body.
    pub(super) fn trailers(self, trailers: HeaderMap) {
        self.frame(Frame::trailers(trailers));
    }

    /// Breaks off in the middle of the body.
    pub(super) fn break_off(self) {
        let gone = Err(io::Error::other("the client goes away"));
        // The connection may have abandoned the request already.
        let _ = self.runtime.block_on(in_time(self.frames.send(gone)));
    }

    fn frame(&self, frame: Frame<Bytes>) {
        let sent = self.runtime.block_on(in_time(self.frames.send(Ok(frame))));
        sent.expect("the connection takes the request's body");
    }
}

/// A timeout that is long enough for a busy machine and ends everything that hangs.
async fn in_time<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), future)
        .await
        .expect("nothing arrived for 30 seconds: something is buffered")
}
