//! HTTP(S) requests to the identity provider: one connection each, bounded in time and size, retried.
//!
//! * One deadline covers everything from name lookup to the last byte, retries included.
//! * Repeated are attempts that failed below HTTP or with 502, 503 or 504 (never 429: the provider asked for peace).
//! * Redirects are not followed: a token endpoint has no business sending the gateway's credentials elsewhere.
//! * Nothing larger than [`MAX_BODY`] is read.

mod exchange;
mod patience;
mod tls;
mod url;

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use middleware::{ConfigError, Event};

use self::patience::Patience;
pub(crate) use self::tls::accept_any_certificate;
pub use self::url::Url;
use crate::platform::{Platform, SocketError, Sockets};
use crate::{ClientConfig, TlsOptions};

/// The largest response body accepted, in bytes.
pub const MAX_BODY: usize = 256 * 1024;

/// Sends requests for one plugin instance.
pub struct HttpClient {
    platform: Rc<dyn Platform>,
    timeout: Duration,
    max_retries: u64,
    max_waiting: u64,
    tls_options: TlsOptions,
    /// Built when first needed: most instances never fetch anything.
    tls: OnceCell<Arc<rustls::ClientConfig>>,
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

impl HttpError {
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
        let client = Self {
            platform,
            timeout: config.timeout(),
            max_retries: config.max_retries,
            max_waiting: config.max_waiting_requests,
            tls_options: config.tls.clone(),
            tls: OnceCell::new(),
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
        // A wrong certificate should be found now, not when the first token is needed.
        client.tls_options.check_authority(&*client.platform)?;
        if client.tls_options.has_identity() {
            client.tls()?;
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
        pulse: &mut dyn FnMut(),
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
        pulse: &mut dyn FnMut(),
    ) -> Result<Response<Vec<u8>>, HttpError> {
        let failed = |step| move |source| HttpError::Socket { step, source };
        // Its certificates may be in files, and reading those takes the same right as using sockets.
        let tls = match url.is_https() {
            true => Some(self.tls().map_err(|error| HttpError::Tls(error.to_string()))?),
            false => None,
        };
        let mut sockets = self
            .platform
            .sockets(deadline)
            .map_err(failed("waiting for the network"))?;
        pulse();
        let addresses = sockets
            .resolve(url.host(), url.port())
            .map_err(failed("name lookup"))?;
        let mut last = HttpError::Socket {
            step: "name lookup",
            source: SocketError::NotFound,
        };
        for (index, address) in addresses.iter().enumerate() {
            pulse();
            // Every remaining address gets its share of the remaining time, at least the one second a poll takes.
            let left = deadline.saturating_sub(self.platform.monotonic());
            let share = left
                / u32::try_from(addresses.len().saturating_sub(index))
                    .unwrap_or(1)
                    .max(1);
            let limit = self
                .platform
                .monotonic()
                .saturating_add(share.max(Duration::from_secs(1)))
                .min(deadline);
            match self.connected(
                &mut *sockets,
                *address,
                limit,
                deadline,
                url,
                tls.as_ref(),
                request,
                pulse,
            ) {
                Err(
                    error @ HttpError::Socket {
                        step: "connecting", ..
                    },
                ) => last = error,
                outcome => return outcome,
            }
        }
        Err(last)
    }

    #[allow(clippy::too_many_arguments)] // one exchange needs them all, and they have nothing in common
    fn connected(
        &self,
        sockets: &mut dyn Sockets,
        address: std::net::SocketAddr,
        connect_deadline: Duration,
        deadline: Duration,
        url: &Url,
        tls: Option<&Arc<rustls::ClientConfig>>,
        request: &Request<Vec<u8>>,
        pulse: &mut dyn FnMut(),
    ) -> Result<Response<Vec<u8>>, HttpError> {
        let stream = sockets
            .connect(address, connect_deadline, pulse)
            .map_err(|source| HttpError::Socket {
                step: "connecting",
                source,
            })?;
        trap::point("during-io");
        let mut patience = Patience::new(stream, &*self.platform, deadline, pulse);
        let Some(tls) = tls else {
            return exchange::run(&mut patience, request);
        };
        let mut session = rustls::ClientConnection::new(Arc::clone(tls), url.server_name()?)
            .map_err(|error| HttpError::Tls(error.to_string()))?;
        exchange::run(&mut rustls::Stream::new(&mut session, &mut patience), request)
    }

    fn tls(&self) -> Result<Arc<rustls::ClientConfig>, ConfigError> {
        if let Some(config) = self.tls.get() {
            return Ok(Arc::clone(config));
        }
        let config = self.tls_options.build(&*self.platform)?;
        Ok(Arc::clone(self.tls.get_or_init(|| config)))
    }
}

fn is_passing_trouble(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
    )
}
