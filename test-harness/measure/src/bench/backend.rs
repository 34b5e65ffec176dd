//! The backend of every row. It answers at once, or holds all requests until they are released.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use super::server::{Answer, Server, ok};

/// A running backend. Stops when dropped.
pub(super) struct Backend {
    server: Server,
    switches: Arc<Switches>,
    arrivals: mpsc::Receiver<Instant>,
}

#[derive(Default)]
struct Switches {
    hold: AtomicBool,
    look: AtomicBool,
    seen: Mutex<Vec<u8>>,
}

impl Backend {
    /// Starts serving.
    pub(super) fn start() -> io::Result<Self> {
        let switches: Arc<Switches> = Arc::default();
        let (arrived, arrivals) = mpsc::channel();
        let service = Service {
            switches: Arc::clone(&switches),
            arrived,
            response: ok("application/json", BODY),
        };
        Ok(Self {
            server: Server::start(service)?,
            switches,
            arrivals,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// The URL for Traefik's configuration.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Holds all requests that arrive before the next [`Backend::release`].
    pub(super) fn hold(&self) {
        while self.arrivals.try_recv().is_ok() {}
        self.switches.hold.store(true, Ordering::Release);
    }

    /// When the next held request arrived. `None` if none arrives within `patience`.
    pub(super) fn arrival(&self, patience: Duration) -> Option<Instant> {
        self.arrivals.recv_timeout(patience).ok()
    }

    /// Answers the held requests and all that follow.
    pub(super) fn release(&self) {
        self.switches.hold.store(false, Ordering::Release);
        self.server.wake();
    }

    /// The head of the last request that arrived during `requests`.
    pub(super) fn last_head_of(&self, requests: impl FnOnce()) -> Vec<u8> {
        self.seen().clear();
        self.switches.look.store(true, Ordering::Release);
        requests();
        self.switches.look.store(false, Ordering::Release);
        std::mem::take(&mut self.seen())
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Vec<u8>> {
        self.switches.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Service {
    switches: Arc<Switches>,
    arrived: mpsc::Sender<Instant>,
    response: Vec<u8>,
}

impl Answer for Service {
    fn answer(&mut self, head: &[u8]) -> Option<&[u8]> {
        if self.switches.look.load(Ordering::Acquire) {
            let mut seen = self.switches.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.clear();
            seen.extend_from_slice(head);
        }
        if self.switches.hold.load(Ordering::Acquire) {
            // Sending fails only if the backend was dropped, and then nobody waits for the time.
            let _ = self.arrived.send(Instant::now());
            return None;
        }
        Some(&self.response)
    }

    fn late_answer(&mut self) -> Option<&[u8]> {
        (!self.switches.hold.load(Ordering::Acquire)).then_some(&*self.response)
    }
}

/// A typical answer of a small integration.
const BODY: &str = r#"{"message":"Hello from the integration","status":"ok"}"#;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    const REQUEST: &[u8] = b"GET /held HTTP/1.1\r\nHost: x\r\n\r\n";

    #[test]
    fn held_requests_are_answered_when_they_are_released() {
        let backend = Backend::start().unwrap();
        backend.hold();
        let mut clients: Vec<TcpStream> = (0..3)
            .map(|_| TcpStream::connect(backend.address()).unwrap())
            .collect();
        let head = backend.last_head_of(|| {
            for client in &mut clients {
                client.write_all(REQUEST).unwrap();
                assert!(backend.arrival(Duration::from_secs(10)).is_some());
            }
        });
        assert_eq!(head, REQUEST);
        clients[0].set_nonblocking(true).unwrap();
        let early = clients[0].read(&mut [0; 10]).unwrap_err();
        assert_eq!(early.kind(), io::ErrorKind::WouldBlock);
        clients[0].set_nonblocking(false).unwrap();

        backend.release();
        for client in &mut clients {
            let mut answer = [0; 15];
            client.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"HTTP/1.1 200 OK");
        }
    }
}
