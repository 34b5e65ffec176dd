//! HTTP(S) requests to the identity provider: one connection each, bounded in time and size, retried.
//!
//! * One deadline covers everything from name lookup to the last byte, retries included.
//! * Repeated are attempts that failed below HTTP or with 502, 503 or 504 (never 429: the provider asked for peace).
//! * Redirects are not followed: a token endpoint has no business sending the gateway's credentials elsewhere.
//! * Nothing larger than [`MAX_BODY`] is read.

mod exchange;
mod url;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use middleware::{ConfigError, Event};

pub use self::url::Url;
use crate::ClientConfig;
use crate::connection::{self, ConnectionError, Peer, Tls};
use crate::platform::{Platform, SocketError};
use crate::shared::Repeated;

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
    /// The peer does not speak proper HTTP/1.1, or broke off within the answer.
    #[error("HTTP: {0}")]
    Protocol(String),
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
            ConnectionError::Closed => Self::Protocol(error.to_string()),
            ConnectionError::Name => Self::Request(error.to_string()),
        }
    }
}

impl HttpError {
    fn of_io(step: &'static str, error: &std::io::Error) -> Self {
        ConnectionError::of_io(step, error).into()
    }

    fn is_worth_repeating(&self) -> bool {
        !matches!(
            self,
            Self::Request(_)
                | Self::TooLarge
                | Self::Redirect(_)
                | Self::Socket {
                    source: SocketError::Busy | SocketError::TimedOut | SocketError::NoLock,
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
    pub(crate) const fn max_waiting(&self) -> u64 {
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
        let deadline = self
            .platform
            .monotonic()
            .saturating_add(timeout.min(self.timeout));
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
                Ok(response) => is_passing_trouble(response.status()),
                Err(error) => error.is_worth_repeating(),
            };
            let resume = self.platform.monotonic().saturating_add(pause);
            if !repeat || attempt >= self.max_retries || resume >= deadline {
                return outcome;
            }
            while self.platform.monotonic() < resume {
                self.platform.yield_now();
            }
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
        connection::connected(
            &mut *sockets,
            &*self.platform,
            &Peer { host, port, tls },
            &Cell::new(deadline),
            pulse,
            |wire| exchange::run(wire, request),
        )?
    }
}

fn is_passing_trouble(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}
