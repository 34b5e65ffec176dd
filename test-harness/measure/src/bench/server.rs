//! A cheap server: one thread, edge-triggered readiness, and answers made beforehand. It reads requests without bodies,
//! such as the GET requests that a gateway passes on.

use std::collections::HashMap;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};

use super::wire::head_length;

/// Produces a server's responses. Called from a single thread.
pub(super) trait Answer: Send + 'static {
    /// The whole response to a request with this head. `None` holds the request until [`Server::wake`].
    fn answer(&mut self, head: &[u8]) -> Option<&[u8]>;

    /// The response to a held request, asked for after each [`Server::wake`]. `None` keeps holding it.
    fn late_answer(&mut self) -> Option<&[u8]> {
        None
    }
}

/// A running server on a free port of 127.0.0.1. Stops when dropped.
pub(super) struct Server {
    address: SocketAddr,
    waker: Arc<Waker>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts serving.
    pub(super) fn start(answer: impl Answer) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(Waker::new(poll.registry(), WAKER)?);
        let mut listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        poll.registry()
            .register(&mut listener, LISTENER, Interest::READABLE)?;
        let address = listener.local_addr()?;
        let stop: Arc<AtomicBool> = Arc::default();
        let work = Loop {
            poll,
            listener,
            answer,
            connections: HashMap::new(),
            held: Vec::new(),
            next: FIRST_CONNECTION,
            scratch: vec![0; 64 * 1024],
        };
        let stopping = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("bench-server".into())
            .spawn(move || work.run(&stopping))?;
        Ok(Self {
            address,
            waker,
            stop,
            thread: Some(thread),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks again for the responses to held requests.
    pub(super) fn wake(&self) {
        // Fails only if the server's thread is gone, and then no request is held.
        let _ = self.waker.wake();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        self.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Loop<A> {
    poll: Poll,
    listener: TcpListener,
    answer: A,
    connections: HashMap<Token, Connection>,
    held: Vec<Token>,
    next: usize,
    scratch: Vec<u8>,
}

struct Connection {
    stream: TcpStream,
    /// The beginning of a request that has not fully arrived.
    unread: Vec<u8>,
    /// The rest of a response that the system did not accept at once.
    unsent: Vec<u8>,
}

impl<A: Answer> Loop<A> {
    fn run(mut self, stop: &AtomicBool) {
        let mut events = Events::with_capacity(1024);
        while !stop.load(Ordering::Acquire) {
            match self.poll.poll(&mut events, None) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return,
            }
            for event in &events {
                match event.token() {
                    WAKER => self.answer_held(),
                    LISTENER => self.accept(),
                    token => self.serve(token),
                }
            }
        }
    }

    fn accept(&mut self) {
        while let Ok((mut stream, _)) = self.listener.accept() {
            let token = Token(self.next);
            self.next += 1;
            let interest = Interest::READABLE | Interest::WRITABLE;
            let _ = stream.set_nodelay(true);
            if self
                .poll
                .registry()
                .register(&mut stream, token, interest)
                .is_ok()
            {
                let (unread, unsent) = (Vec::new(), Vec::new());
                self.connections.insert(
                    token,
                    Connection {
                        stream,
                        unread,
                        unsent,
                    },
                );
            }
        }
    }

    fn serve(&mut self, token: Token) {
        let Some(connection) = self.connections.get_mut(&token) else {
            return;
        };
        let outcome = connection.serve(&mut self.answer, &mut self.scratch);
        match outcome {
            Ok(Served::All) => {}
            Ok(Served::Held) => self.held.push(token),
            Err(_) => {
                self.connections.remove(&token);
            }
        }
    }

    fn answer_held(&mut self) {
        let mut held = std::mem::take(&mut self.held);
        held.retain(|token| {
            let Some(connection) = self.connections.get_mut(token) else {
                return false;
            };
            match self.answer.late_answer() {
                Some(response) => {
                    if connection.send(response).is_err() {
                        self.connections.remove(token);
                    }
                    false
                }
                None => true,
            }
        });
        self.held.append(&mut held);
    }
}

enum Served {
    All,
    Held,
}

impl Connection {
    /// Reads what has arrived and answers every complete request. An error ends the connection.
    fn serve(&mut self, answer: &mut impl Answer, scratch: &mut [u8]) -> io::Result<Served> {
        if !self.unsent.is_empty() {
            let unsent = std::mem::take(&mut self.unsent);
            self.send(&unsent)?;
        }
        let mut served = Served::All;
        loop {
            let count = match self.stream.read(scratch) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(served),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let whole = count < scratch.len();
            let mut arrived = scratch.get(..count).unwrap_or_default();
            let joined: Vec<u8>;
            if !self.unread.is_empty() {
                joined = [std::mem::take(&mut self.unread).as_slice(), arrived].concat();
                arrived = &joined;
            }
            while let Some(length) = head_length(arrived) {
                let (head, rest) = arrived.split_at(length);
                match answer.answer(head) {
                    Some(response) => self.send(response)?,
                    None => served = Served::Held,
                }
                arrived = rest;
            }
            self.unread.extend_from_slice(arrived);
            // Later bytes trigger a new edge, so there is no need to read until the system says "would block".
            if whole {
                return Ok(served);
            }
        }
    }

    fn send(&mut self, response: &[u8]) -> io::Result<()> {
        let mut left = response;
        while self.unsent.is_empty() && !left.is_empty() {
            match self.stream.write(left) {
                Ok(count) => left = left.get(count..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.unsent.extend_from_slice(left);
        Ok(())
    }
}

/// Formats a 200 response with this body.
pub(super) fn ok(content_type: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

const WAKER: Token = Token(0);
const LISTENER: Token = Token(1);
const FIRST_CONNECTION: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    struct Echo(Vec<u8>);

    impl Answer for Echo {
        fn answer(&mut self, head: &[u8]) -> Option<&[u8]> {
            let target = head.split(|byte| *byte == b' ').nth(1).unwrap();
            self.0 = ok("text/plain", &String::from_utf8_lossy(target));
            Some(&self.0)
        }
    }

    #[test]
    fn requests_are_answered_in_turn_however_they_arrive() {
        let server = Server::start(Echo(Vec::new())).unwrap();
        let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
        for part in [
            "GET /one HTTP/1.1\r\n",
            "\r\nGET /two HTTP/1.1\r\n\r\nGET /thr",
            "ee HTTP/1.1\r\n\r\n",
        ] {
            stream.write_all(part.as_bytes()).unwrap();
        }
        let mut answers = String::new();
        let mut buffer = [0; 1024];
        while !answers.ends_with("/three") {
            let count = stream.read(&mut buffer).unwrap();
            assert!(count > 0, "{answers}");
            answers += &String::from_utf8_lossy(&buffer[..count]);
        }
        assert_eq!(answers.matches("200 OK").count(), 3, "{answers}");
    }

    #[test]
    fn a_server_that_is_dropped_is_gone() {
        let server = Server::start(Echo(Vec::new())).unwrap();
        let address = server.address();
        drop(server);
        assert!(std::net::TcpStream::connect(address).is_err());
    }
}
