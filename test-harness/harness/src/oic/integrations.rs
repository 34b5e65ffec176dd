//! The integrations of the mock.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use ring::digest::{Context, SHA256};
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::callers::Caller;
use super::instance::Instance;
use super::path::IntegrationPath;
use super::records::RecordedRequest;
use super::streams::numbered;
use super::{trailers, websocket};
use crate::faults::{Answer, pieces, respond};
use crate::hex::hex;
use crate::server::{Body, BrokenOff};

pub(super) async fn run(
    instance: &Instance,
    path: IntegrationPath<'_>,
    caller: &Arc<Caller>,
    parts: &Parts,
    body: Incoming,
) -> Response<Body> {
    match path.operation() {
        "slow" => {
            tokio::time::sleep(Duration::from_millis(number(parts, "ms", 1000))).await;
            echo(path, caller, parts, body).await
        }
        "sse" => sse(
            number(parts, "events", 5),
            Duration::from_millis(number(parts, "interval_ms", 100)),
        ),
        "events" => instance.streams.events(text(parts, "type").as_deref()),
        "upload" => upload(instance, body).await,
        "download" => download(number(parts, "bytes", 1024)),
        "trailers" => trailers::answer(body).await,
        "websocket" => websocket::answer(parts, instance.in_flight.enter()),
        "status" => status(number(parts, "code", 500)),
        "fail-first-with-401" if instance.is_first(parts.uri.path()) => {
            instance.refusal(StatusCode::UNAUTHORIZED).into_response()
        }
        _ => echo(path, caller, parts, body).await,
    }
}

/// Answers with the request as JSON. A repeated header becomes an array.
async fn echo(path: IntegrationPath<'_>, caller: &Caller, parts: &Parts, body: Incoming) -> Response<Body> {
    let body = body
        .collect()
        .await
        .map(|body| body.to_bytes())
        .unwrap_or_default();
    let request = RecordedRequest::new(parts);
    let mut headers: Map<String, Value> = Map::new();
    for (name, value) in request.headers {
        let values = match headers.remove(&name) {
            None => json!(value),
            Some(Value::Array(mut several)) => {
                several.push(json!(value));
                Value::Array(several)
            }
            Some(first) => json!([first, value]),
        };
        headers.insert(name, values);
    }
    let seen = json!({
        "method": request.method,
        "path": path.rest,
        "query": request.query,
        "headers": headers,
        "sub": caller.sub,
        "sub_type": caller.sub_type,
        "integration": {"api": path.api, "project": path.project, "id": path.id, "version": path.version},
        "body": String::from_utf8_lossy(&body),
    });
    Answer::json(StatusCode::OK, &seen).into_response()
}

/// Sends the server-sent events `event 1`, `event 2`, and so on, each in its own chunk.
fn sse(events: u64, interval: Duration) -> Response<Body> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        for number in 1..=events {
            let event = Bytes::from(format!("data: event {number}\n\n"));
            if sender.send(Ok(event)).await.is_err() {
                return;
            }
            tokio::time::sleep(interval).await;
        }
    });
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    respond(StatusCode::OK, headers, pieces(receiver))
}

/// Counts and hashes the body without keeping it.
async fn upload(instance: &Instance, mut body: Incoming) -> Response<Body> {
    let (mut bytes, mut hash) = (0, Context::new(&SHA256));
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Answer::empty(StatusCode::BAD_REQUEST).into_response();
        };
        if let Some(data) = frame.data_ref() {
            bytes += data.len();
            hash.update(data);
            instance.streams.receive(data.len());
        }
    }
    Answer::json(
        StatusCode::OK,
        &json!({"bytes": bytes, "sha256": hex(hash.finish().as_ref())}),
    )
    .into_response()
}

/// Sends a body of this length, with the bytes of `numbered`.
fn download(bytes: u64) -> Response<Body> {
    const CHUNK: u64 = 16 * 1024;
    let (sender, receiver) = mpsc::channel::<Result<Bytes, BrokenOff>>(1);
    tokio::spawn(async move {
        let mut sent = 0;
        while sent < bytes {
            let end = bytes.min(sent + CHUNK);
            if sender.send(Ok(numbered(sent..end).into())).await.is_err() {
                return;
            }
            sent = end;
        }
    });
    let mut headers = HeaderMap::new();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/octet-stream"),
    );
    headers.insert(header::CONTENT_LENGTH, bytes.into());
    respond(StatusCode::OK, headers, pieces(receiver))
}

fn status(code: u64) -> Response<Body> {
    let code = u16::try_from(code)
        .ok()
        .and_then(|code| StatusCode::from_u16(code).ok());
    let code = code
        .filter(|code| !code.is_informational())
        .unwrap_or(StatusCode::BAD_REQUEST);
    Answer::json(code, &json!({"status": code.as_u16()})).into_response()
}

fn number(parts: &Parts, name: &str, default: u64) -> u64 {
    text(parts, name)
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

fn text(parts: &Parts, name: &str) -> Option<String> {
    let query = parts.uri.query().unwrap_or_default().as_bytes();
    let value = form_urlencoded::parse(query).find(|(known, _)| known == name);
    value.map(|(_, value)| value.into_owned())
}
