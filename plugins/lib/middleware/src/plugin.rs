//! What a plugin is.

use crate::{ConfigError, Decision, RequestHead, ResponseHead};

/// A middleware: built once per instance, then asked about every request.
pub trait Middleware: Sized {
    /// The plugin's name in logs, for example `jwt`.
    const NAME: &'static str;

    /// What the plugin needs of its host beyond the request: a [`Host`](crate::Host), or a network.
    type Services;

    /// Builds the middleware from the bytes of its option block (JSON).
    ///
    /// # Errors
    /// [`ConfigError`] names the field and the cure. The caller then refuses every request: a plugin that
    /// refused to start would lose its router, and Traefik would let requests fall through to a broader one.
    fn new(config: &[u8], services: Self::Services) -> Result<Self, ConfigError>;

    /// Work worth doing before the first request, such as fetching keys. Runs where Traefik builds the middleware,
    /// not in the instances it adds later, and must not fail.
    fn prepare(&mut self) {}

    /// Files that the configuration names have changed, and this middleware was built to take the place of `before`. What
    /// `before` has fetched and is still good need not be fetched again.
    fn take_over(&mut self, before: Self) {
        drop(before);
    }

    /// Decides about one request. May be asked about the same request again, after [`Middleware::take_over`].
    fn on_request(&mut self, request: &dyn RequestHead) -> Decision;

    /// Sees the head of the answer to the request that [`Middleware::on_request`] forwarded last: an instance
    /// handles one request at a time, from its arrival to the end of its answer. By now the answer may be on its
    /// way to the client, so nothing about it can be changed.
    fn on_response(&mut self, response: &dyn ResponseHead) {
        let _ = response;
    }
}
