//! The faults that a mock server can have, as a client on the network sees them.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Frame;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::server::{Availability, Body, BrokenOff, full};

/// A deliberate fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// For the whole server: connections are refused. For one endpoint: the connection ends without an answer.
    Refuse,
    /// The server reads the request and never answers.
    Hang,
    /// The whole server accepts connections and never sends anything, not even in the TLS handshake.
    HangInHandshake,
    /// The whole server presents a certificate from an authority that nobody trusts.
    UntrustedCertificate,
    /// This status with an HTML body.
    Status(u16),
    /// 429, with this `Retry-After` if it is set.
    TooManyRequests {
        /// The value of the header: seconds, a date, or anything invalid.
        retry_after: Option<String>,
    },
    /// 302 to this URL.
    Redirect(String),
    /// 200 with an empty body.
    EmptyBody,
    /// 200 with an HTML login page.
    Html,
    /// 200 with this body. It keeps the content type of the correct answer and adds this `Content-Encoding` if it is
    /// set.
    Body {
        /// The body.
        bytes: Vec<u8>,
        /// The header's value.
        content_encoding: Option<String>,
    },
    /// 200 with the content type JSON and a body that ends in the middle of a string.
    InvalidJson,
    /// 200 with the correct JSON, but without `access_token` and `keys`.
    Incomplete,
    /// The correct answer, but the body and the connection end after half of `Content-Length`.
    TruncatedBody,
    /// The correct JSON with an additional member of 10 MB.
    OversizedBody,
    /// The correct answer, one byte at a time with this pause in between.
    SlowDrip(Duration),
}

impl Fault {
    /// Returns the fault that answers 200 with this body.
    pub fn body(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Body {
            bytes: bytes.into(),
            content_encoding: None,
        }
    }

    /// Returns how the listener behaves if the whole server has this fault.
    pub(crate) fn availability(&self) -> Availability {
        match self {
            Self::Refuse => Availability::Refusing,
            Self::HangInHandshake => Availability::Silent,
            Self::UntrustedCertificate => Availability::Untrusted,
            _ => Availability::Open,
        }
    }

    /// Turns the correct answer into the faulty one. Calls `right` only if the fault needs the correct answer.
    pub(crate) async fn spoil(
        &self,
        right: impl FnOnce() -> Answer + Send,
    ) -> Result<Response<Body>, BrokenOff> {
        Ok(match self {
            Self::Refuse => return Err(BrokenOff),
            Self::Hang | Self::HangInHandshake => std::future::pending().await,
            Self::UntrustedCertificate => right().into_response(),
            Self::Status(status) => {
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                Answer::html(status, &error_page(status)).into_response()
            }
            Self::TooManyRequests { retry_after } => {
                let retry_after = retry_after.as_deref();
                Answer::empty(StatusCode::TOO_MANY_REQUESTS)
                    .with_optional("retry-after", retry_after)
                    .into_response()
            }
            Self::Redirect(location) => Answer::empty(StatusCode::FOUND)
                .with("location", location)
                .into_response(),
            Self::EmptyBody => Answer::empty(StatusCode::OK).into_response(),
            Self::Html => Answer::html(StatusCode::OK, LOGIN_PAGE).into_response(),
            Self::Body {
                bytes,
                content_encoding,
            } => right()
                .with_body(bytes)
                .with_optional("content-encoding", content_encoding.as_deref())
                .into_response(),
            Self::InvalidJson => right().with_body(br#"{"access_token":"eyJ4NXQ"#).into_response(),
            Self::Incomplete => {
                let right = right();
                let body = edit(&right.body, |json| {
                    json.remove("access_token");
                    json.remove("keys");
                });
                right.with_body(&body).into_response()
            }
            Self::OversizedBody => {
                let right = right();
                let body = edit(&right.body, |json| {
                    json.insert("padding".to_owned(), "x".repeat(10_000_000).into());
                });
                right.with_body(&body).into_response()
            }
            Self::TruncatedBody => right().into_piecewise(|body, pieces| async move {
                let half = body.len() / 2;
                let _ = pieces.send(Ok(body.slice(..half))).await;
                // Wait until the first half has reached the client. An immediate error would drop both halves.
                tokio::time::sleep(Duration::from_millis(20)).await;
                let _ = pieces.send(Err(BrokenOff)).await;
            }),
            Self::SlowDrip(pause) => {
                let pause = *pause;
                right().into_piecewise(move |body, pieces| async move {
                    for at in 0..body.len() {
                        if pieces.send(Ok(body.slice(at..=at))).await.is_err() {
                            return;
                        }
                        tokio::time::sleep(pause).await;
                    }
                })
            }
        })
    }
}

/// A complete answer, before a fault is applied to it.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    pub(crate) fn json(status: StatusCode, body: &Value) -> Self {
        Self {
            body: body.to_string().into(),
            ..Self::empty(status)
        }
        .with("content-type", "application/json")
    }

    pub(crate) fn html(status: StatusCode, body: &str) -> Self {
        Self {
            body: body.to_owned().into(),
            ..Self::empty(status)
        }
        .with("content-type", "text/html;charset=UTF-8")
    }

    /// Adds a header. An invalid header value is left out.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    pub(crate) fn with_optional(self, name: &'static str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        respond(self.status, self.headers, full(self.body))
    }

    fn with_body(mut self, body: &[u8]) -> Self {
        self.body = Bytes::copy_from_slice(body);
        self
    }

    fn into_piecewise<F: Future<Output = ()> + Send + 'static>(
        mut self,
        write: impl FnOnce(Bytes, mpsc::Sender<Result<Bytes, BrokenOff>>) -> F,
    ) -> Response<Body> {
        self.headers
            .insert(header::CONTENT_LENGTH, self.body.len().into());
        let (sender, receiver) = mpsc::channel(1);
        tokio::spawn(write(self.body, sender));
        respond(self.status, self.headers, pieces(receiver))
    }
}

/// Creates a body from pieces, which are sent as they arrive.
pub(crate) fn pieces(receiver: mpsc::Receiver<Result<Bytes, BrokenOff>>) -> Body {
    Pieces(receiver).boxed_unsync()
}

struct Pieces(mpsc::Receiver<Result<Bytes, BrokenOff>>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        self.0
            .poll_recv(context)
            .map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}

pub(crate) fn respond(status: StatusCode, headers: HeaderMap, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

fn edit(body: &[u8], change: impl FnOnce(&mut serde_json::Map<String, Value>)) -> Vec<u8> {
    let mut json: serde_json::Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    change(&mut json);
    Value::Object(json).to_string().into_bytes()
}

fn error_page(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or_default();
    format!("<html><head><title>{status}</title></head><body><h1>{reason}</h1></body></html>")
}

const LOGIN_PAGE: &str = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><form method=\"post\"></form></body></html>";
