//! The head of the current request, and of its answer.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};

use http_wasm_guest::host::Request;
use middleware::{RequestHead, ResponseHead, Values, work};

use crate::lending::{self, Size};

/// The size of the buffer that a request is read into. What does not fit, such as a very long token, goes to the heap.
pub(crate) const BUFFER: usize = 8 * 1024;

/// The current request. Everything that is read stays in the buffer for as long as this lives.
pub(crate) struct Head<'r> {
    request: &'r Request,
    /// The unused part of the buffer.
    rest: Cell<&'r mut [u8]>,
    method: OnceCell<Cow<'r, [u8]>>,
    uri: OnceCell<Cow<'r, [u8]>>,
    names: OnceCell<(Cow<'r, [u8]>, usize)>,
    /// The body, once it has been read. The inner `None` means that it was too long.
    body: OnceCell<Option<Vec<u8>>>,
}

impl<'r> Head<'r> {
    pub(crate) const fn new(request: &'r Request, buffer: &'r mut [u8]) -> Self {
        Self {
            request,
            rest: Cell::new(buffer),
            method: OnceCell::new(),
            uri: OnceCell::new(),
            names: OnceCell::new(),
            body: OnceCell::new(),
        }
    }

    /// Reads with `call`, which may be called again with a larger buffer.
    fn lend(&self, call: impl Fn(&mut [u8]) -> Size) -> (Cow<'r, [u8]>, usize) {
        let rest = self.rest.take();
        let Size { count, length } = call(rest);
        work(length / 4);
        match length <= rest.len() {
            true => {
                let (lent, rest) = rest.split_at_mut(length);
                self.rest.set(rest);
                (Cow::Borrowed(lent), count)
            }
            false => {
                self.rest.set(rest);
                (Cow::Owned(own(length, call)), count)
            }
        }
    }

    fn read_body(&self, limit: usize) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        for chunk in self.request.body.read_iter() {
            if body.len() + chunk.len() > limit {
                return None;
            }
            body.extend_from_slice(&chunk);
        }
        self.request.body.write(&body);
        Some(body)
    }
}

/// Reads what did not fit into the rest of the buffer.
#[cold]
fn own(length: usize, call: impl Fn(&mut [u8]) -> Size) -> Vec<u8> {
    let mut own = vec![0; length];
    call(&mut own);
    own
}

impl RequestHead for Head<'_> {
    fn method(&self) -> &[u8] {
        self.method.get_or_init(|| self.lend(lending::method).0)
    }

    fn uri(&self) -> &[u8] {
        self.uri.get_or_init(|| self.lend(lending::uri).0)
    }

    fn header(&self, name: &str) -> Values<'_> {
        let (buffer, count) = self.lend(|buffer| lending::header(name, buffer));
        Values::in_buffer(buffer, count)
    }

    fn header_names(&self) -> Values<'_> {
        let (buffer, count) = self.names.get_or_init(|| self.lend(lending::header_names));
        Values::in_buffer(&**buffer, *count)
    }

    /// Reads the body. The host hands it out only once, so it is written back at once. It is also kept, because a
    /// request may be decided twice. The request then goes on in chunks, regardless of its announced length.
    fn body(&self, limit: usize) -> Option<Vec<u8>> {
        let body = self.body.get_or_init(|| self.read_body(limit));
        body.clone().filter(|body| body.len() <= limit)
    }
}

/// The answer to the current request.
pub(crate) struct Answer;

impl ResponseHead for Answer {
    fn has_header(&self, name: &str) -> bool {
        lending::answer_has_header(name)
    }
}
