//! The client.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use http::{Request, Response};
use middleware::{ConfigError, Event};

use super::exchange;
use super::extensions::{Repeated, SendOnce};
use super::retry;
use super::url::Url;
use crate::client_config::ClientConfig;
use crate::connection::{self, Peer, Wire};
use crate::platform::{Platform, SocketError};
use crate::tls::Tls;
use crate::wire::{Step, WireError};

/// Sends the requests of one plugin instance.
pub struct HttpClient {
    platform: Rc<dyn Platform>,
    timeout: Duration,
    max_retries: u64,
    max_waiting: u64,
    tls: Tls,
}

impl HttpClient {
    /// A client with the options of the `clientConfig` block.
    ///
    /// # Errors
    /// [`ConfigError`] names the option that is out of range, or the certificate that cannot be read.
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
                        "the provider's certificate is not checked, so anyone in its place controls the gateway: use clientConfig.tls.ca",
                    ),
            );
        }
        Ok(client)
    }

    /// How many requests of a Traefik process may wait for another instance's fetch
    /// (`clientConfig.maxWaitingRequests`).
    pub const fn max_waiting(&self) -> u64 {
        self.max_waiting
    }

    /// The configured time limit for one call of [`HttpClient::send`] (`clientConfig.timeoutSeconds`).
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sends `request` to `url` and reads the whole answer, within `timeout` or the configured time limit, whichever is
    /// shorter. Calls `pulse` at least once a second during waits. Returns answers of any status except redirects.
    ///
    /// # Errors
    /// [`WireError`] of the last attempt that did not fail for lack of time.
    pub fn send(
        &self,
        url: &Url,
        request: &Request<Vec<u8>>,
        timeout: Duration,
        pulse: &dyn Fn(),
    ) -> Result<Response<Vec<u8>>, WireError> {
        self.send_repeatedly(url, request, timeout, self.max_retries, pulse)
    }

    /// Like [`HttpClient::send`], but sends the request once only.
    ///
    /// # Errors
    /// [`WireError`] of the one attempt.
    pub fn send_unrepeated(
        &self,
        url: &Url,
        request: &Request<Vec<u8>>,
        timeout: Duration,
        pulse: &dyn Fn(),
    ) -> Result<Response<Vec<u8>>, WireError> {
        self.send_repeatedly(url, request, timeout, 0, pulse)
    }

    fn send_repeatedly(
        &self,
        url: &Url,
        request: &Request<Vec<u8>>,
        timeout: Duration,
        max_retries: u64,
        pulse: &dyn Fn(),
    ) -> Result<Response<Vec<u8>>, WireError> {
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
                // A repetition without enough time says less than the attempt before it.
                (Err(error), Some(earlier)) if retry::is_lack_of_time(&error) => return earlier,
                (Ok(mut response), Some(_)) => {
                    response.extensions_mut().insert(Repeated);
                    Ok(response)
                }
                (outcome, _) => outcome,
            };
            let repeat = retry::is_to_be_repeated(&outcome, once);
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
    ) -> Result<Response<Vec<u8>>, WireError> {
        let tls = match url.is_https() {
            true => Some(
                self.tls
                    .config(&*self.platform)
                    .map_err(|error| WireError::Tls(error.to_string()))?,
            ),
            false => None,
        };
        let mut sockets = self
            .platform
            .sockets(deadline)
            .map_err(|source| WireError::Socket {
                step: Step::WaitForNetwork,
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

    /// Completes the TLS handshake of a connection for a request that must arrive only once, and makes the last check
    /// before it is sent.
    fn before_sending(
        &self,
        once: &SendOnce,
        wire: &mut dyn Wire,
        deadline: &Cell<Duration>,
    ) -> Result<(), WireError> {
        wire.flush()
            .map_err(|error| WireError::of_io(Step::Connect, &error))?;
        if once.not_after <= self.platform.now() {
            return Err(WireError::Socket {
                step: Step::Connect,
                source: SocketError::TimedOut,
            });
        }
        let answered = self.platform.monotonic().saturating_add(once.answer_within);
        deadline.set(deadline.get().max(answered));
        Ok(())
    }
}

#[cfg(test)]
mod tests;
