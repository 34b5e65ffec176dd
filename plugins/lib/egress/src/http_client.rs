//! HTTP(S) requests to the identity provider: one connection each, bounded in time and size, retried.
//!
//! * One deadline covers everything from name lookup to the last byte, retries included.
//! * Repeated are attempts that failed below HTTP or with 502, 503 or 504 (never 429: the provider asked for peace). A
//!   request that may be sent once only ([`SendOnce`]) is repeated only if none of it was sent.
//! * Redirects are not followed: a token endpoint has no business sending the gateway's credentials elsewhere.
//! * No body larger than [`MAX_BODY`] is read, nor more than a bounded number of bytes around it.

mod exchange;
mod url;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use middleware::{ConfigError, Event, UnixTime};

pub use self::url::Url;
use crate::ClientConfig;
use crate::connection::{self, ConnectionError, HANDSHAKE, Peer, Protocol, Tls, Wire};
use crate::platform::{Platform, SocketError};

/// The largest response body accepted, in bytes.
pub const MAX_BODY: usize = 256 * 1024;

/// Sends requests for one plugin instance.
pub struct HttpClient {
    platform: Rc<dyn Platform>,
    timeout: Duration,
    max_retries: u64,
    max_waiting: u64,
    tls: Tls,
}

/// An extension of a request that must not arrive twice, and whose answer must not be missed: it holds what takes the
/// place of something that the request uses up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendOnce {
    /// From here on it must not be sent any more.
    pub not_after: UnixTime,
    /// How long to wait for the answer once it is on its way, whatever the deadline.
    pub answer_within: Duration,
}

/// Marks an answer, as an extension of it, that came after the request had been sent more than once.
#[derive(Debug, Clone, Copy)]
pub struct Repeated;

/// Why no response was had. The text is for the log; it holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The sockets, or the way to the server, failed.
    #[error("{step}: {source}")]
    Socket {
        /// What was being done.
        step: &'static str,
        /// Why it failed.
        source: SocketError,
    },
    /// The TLS handshake or the encrypted stream failed.
    #[error("TLS: {0}")]
    Tls(String),
    /// The peer answered the TLS handshake in another protocol.
    #[error(
        "TLS: the server does not speak TLS on this port; it answers in {0}: check port and scheme of the URL"
    )]
    NoTls(Protocol),
    /// The peer closed the connection before the TLS handshake was over.
    #[error("TLS: the server closed the connection in the handshake; check that it speaks TLS on this port")]
    ClosedInHandshake,
    /// The peer speaks another protocol than HTTP.
    #[error(
        "the server does not speak HTTP on this port; it answers in {0}: check port and scheme of the URL"
    )]
    NoHttp(Protocol),
    /// The peer does not speak proper HTTP/1.1, or broke off within the answer.
    #[error("HTTP: {0}")]
    Protocol(String),
    /// Headers, framing and trailers of the answer are larger than any that is meant.
    #[error("the answer's {0} is too large")]
    Excess(&'static str),
    /// The answer is larger than [`MAX_BODY`].
    #[error("the answer is larger than {MAX_BODY} bytes")]
    TooLarge,
    /// The answer is a redirect, which is not followed.
    #[error("the answer is a redirect (status {0}), which is not followed: configure the final URL")]
    Redirect(u16),
    /// The request cannot be sent at all.
    #[error("the request cannot be built: {0}")]
    Request(String),
}

impl From<ConnectionError> for HttpError {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::Socket { step, source } => Self::Socket { step, source },
            ConnectionError::Tls(problem) => Self::Tls(problem),
            ConnectionError::NoTls(protocol) => Self::NoTls(protocol),
            ConnectionError::ClosedInHandshake => Self::ClosedInHandshake,
            ConnectionError::Closed => Self::Protocol(error.to_string()),
            ConnectionError::Name => Self::Request(error.to_string()),
        }
    }
}

const CONNECTING: &str = "connecting";

impl HttpError {
    fn of_io(step: &'static str, error: &std::io::Error) -> Self {
        ConnectionError::of_io(step, error).into()
    }

    fn is_worth_repeating(&self) -> bool {
        !matches!(
            self,
            Self::Request(_)
                | Self::TooLarge
                | Self::Excess(_)
                | Self::NoTls(_)
                | Self::NoHttp(_)
                | Self::Redirect(_)
                | Self::Socket {
                    source: SocketError::Busy | SocketError::TimedOut | SocketError::NoLock,
                    ..
                }
        )
    }

    /// True when nothing of the request can have reached the server.
    fn is_before_sending(&self) -> bool {
        matches!(
            self,
            Self::Socket {
                step: "waiting for the network" | "name lookup" | CONNECTING | HANDSHAKE,
                ..
            }
        )
    }

    fn is_lack_of_time(&self) -> bool {
        matches!(
            self,
            Self::Socket {
                source: SocketError::Busy | SocketError::TimedOut,
                ..
            }
        )
    }
}

impl HttpClient {
    /// A client configured by the `clientConfig` block.
    ///
    /// # Errors
    /// Names the option that is out of range, or the certificate that cannot be read.
    pub fn new(platform: Rc<dyn Platform>, config: &ClientConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let tls = Tls::new(config.tls.clone(), "clientConfig.tls", &[b"http/1.1"], &*platform)?;
        let client = Self {
            platform,
            timeout: config.timeout(),
            max_retries: config.max_retries,
            max_waiting: config.max_waiting_requests,
            tls,
        };
        if config.tls.insecure_skip_verify {
            client.platform.log(
                &Event::warn("configuration.insecure")
                    .field("option", "clientConfig.tls.insecureSkipVerify")
                    .field(
                        "problem",
                        "whoever answers in the provider's place owns the gateway: use clientConfig.tls.ca",
                    ),
            );
        }
        Ok(client)
    }

    /// How many requests may wait for somebody else's fetch.
    pub const fn max_waiting(&self) -> u64 {
        self.max_waiting
    }

    /// The configured time that one call of [`HttpClient::send`] may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sends `request` to `url` and reads the whole answer, whatever its status but a redirect, within `timeout`
    /// (at most the configured one). `pulse` is called at least once a second while waiting.
    ///
    /// # Errors
    /// [`HttpError`] of the last attempt that had the time to fail by itself.
    pub fn send(
        &self,
        url: &Url,
        request: &Request<Vec<u8>>,
        timeout: Duration,
        pulse: &dyn Fn(),
    ) -> Result<Response<Vec<u8>>, HttpError> {
        self.send_repeatedly(url, request, timeout, self.max_retries, pulse)
    }

    /// Like [`HttpClient::send`], but sends the request once only.
    ///
    /// # Errors
    /// [`HttpError`] of that attempt.
    pub fn send_unrepeated(
        &self,
        url: &Url,
        request: &Request<Vec<u8>>,
        timeout: Duration,
        pulse: &dyn Fn(),
    ) -> Result<Response<Vec<u8>>, HttpError> {
        self.send_repeatedly(url, request, timeout, 0, pulse)
    }

    fn send_repeatedly(
        &self,
        url: &Url,
        request: &Request<Vec<u8>>,
        timeout: Duration,
        max_retries: u64,
        pulse: &dyn Fn(),
    ) -> Result<Response<Vec<u8>>, HttpError> {
        let deadline = self
            .platform
            .monotonic()
            .saturating_add(timeout.min(self.timeout));
        let once = request.extensions().get::<SendOnce>().is_some();
        let mut pause = Duration::from_millis(50);
        let mut attempt = 0;
        let mut earlier = None;
        loop {
            let outcome = match (self.attempt(url, request, deadline, pulse), earlier) {
                // A repetition that was cut short says less than what it was to repeat.
                (Err(error), Some(earlier)) if error.is_lack_of_time() => return earlier,
                (Ok(mut response), Some(_)) => {
                    response.extensions_mut().insert(Repeated);
                    Ok(response)
                }
                (outcome, _) => outcome,
            };
            let repeat = match &outcome {
                _ if once && !matches!(&outcome, Err(error) if error.is_before_sending()) => false,
                Ok(response) => is_passing_trouble(response.status()),
                Err(error) => error.is_worth_repeating(),
            };
            let resume = self.platform.monotonic().saturating_add(pause);
            if !repeat || attempt >= max_retries || resume >= deadline {
                return outcome;
            }
            self.platform.wait_until(resume);
            attempt += 1;
            earlier = Some(outcome);
            pause = pause.saturating_mul(2);
        }
    }

    fn attempt(
        &self,
        url: &Url,
        request: &Request<Vec<u8>>,
        deadline: Duration,
        pulse: &dyn Fn(),
    ) -> Result<Response<Vec<u8>>, HttpError> {
        let tls = match url.is_https() {
            true => Some(
                self.tls
                    .config(&*self.platform)
                    .map_err(|error| HttpError::Tls(error.to_string()))?,
            ),
            false => None,
        };
        let mut sockets = self
            .platform
            .sockets(deadline)
            .map_err(|source| HttpError::Socket {
                step: "waiting for the network",
                source,
            })?;
        let (host, port) = (url.host(), url.port());
        let deadline = Cell::new(deadline);
        connection::connected(
            &mut *sockets,
            &*self.platform,
            &Peer { host, port, tls },
            &deadline,
            pulse,
            |wire| {
                if let Some(once) = request.extensions().get() {
                    self.before_sending(once, wire, &deadline)?;
                }
                exchange::run(wire, request)
            },
        )?
    }

    /// The last moment before a request that may be sent once.
    fn before_sending(
        &self,
        once: &SendOnce,
        wire: &mut dyn Wire,
        deadline: &Cell<Duration>,
    ) -> Result<(), HttpError> {
        // Has TLS shake hands first.
        wire.flush()
            .map_err(|error| HttpError::of_io(CONNECTING, &error))?;
        if once.not_after <= self.platform.now() {
            return Err(HttpError::Socket {
                step: CONNECTING,
                source: SocketError::TimedOut,
            });
        }
        let answered = self.platform.monotonic().saturating_add(once.answer_within);
        deadline.set(deadline.get().max(answered));
        Ok(())
    }
}

fn is_passing_trouble(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use middleware::Host;

    use super::*;
    use crate::platform::Native;

    fn client() -> (HttpClient, Rc<Native>) {
        let native = Rc::new(Native::new("/nonexistent", |_| {}));
        let config = ClientConfig {
            timeout_seconds: 1,
            ..ClientConfig::default()
        };
        let client = HttpClient::new(Rc::clone(&native) as Rc<dyn Platform>, &config).unwrap();
        (client, native)
    }

    /// Answers after `latency`, with 503 the first time; counts requests.
    fn server(latency: Duration) -> (Url, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("http://{}/", listener.local_addr().unwrap())).unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&calls);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                if stream.read(&mut [0; 1024]).unwrap_or_default() == 0 {
                    continue;
                }
                let status = if counter.fetch_add(1, Ordering::SeqCst) == 0 {
                    503
                } else {
                    200
                };
                std::thread::sleep(latency);
                let _ = write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n");
            }
        });
        (url, calls)
    }

    fn request(url: &Url, once: Option<SendOnce>) -> Request<Vec<u8>> {
        let mut request = Request::post(url.uri().clone()).body(b"x=y".to_vec()).unwrap();
        if let Some(once) = once {
            request.extensions_mut().insert(once);
        }
        request
    }

    #[test]
    fn what_may_be_sent_once_is_sent_once_and_its_answer_waited_for() {
        let (client, native) = client();
        let once = SendOnce {
            not_after: native.now().plus(Duration::from_secs(60)),
            answer_within: Duration::from_secs(20),
        };
        for (once, latency, status, calls) in [
            (None, 0, 200, 2),
            (Some(once), 0, 503, 1),
            (Some(once), 1800, 503, 1),
        ] {
            let (url, counter) = server(Duration::from_millis(latency));
            let response = client.send(&url, &request(&url, once), client.timeout(), &|| {});
            assert_eq!(response.unwrap().status(), status, "{once:?}");
            assert_eq!(counter.load(Ordering::SeqCst), calls, "{once:?}");
        }
    }

    #[test]
    fn after_its_time_it_is_not_sent_at_all() {
        let (client, native) = client();
        let (url, calls) = server(Duration::ZERO);
        let late = SendOnce {
            not_after: native.now(),
            answer_within: Duration::from_secs(20),
        };
        let outcome = client.send(&url, &request(&url, Some(late)), client.timeout(), &|| {});
        assert!(outcome.is_err_and(|error| error.is_before_sending()));
        assert_eq!(calls.load(Ordering::SeqCst), 0);
    }
}
