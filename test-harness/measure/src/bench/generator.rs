//! The load generator of the bench. Each keep-alive connection sends its next request as soon as it has the last
//! response (closed loop). One thread serves all connections with edge-triggered readiness and bytes made beforehand.
//!
//! `harness::load` is for tests: it speaks TLS, makes each request separately and inspects every answer. That costs too
//! much here, since the generator shares the processors with what it measures. Against a server that answers from
//! memory, this generator reached 141,000 requests per second with a 99th percentile of 1.2 ms. The other reached
//! 53,000 with 4.4 ms (two processors, 32 connections).

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::wire::{self, Response};

/// A source of requests.
pub(super) trait Requests {
    /// The bytes of the next request. `None` if there are no more, which ends the run.
    fn next(&mut self) -> Option<&[u8]>;
}

/// Connections to one server, which stay open until this is dropped.
pub(super) struct Generator {
    address: SocketAddr,
    poll: Poll,
    connections: Vec<Connection>,
    scratch: Vec<u8>,
}

/// The result of a run.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    /// Responses with status 200.
    pub(super) good: u64,
    /// Responses with another status, by status.
    pub(super) wrong: BTreeMap<u16, u64>,
    /// Connections that ended or sent something other than a response.
    pub(super) broken: u64,
    /// Time from the first request to the end of the run.
    pub(super) elapsed: Duration,
    /// Nanoseconds from sending a request to its whole response. Good responses only.
    pub(super) latencies: Histogram<u64>,
}

impl Tally {
    fn new() -> Self {
        Self {
            good: 0,
            wrong: BTreeMap::new(),
            broken: 0,
            elapsed: Duration::ZERO,
            latencies: Histogram::new_with_bounds(1, LONGEST_NS, 3).expect("bounds and precision are valid"),
        }
    }

    /// Good responses per second.
    pub(super) fn per_second(&self) -> f64 {
        self.good as f64 / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }

    /// The latency in microseconds at this quantile (0 to 1).
    pub(super) fn latency_us(&self, share: f64) -> f64 {
        self.latencies.value_at_quantile(share) as f64 / 1000.0
    }

    /// Describes what went wrong. `None` if nothing did.
    pub(super) fn trouble(&self) -> Option<String> {
        let wrong = self
            .wrong
            .iter()
            .map(|(status, count)| format!("{count} answers with status {status}"));
        let broken = (self.broken > 0).then(|| format!("{} broken connections", self.broken));
        let all: Vec<String> = wrong.chain(broken).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

struct Connection {
    stream: TcpStream,
    /// When the current request was sent. `None` if none is waiting for a response.
    sent: Option<Instant>,
    /// The beginning of a response that has not fully arrived.
    unread: Vec<u8>,
    /// The rest of a request that the system did not accept at once.
    unsent: Vec<u8>,
}

impl Generator {
    /// Opens `connections` connections to `address`.
    pub(super) fn connect(address: SocketAddr, connections: usize) -> io::Result<Self> {
        let mut generator = Self {
            address,
            poll: Poll::new()?,
            connections: Vec::with_capacity(connections),
            scratch: vec![0; 64 * 1024],
        };
        for number in 0..connections {
            let connection = generator.open(number)?;
            generator.connections.push(connection);
        }
        Ok(generator)
    }

    /// Sends requests for `length`, or until there are no more. Does not count requests in flight at the end;
    /// [`Generator::drain`] waits for them.
    pub(super) fn run(&mut self, requests: &mut dyn Requests, length: Duration) -> io::Result<Tally> {
        let mut tally = Tally::new();
        let mut events = Events::with_capacity(1024);
        let started = Instant::now();
        let end = started + length;
        let mut more = true;
        for connection in &mut self.connections {
            more = more && connection.send_next(requests)?;
        }
        while more {
            let now = Instant::now();
            if now >= end {
                break;
            }
            wait(&mut self.poll, &mut events, end - now)?;
            for event in &events {
                let number = event.token().0;
                match self.advance(number, &mut tally) {
                    Ok(false) => {}
                    Ok(true) => more = more && self.send_next(number, requests)?,
                    Err(_) => {
                        tally.broken += 1;
                        let fresh = self.open(number)?;
                        if let Some(place) = self.connections.get_mut(number) {
                            *place = fresh;
                        }
                        more = more && self.send_next(number, requests)?;
                    }
                }
            }
        }
        tally.elapsed = started.elapsed();
        Ok(tally)
    }

    /// Waits for the responses to the requests in flight.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        const PATIENCE: Duration = Duration::from_secs(30);
        let mut ignored = Tally::new();
        let mut events = Events::with_capacity(1024);
        let started = Instant::now();
        while self
            .connections
            .iter()
            .any(|connection| connection.sent.is_some())
        {
            let left = PATIENCE.saturating_sub(started.elapsed());
            if left.is_zero() {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "a request had no response after 30 seconds",
                ));
            }
            wait(&mut self.poll, &mut events, left)?;
            for event in &events {
                let number = event.token().0;
                if self.advance(number, &mut ignored).is_err() {
                    let fresh = self.open(number)?;
                    if let Some(place) = self.connections.get_mut(number) {
                        *place = fresh;
                    }
                }
            }
        }
        Ok(())
    }

    fn open(&self, number: usize) -> io::Result<Connection> {
        let stream = std::net::TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll
            .registry()
            .register(&mut stream, Token(number), interest)?;
        Ok(Connection {
            stream,
            sent: None,
            unread: Vec::new(),
            unsent: Vec::new(),
        })
    }

    fn send_next(&mut self, number: usize, requests: &mut dyn Requests) -> io::Result<bool> {
        match self.connections.get_mut(number) {
            Some(connection) => connection.send_next(requests),
            None => Ok(true),
        }
    }

    /// Reads what has arrived. Returns true if the response is complete.
    fn advance(&mut self, number: usize, tally: &mut Tally) -> io::Result<bool> {
        let Some(connection) = self.connections.get_mut(number) else {
            return Ok(false);
        };
        connection.flush()?;
        let Some((response, took)) = connection.receive(&mut self.scratch)? else {
            return Ok(false);
        };
        if response.status == 200 {
            tally.good += 1;
            tally
                .latencies
                .saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        } else {
            *tally.wrong.entry(response.status).or_default() += 1;
        }
        Ok(true)
    }
}

impl Connection {
    /// Returns false when there are no more requests. A connection that waits for a response keeps waiting.
    fn send_next(&mut self, requests: &mut dyn Requests) -> io::Result<bool> {
        if self.sent.is_some() {
            return Ok(true);
        }
        let Some(request) = requests.next() else {
            return Ok(false);
        };
        self.sent = Some(Instant::now());
        match self.stream.write(request) {
            Ok(count) => self
                .unsent
                .extend_from_slice(request.get(count..).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.unsent.extend_from_slice(request),
            // If the server has closed the connection, the next read notices it.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    fn flush(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Returns the response with its latency once it is complete.
    fn receive(&mut self, scratch: &mut [u8]) -> io::Result<Option<(Response, Duration)>> {
        loop {
            let count = match self.stream.read(scratch) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let arrived = scratch.get(..count).unwrap_or_default();
            let whole = if self.unread.is_empty() {
                complete(arrived)?
            } else {
                self.unread.extend_from_slice(arrived);
                complete(&self.unread)?
            };
            match (whole, self.sent) {
                (Some(response), Some(sent)) => {
                    self.sent = None;
                    self.unread.clear();
                    return Ok(Some((response, sent.elapsed())));
                }
                (Some(_), None) => return Err(io::Error::other("a response that nobody asked for")),
                (None, _) if self.unread.is_empty() => self.unread.extend_from_slice(arrived),
                (None, _) => {}
            }
        }
    }
}

/// Longer latencies are recorded as this one.
const LONGEST_NS: u64 = 100_000_000_000;

/// Returns the response if `bytes` contain all of it and nothing else.
fn complete(bytes: &[u8]) -> io::Result<Option<Response>> {
    let response = wire::response(bytes).map_err(io::Error::other)?;
    match response {
        Some(response) if response.length < bytes.len() => Err(io::Error::other("more than one response")),
        Some(response) if response.length == bytes.len() => Ok(Some(response)),
        _ => Ok(None),
    }
}

fn wait(poll: &mut Poll, events: &mut Events, at_most: Duration) -> io::Result<()> {
    match poll.poll(events, Some(at_most)) {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::server::{Answer, Server};

    struct Script(Vec<&'static str>);

    impl Answer for Script {
        fn answer(&mut self, _: &[u8]) -> Option<&[u8]> {
            let next = if self.0.len() > 1 {
                self.0.remove(0)
            } else {
                self.0[0]
            };
            Some(next.as_bytes())
        }
    }

    struct Times(usize);

    impl Requests for Times {
        fn next(&mut self) -> Option<&[u8]> {
            self.0 = self.0.checked_sub(1)?;
            Some(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        }
    }

    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    const NO: &str = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
    const LONG: Duration = Duration::from_secs(60);

    fn run(script: &[&'static str], connections: usize, requests: usize) -> Tally {
        let server = Server::start(Script(script.to_vec())).unwrap();
        let mut generator = Generator::connect(server.address(), connections).unwrap();
        let tally = generator.run(&mut Times(requests), LONG).unwrap();
        generator.drain().unwrap();
        tally
    }

    #[test]
    fn a_run_ends_when_there_are_no_more_requests() {
        let tally = run(&[OK], 4, 1000);
        // Requests in flight when the supply ran out are not counted.
        assert!((996..=1000).contains(&tally.good), "{tally:?}");
        assert_eq!(tally.latencies.len(), tally.good);
        assert_eq!(tally.trouble(), None);
        assert!(tally.per_second() > 0.0 && tally.latency_us(0.5) > 1.0);
        assert!(tally.latency_us(0.5) <= tally.latency_us(0.99));
        assert!(tally.elapsed < LONG);
    }

    #[test]
    fn a_run_ends_when_its_time_is_over() {
        let server = Server::start(Script(vec![OK])).unwrap();
        let mut generator = Generator::connect(server.address(), 2).unwrap();
        let length = Duration::from_millis(50);
        let tally = generator.run(&mut Times(usize::MAX), length).unwrap();
        assert!(tally.good > 0 && tally.elapsed >= length);
    }

    #[test]
    fn other_statuses_are_no_good_answers() {
        let tally = run(&[NO, NO, OK], 1, 10);
        assert_eq!(tally.wrong, BTreeMap::from([(401, 2)]));
        assert_eq!(tally.good, 8);
        assert_eq!(tally.trouble().unwrap(), "2 answers with status 401");
    }

    #[test]
    fn what_is_no_single_response_breaks_the_connection_and_the_run_goes_on() {
        let two = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        let tally = run(&[two, "rubbish\r\n\r\n", OK], 1, 5);
        assert_eq!((tally.broken, tally.good), (2, 3));
        assert_eq!(tally.trouble().unwrap(), "2 broken connections");
    }
}
