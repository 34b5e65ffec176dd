//! Streams that a test can watch: events that the test announces, and the bytes of uploads.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use tokio::sync::mpsc;

use crate::faults::{pieces, respond};
use crate::server::{Body, BrokenOff};

/// Returns the bytes at these positions of an endless body. Every eight bytes contain their own number in big-endian
/// order, so a lost, repeated or misplaced piece is visible.
pub fn numbered(positions: Range<u64>) -> Vec<u8> {
    let first = positions.start / 8 * 8;
    let mut bytes = Vec::new();
    for block in positions.start / 8..positions.end.div_ceil(8) {
        bytes.extend_from_slice(&block.to_be_bytes());
    }
    let place = |position: u64| usize::try_from(position.saturating_sub(first)).unwrap_or(usize::MAX);
    bytes.truncate(place(positions.end));
    bytes.drain(..place(positions.start).min(bytes.len()));
    bytes
}

/// The streams of one instance.
#[derive(Default)]
pub(super) struct Streams {
    listeners: Mutex<Vec<mpsc::Sender<Result<Bytes, BrokenOff>>>>,
    received: AtomicU64,
}

impl Streams {
    /// Answers with a stream of events. It sends each event when it is announced, and continues until [`Self::end`].
    pub(super) fn events(&self, content_type: Option<&str>) -> Response<Body> {
        let (sender, receiver) = mpsc::channel(WAITING_EVENTS);
        self.listeners().push(sender);
        let content_type = content_type.and_then(|value| HeaderValue::from_str(value).ok());
        let mut headers = HeaderMap::new();
        headers.insert(
            header::CONTENT_TYPE,
            content_type.unwrap_or(HeaderValue::from_static("text/event-stream")),
        );
        respond(StatusCode::OK, headers, pieces(receiver))
    }

    /// Sends an event to all listeners and returns their number. Listeners that have disconnected are removed.
    pub(super) fn announce(&self, event: &str) -> usize {
        let event = Bytes::from(format!("data: {event}\n\n"));
        let mut listeners = self.listeners();
        listeners.retain(|listener| listener.try_send(Ok(event.clone())).is_ok());
        listeners.len()
    }

    pub(super) fn end(&self) {
        self.listeners().clear();
    }

    pub(super) fn receive(&self, bytes: usize) {
        self.received
            .fetch_add(u64::try_from(bytes).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::SeqCst)
    }

    fn listeners(&self) -> MutexGuard<'_, Vec<mpsc::Sender<Result<Bytes, BrokenOff>>>> {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A listener that does not read is removed after this many events.
const WAITING_EVENTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_of_the_numbered_body_is_the_same_wherever_it_begins() {
        let whole = numbered(0..100);
        assert_eq!((&whole[8..16], whole.len()), (&1_u64.to_be_bytes()[..], 100));
        for start in 0..20 {
            let end = start + 31;
            assert_eq!(
                numbered(start..end),
                whole[usize::try_from(start).unwrap()..usize::try_from(end).unwrap()]
            );
        }
    }
}
