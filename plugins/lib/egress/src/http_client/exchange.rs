//! One HTTP/1.1 request and its answer over an open stream.

use http::{HeaderValue, Request, Response, header};
use ureq_proto::BodyMode;
use ureq_proto::client::{Call, RecvResponseResult, SendRequestResult};

use super::{HttpError, MAX_BODY};
use crate::connection::Wire;

/// The largest response head accepted, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// Sends `request` (absolute URI) and reads the whole answer.
pub(super) fn run(stream: &mut dyn Wire, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, HttpError> {
    let mut head = Request::builder().method(request.method()).uri(request.uri());
    if let Some(headers) = head.headers_mut() {
        headers.clone_from(request.headers());
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        // Nothing here decompresses; without this header a server may send what it likes (RFC 9110 §12.5.3).
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(request.body().len()));
    }
    let head = head
        .body(())
        .map_err(|error| HttpError::Request(error.to_string()))?;

    let mut input = Input {
        stream,
        buffer: Vec::new(),
    };
    let mut call = Call::new(head).map_err(of_request)?;
    if !request.body().is_empty() {
        call.force_send_body();
    }
    let mut call = call.proceed();
    let mut out = vec![0; 16 * 1024];
    while !call.can_proceed() {
        let written = call.write(&mut out).map_err(of_request)?;
        input.send(out.get(..written).unwrap_or_default())?;
    }
    let mut call = match call.proceed().map_err(of_request)? {
        Some(SendRequestResult::RecvResponse(call)) => call,
        Some(SendRequestResult::SendBody(mut call)) => {
            let mut body = request.body().as_slice();
            while !call.can_proceed() {
                let (consumed, written) = call.write(body, &mut out).map_err(of_request)?;
                input.send(out.get(..written).unwrap_or_default())?;
                body = body.get(consumed..).unwrap_or_default();
            }
            call.proceed()
                .ok_or_else(|| broken("the request was not complete"))?
        }
        _ => return Err(broken("the request was not complete")),
    };
    input.flush()?;

    let response = loop {
        let (consumed, response) = call.try_response(&input.buffer, false).map_err(of_response)?;
        input.consume(consumed);
        if let Some(response) = response {
            break response;
        }
        if consumed == 0 {
            if input.buffer.len() > MAX_HEAD {
                return Err(broken("the answer's head is too large"));
            }
            if !input.fill()? {
                return Err(broken("the connection closed before the answer was complete"));
            }
        }
    };
    let (parts, ()) = response.into_parts();
    if parts.status.is_redirection() && parts.headers.contains_key(header::LOCATION) {
        return Err(HttpError::Redirect(parts.status.as_u16()));
    }
    let mut body = Vec::new();
    if let Some(RecvResponseResult::RecvBody(mut call)) = call.proceed() {
        let until_close = call.body_mode() == BodyMode::CloseDelimited;
        while until_close || !call.can_proceed() {
            let (consumed, produced) = call.read(&input.buffer, &mut out).map_err(of_response)?;
            input.consume(consumed);
            body.extend_from_slice(out.get(..produced).unwrap_or_default());
            if body.len() > MAX_BODY {
                return Err(HttpError::TooLarge);
            }
            if consumed == 0 && produced == 0 && !input.fill()? {
                if until_close {
                    break;
                }
                return Err(broken("the connection closed before the answer was complete"));
            }
        }
    }
    Ok(Response::from_parts(parts, body))
}

struct Input<'s> {
    stream: &'s mut dyn Wire,
    buffer: Vec<u8>,
}

impl Input<'_> {
    fn send(&mut self, bytes: &[u8]) -> Result<(), HttpError> {
        self.stream
            .write_all(bytes)
            .map_err(|error| HttpError::of_io("sending", &error))
    }

    fn flush(&mut self) -> Result<(), HttpError> {
        self.stream
            .flush()
            .map_err(|error| HttpError::of_io("sending", &error))
    }

    /// Reads more; false at the end of the stream.
    fn fill(&mut self) -> Result<bool, HttpError> {
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk) {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.buffer
                    .extend_from_slice(chunk.get(..count).unwrap_or_default());
                Ok(true)
            }
            Err(error) => Err(HttpError::of_io("receiving", &error)),
        }
    }

    fn consume(&mut self, count: usize) {
        self.buffer.drain(..count.min(self.buffer.len()));
    }
}

fn of_request(error: ureq_proto::Error) -> HttpError {
    HttpError::Request(error.to_string())
}

fn of_response(error: ureq_proto::Error) -> HttpError {
    HttpError::Protocol(error.to_string())
}

fn broken(message: &str) -> HttpError {
    HttpError::Protocol(message.to_owned())
}
