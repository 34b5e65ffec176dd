//! Counts the requests that have arrived and whose answer has not ended.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use crate::server::{Body, BrokenOff};

/// The count of requests in flight.
#[derive(Default)]
pub(super) struct InFlight(Arc<()>);

/// A request in flight. It ends when this value is dropped, together with its answer or with the connection.
pub(super) struct Stay {
    _counted: Arc<()>,
}

impl InFlight {
    pub(super) fn enter(&self) -> Stay {
        Stay {
            _counted: Arc::clone(&self.0),
        }
    }

    pub(super) fn count(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

impl Stay {
    /// Returns the body. The request stays in flight until the body is dropped.
    pub(super) fn until_the_end_of(self, body: Body) -> Body {
        Staying { body, _stay: self }.boxed_unsync()
    }
}

struct Staying {
    body: Body,
    _stay: Stay,
}

impl HttpBody for Staying {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
