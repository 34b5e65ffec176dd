//! One HTTP/1.1 request and its answer over an open connection.

use http::{HeaderValue, Request, Response, header};
use ureq_proto::BodyMode;
use ureq_proto::client::{Call, RecvResponseResult, SendRequestResult};

use crate::connection::Wire;
use crate::wire::{Protocol, Step, WireError};

/// The largest body of an answer accepted, in bytes.
pub const MAX_BODY: usize = 256 * 1024;

/// The largest head of an answer accepted, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// The longest line between the parts of a chunked body, and the longest trailer, in bytes.
const MAX_FRAMING: usize = 8 * 1024;
/// How many bytes of one answer to read at most: interim answers, head, framing, body and trailers together. This is
/// enough for the largest body in chunks of four bytes.
const MAX_RECEIVED: usize = 1024 * 1024;

/// Sends `request`, whose URI is absolute, and reads the whole answer.
///
/// # Errors
/// [`WireError`].
pub(super) fn run(stream: &mut dyn Wire, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, WireError> {
    let mut head = Request::builder().method(request.method()).uri(request.uri());
    if let Some(headers) = head.headers_mut() {
        headers.clone_from(request.headers());
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        // This client does not decompress. Without this header, the server may choose any coding (RFC 9110 section
        // 12.5.3).
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(request.body().len()));
    }
    let head = head
        .body(())
        .map_err(|error| WireError::Request(error.to_string()))?;

    let mut input = Input {
        stream,
        buffer: Vec::new(),
        received: 0,
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

    let mut head = HeadEnd::default();
    let response = loop {
        input.skip_blank_lines();
        if head.may_be_in(&input.buffer) {
            let (consumed, response) = call.try_response(&input.buffer, false).map_err(of_response)?;
            if let Some(response) = response {
                input.consume(consumed);
                break response;
            }
            if consumed > 0 {
                // This was an interim answer. The next one may have arrived already.
                input.consume(consumed);
                head = HeadEnd::default();
                continue;
            }
        }
        if input.buffer.len() > MAX_HEAD {
            return Err(WireError::Excess("head"));
        }
        if !input.fill()? {
            return Err(WireError::Closed);
        }
        input.must_be_http()?;
    };
    let (parts, ()) = response.into_parts();
    if parts.status.is_redirection() && parts.headers.contains_key(header::LOCATION) {
        return Err(WireError::Redirect(parts.status.as_u16()));
    }
    let mut body = Vec::new();
    if let Some(RecvResponseResult::RecvBody(mut call)) = call.proceed() {
        let until_close = call.body_mode() == BodyMode::CloseDelimited;
        while until_close || !call.can_proceed() {
            let (consumed, produced) = call.read(&input.buffer, &mut out).map_err(of_response)?;
            input.consume(consumed);
            body.extend_from_slice(out.get(..produced).unwrap_or_default());
            if body.len() > MAX_BODY {
                return Err(WireError::TooLarge(MAX_BODY));
            }
            if consumed > 0 || produced > 0 {
                continue;
            }
            if input.buffer.len() > MAX_FRAMING {
                return Err(WireError::Excess("framing"));
            }
            if !input.fill()? {
                if until_close {
                    break;
                }
                return Err(WireError::Closed);
            }
        }
    }
    Ok(Response::from_parts(parts, body))
}

/// Looks for the end of a head. It looks at each byte once, so a head in many pieces is not parsed from its start each
/// time.
#[derive(Default)]
struct HeadEnd {
    /// How many bytes were looked at.
    looked: usize,
    has_line: bool,
}

impl HeadEnd {
    /// Whether to try to parse the head: once when the first line is complete, because it may be wrong already, and
    /// again when there is an empty line.
    fn may_be_in(&mut self, buffer: &[u8]) -> bool {
        // The end may begin in the last two bytes of the previous look.
        let start = self.looked.saturating_sub(2);
        let new = buffer.get(start..).unwrap_or_default();
        let may =
            new.windows(2).any(|pair| pair == b"\n\n") || new.windows(3).any(|three| three == b"\n\r\n");
        let first_line = !self.has_line && new.contains(&b'\n');
        self.looked = buffer.len();
        self.has_line |= first_line;
        may || first_line
    }
}

struct Input<'s> {
    stream: &'s mut dyn Wire,
    buffer: Vec<u8>,
    received: usize,
}

impl Input<'_> {
    fn send(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        self.stream
            .write_all(bytes)
            .map_err(|error| WireError::of_io(Step::Send, &error))
    }

    fn flush(&mut self) -> Result<(), WireError> {
        self.stream
            .flush()
            .map_err(|error| WireError::of_io(Step::Send, &error))
    }

    /// Reads more bytes. Returns false at the end of the stream.
    fn fill(&mut self) -> Result<bool, WireError> {
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk) {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.received = self.received.saturating_add(count);
                if self.received > MAX_RECEIVED {
                    return Err(WireError::Excess("framing"));
                }
                self.buffer
                    .extend_from_slice(chunk.get(..count).unwrap_or_default());
                Ok(true)
            }
            Err(error) => Err(WireError::of_io(Step::Receive, &error)),
        }
    }

    /// Skips empty lines, which some servers send before an answer.
    fn skip_blank_lines(&mut self) {
        let is_blank = |byte: &&u8| matches!(byte, b'\r' | b'\n');
        let blank = self.buffer.iter().take_while(is_blank).count();
        self.consume(blank);
    }

    /// Fails if the first bytes belong to another protocol.
    fn must_be_http(&self) -> Result<(), WireError> {
        match Protocol::of(&self.buffer) {
            None | Some(Protocol::Http) => Ok(()),
            Some(other) => Err(WireError::NoHttp(other)),
        }
    }

    fn consume(&mut self, count: usize) {
        self.buffer.drain(..count.min(self.buffer.len()));
    }
}

fn of_request(error: ureq_proto::Error) -> WireError {
    WireError::Request(error.to_string())
}

fn of_response(error: ureq_proto::Error) -> WireError {
    WireError::Protocol(error.to_string())
}

fn broken(message: &str) -> WireError {
    WireError::Protocol(message.to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Result, Write};

    use super::*;

    /// A server that sends `start` and then repeats `again` endlessly, in pieces of this many bytes.
    struct Server {
        start: Vec<u8>,
        again: &'static [u8],
        piece: usize,
        said: usize,
    }

    impl Server {
        fn new(start: &str, again: &'static str, piece: usize) -> Self {
            Self {
                start: start.as_bytes().to_vec(),
                again: again.as_bytes(),
                piece,
                said: 0,
            }
        }
    }

    impl Read for Server {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            let piece = self.piece.min(buffer.len());
            for (count, place) in buffer.iter_mut().take(piece).enumerate() {
                let byte = match self.said.checked_sub(self.start.len()) {
                    None => self.start[self.said],
                    Some(_) if self.again.is_empty() => return Ok(count),
                    Some(index) => self.again[index % self.again.len()],
                };
                (*place, self.said) = (byte, self.said + 1);
            }
            Ok(piece)
        }
    }

    impl Write for Server {
        fn write(&mut self, bytes: &[u8]) -> Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> Result<()> {
            Ok(())
        }
    }

    fn ask(server: &mut Server) -> std::result::Result<String, WireError> {
        let request = Request::post("http://idcs.example/")
            .body(b"x=y".to_vec())
            .unwrap();
        run(server, &request).map(|response| String::from_utf8(response.into_body()).unwrap())
    }

    #[test]
    fn an_answer_is_read_whatever_the_pieces_and_whatever_stands_before_it() {
        let chunked =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\nX: y\r\n\r\n";
        let counted = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd";
        let bare = "HTTP/1.1 200 OK\nContent-Length: 4\n\nabcd";
        let until_close = "HTTP/1.1 200 OK\r\n\r\nabcd";
        let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n";
        for answer in [chunked, counted, bare, until_close] {
            for before in ["", interim, "\r\n", "\r\n\r\n"] {
                for piece in [1, 2, 3, 7, 4096] {
                    let whole = format!("{before}{answer}");
                    let said = ask(&mut Server::new(&whole, "", piece));
                    assert_eq!(said.as_deref(), Ok("abcd"), "{whole:?} by {piece}");
                }
            }
        }
    }

    #[test]
    fn whatever_never_ends_is_left_after_a_bounded_number_of_bytes() {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (start, again, most) in [
            ("HTTP/1.1 200 OK\r\nX: ", "y", MAX_HEAD + 4096),
            ("HTTP/1.1 200 OK\r\n", "X: y\r\n", MAX_HEAD + 4096),
            ("HTTP/1.1 200 ", "O", MAX_HEAD + 4096),
            (chunked, "1", MAX_FRAMING + 8192),
            (format!("{chunked}1;x=").as_str(), "y", MAX_FRAMING + 8192),
            (format!("{chunked}0\r\nX: ").as_str(), "y", MAX_FRAMING + 8192),
            (
                format!("{chunked}0\r\n").as_str(),
                "X: y\r\n",
                MAX_RECEIVED + 4096,
            ),
            (chunked, "1\r\nx\r\n", MAX_RECEIVED + 4096),
            ("", "HTTP/1.1 102 Processing\r\n\r\n", MAX_RECEIVED + 4096),
            ("", "\r\n", MAX_RECEIVED + 4096),
            ("HTTP/1.1 200 OK\r\n\r\n", "y", MAX_BODY + 32 * 1024),
        ] {
            for piece in [100, 4096] {
                let mut server = Server::new(start, again, piece);
                let outcome = ask(&mut server);
                let shown = format!("{start:?} {again:?} by {piece}: {outcome:?}");
                assert!(
                    matches!(
                        outcome,
                        Err(WireError::Excess(_) | WireError::TooLarge(_) | WireError::Protocol(_))
                    ),
                    "{shown}"
                );
                assert!(server.said <= most, "{shown}: {}", server.said);
            }
        }
    }

    #[test]
    fn a_head_that_comes_byte_by_byte_is_not_read_from_its_start_each_time() {
        let text = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(10_000));
        let (mut head, mut buffer) = (HeadEnd::default(), Vec::new());
        let readings = text
            .bytes()
            .filter(|byte| {
                buffer.push(*byte);
                head.may_be_in(&buffer)
            })
            .count();
        assert_eq!(readings, 2, "at the first line and at the end");
    }

    #[test]
    fn what_is_not_http_is_named() {
        for (says, expected) in [
            ("-ERR unknown command 'POST'\r\n", "in the protocol of Redis"),
            ("\x15\x03\x01\0\x02\x02\x46", "in TLS"),
        ] {
            let error = ask(&mut Server::new(says, "", 4096)).unwrap_err().to_string();
            assert!(
                error.contains(expected) && error.contains("scheme of the URL"),
                "{error}"
            );
        }
    }
}
