//! The integration `trailers`. It returns the trailer fields of the request (RFC 9110 section 6.5) and sends one of its
//! own.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use serde_json::{Map, Value, json};

use crate::faults::{Answer, respond};
use crate::hex;
use crate::server::Body;

/// Answers `{"bytes": 5, "trailers": {...}}`, followed by the trailer field `x-body-sha256` with the hash of the
/// request body. Over HTTP/1.1 only a client that sent `TE: trailers` gets the field.
pub(super) async fn answer(body: Incoming) -> Response<Body> {
    let Ok(body) = body.collect().await else {
        return Answer::empty(StatusCode::BAD_REQUEST).into_response();
    };
    let received: Map<String, Value> = body
        .trailers()
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect();
    let body = body.to_bytes();
    let shown = json!({"bytes": body.len(), "trailers": received});
    let mut trailers = HeaderMap::new();
    if let Ok(hash) = HeaderValue::from_str(&hex::sha256(&body)) {
        trailers.insert(HASH, hash);
    }
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::TRAILER, HeaderValue::from_static(HASH));
    let frames = [
        Frame::data(Bytes::from(shown.to_string())),
        Frame::trailers(trailers),
    ];
    // A stream has no known length, so the answer is chunked. Trailers require that.
    let body = StreamBody::new(stream::iter(frames.map(Ok::<_, Infallible>)));
    respond(
        StatusCode::OK,
        headers,
        body.map_err(|never| match never {}).boxed_unsync(),
    )
}

const HASH: &str = "x-body-sha256";
